"""A way out where nothing could be read: the lines that hold numbers, what was made of them, what would read them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lrscope.readers.console.lines import analyse
from lrscope.readers.console.numbers import NUMBER

MOST_SHOWN_KINDS = 5
MOST_UNREAD_KINDS = 1_000
MOST_KEPT_LINES = 20_000
"""Lines that are looked at: the kinds of a log show in its first ones."""

_WIDTH = 100
_MOST_NAMES = 4
_SIGN = re.compile(r"[.^$*+?()\[\]{}|\\']")
_LOOKED_AT = 1_000  # characters of a line
_NAMED = re.compile(r"([A-Za-z][\w./-]*)\s?[:=]?\s?$")


def frequent_kinds(lines: Sequence[str], wanted: str | None = None) -> str:
    """The most frequent kinds of line that hold numbers: an example, what was made of it, and what reads it.

    Lines of one kind differ in their numbers only; a kind with one line is left out. "" where there is none.
    """
    kinds: dict[str, tuple[int, str]] = {}
    for line in lines:
        parts = NUMBER.split(line[:_LOOKED_AT])
        if len(parts) < 3:
            continue
        key = " ".join("\0".join(parts[::2]).split())
        count, example = kinds.get(key, (0, line))
        if count or len(kinds) < MOST_UNREAD_KINDS:
            kinds[key] = (count + 1, example)
    most = sorted((kind for kind in kinds.values() if kind[0] > 1), key=lambda kind: -kind[0])[
        :MOST_SHOWN_KINDS
    ]
    if not most:
        return ""
    rows = [f"{count} x  {_shortened(line)}\n    {_made_of(line, wanted)}" for count, line in most]
    return "The most frequent kinds of line that hold numbers:\n  " + "\n  ".join(rows)


def _made_of(line: str, wanted: str | None) -> str:
    template = analyse(line[:_LOOKED_AT], wanted)
    counters = [c.name for c in (template.epoch, template.within) if c is not None]
    names = [m.name for m in (*template.measures, *template.summaries) if not m.rate]
    parts = []
    if counters:
        parts.append(f"a counter: {', '.join(counters)}")
    if names:
        parts.append(f"no known loss or score: {', '.join(names[:_MOST_NAMES])}")
    if template.others:
        parts.append(f"settings, sizes or times: {', '.join(template.others[:_MOST_NAMES])}")
    made = "; ".join(parts) or "no number on it has a known name"
    return f"{made}. {_option(line[:_LOOKED_AT], [*names, *template.others])}"


def _option(line: str, names: Sequence[str]) -> str:
    """The option that would read this line: --metric with a name on it, or --pattern made from its text."""
    if names:
        return f"To judge it: --metric {names[0]}"
    named = [m for m in (_NAMED.search(line[: n.start()]) for n in NUMBER.finditer(line)) if m is not None]
    if not named:
        return r"To judge its third column: --pattern '^\s*(?:\S+\s+){2}(?P<loss>\S+)'"
    return f"To judge it: --pattern '{_SIGN.sub(_escaped, named[-1].group())}(?P<loss>\\S+)'"


def _escaped(sign: re.Match[str]) -> str:
    return "." if sign.group() == "'" else f"\\{sign.group()}"


def _shortened(line: str) -> str:
    text = "".join(c if c.isprintable() else " " for c in line.strip())
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"
