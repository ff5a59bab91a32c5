"""A report as one HTML file that holds all it needs and asks nothing of any network. It knows the sections, and
no kind of result.

The frame, style, scripts and the markup of charts lie in `web/static`. Everything that came from outside (names,
reasons, lines of logs) is escaped where it enters the page, and the page's own policy forbids it to load anything
or to run any script but the two that are in it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Sequence
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from lrscope._version import __version__
from lrscope.errors import StoreError
from lrscope.views.shared import sections as s

_OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")
_UNBROKEN = r'<span class="unbroken">\g<0></span>'
_CREDIT = " Charts: uPlot, MIT licence, © 2022 Leon Sorokin."
_TONES = {"plain": "", "quiet": ' class="quiet"', "alert": ' class="alert"'}


def html(report: s.Report) -> str:
    """The whole page as text. The same report always gives the same page."""
    codes = _codes(report)
    before, strong, after = report.headline or ("", report.kind, "")
    headline = text(before) + (f"<strong>{text(strong)}</strong>" if strong else "") + text(after)
    sentence = "".join(f"{words}. " for words in report.details).rstrip()
    return Template(static("report.html")).substitute(
        policy=policy(*codes),
        version=text(__version__),
        title=text(f"{report.name}: {before}{strong}{after}"),
        style=static("uPlot.min.css") + static("report.css"),
        kind=text(report.kind),
        name=text(report.name),
        unfinished=f'<p class="unfinished">{text(report.unfinished)}</p>' if report.unfinished else "",
        headline=headline,
        sentence=f'<p class="sentence">{text(sentence)}</p>' if sentence else "",
        lead=f'<p class="quiet">{text(report.lead)}</p>' if report.lead else "",
        sections=_sections(report.sections, 2),
        credit=_CREDIT if codes else "",
        scripts=_scripts(report, *codes) if codes else "",
    )


def write(report: s.Report, path: str | os.PathLike[str]) -> Path:
    """Write the page to `path`, whole or not at all, and return the path. Folders on the way are made.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    target = Path(path)
    draft = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(html(report), encoding="utf-8")
        draft.replace(target)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise StoreError(
            f"The report could not be written to {target}: {error.strerror or error}."
        ) from error
    return target


def text(words: str) -> str:
    """Any text as HTML: markup escaped, control characters and what is no character made visible."""
    clean = "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in words)
    return escape(clean, quote=True)


def fragment(name: str, **blanks: str) -> str:
    """Markup of `web/static` with its blanks filled by text."""
    return Template(static(name)).substitute({key: text(words) for key, words in blanks.items()})


def script_safe(data: object) -> str:
    """JSON that can stand inside a `<script>` element: no `<`, `>` or `&` that could end it or begin
    another, and none of the two line breaks that JSON allows and older scripts do not."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    # A lone surrogate (a name that was no UTF-8) cannot be written to a file; JSON has an escape for it.
    return "".join(f"\\u{ord(c):04x}" if 0xD800 <= ord(c) <= 0xDFFF else c for c in text)


def policy(*scripts: str) -> str:
    """Nothing may be loaded, and of scripts only these may run."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()}'" for code in scripts
    )
    allowed = hashes or "'none'"
    rules = f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:"
    return escape(f"{rules}; base-uri 'none'; form-action 'none'", quote=False)


@cache
def static(name: str) -> str:
    """A file of `web/static` as text."""
    return (files("lrscope.web") / "static" / name).read_text(encoding="utf-8")


def _codes(report: s.Report) -> tuple[str, ...]:
    """The scripts that run in the page: uPlot and ours; none where nothing is drawn by one."""
    if not report.scripts:
        return ()
    return static("uPlot.iife.min.js"), "".join(static(name) for name in ("charts.js", *report.scripts))


def _scripts(report: s.Report, uplot: str, script: str) -> str:
    data, licence = script_safe(report.data() if report.data else None), static("uPlot.LICENSE.txt")
    return Template(static("scripts.html")).substitute(data=data, licence=licence, uplot=uplot, script=script)


def _sections(sections: Sequence[s.Section], level: int) -> str:
    return "\n".join(_section(section, level) for section in sections if section.only != "text")


def _section(section: s.Section, level: int) -> str:
    """One section under a heading of `level`; empty where it holds nothing."""
    inside = _inside(section, level)
    if not inside:
        return ""
    if isinstance(section, s.Fold):
        note = f" <small>{text(section.note)}</small>" if section.note else ""
        return f"<details><summary>{text(section.title)}{note}</summary>{inside}</details>"
    if not section.title:
        return inside
    kind = type(section).__name__.lower()
    return f'<section class="{kind}"><h{level}>{text(section.title)}</h{level}>{inside}</section>'


def _inside(section: s.Section, level: int) -> str:
    match section:
        case s.Paragraph():
            return f"<p{_TONES[section.tone]}>{text(section.text)}</p>" if section.text else ""
        case s.Caveats():
            # An option stays on one line, and does not break after its hyphens.
            items = "".join(f"<li>{_OPTION.sub(_UNBROKEN, text(w))}</li>" for w in section.sentences)
            return f"<ul>{items}</ul>" if items else ""
        case s.KeyFigures():
            items = "".join(_figure(*figure) for figure in section.figures)
            return f'<ul class="chips" aria-label="Key figures">{items}</ul>'
        case s.Pairs():
            tag = "code" if section.paste else "span"
            items = "".join(f"<dt>{text(n)}</dt><dd><{tag}>{text(v)}</{tag}></dd>" for n, v in section.pairs)
            return f"<dl>{items}</dl>" if items else ""
        case s.Table():
            return _table(section) if section.rows else ""
        case s.Chart():
            return section.markup() if section.markup else ""
        case s.Group():
            return _sections(section.sections(), level + 1)
        case s.Fold():
            return _sections(section.sections, level + 1)
    raise TypeError(section)


def _figure(label: str, value: str, note: str) -> str:
    small = f"<small>{text(note)}</small>" if note else ""
    return f"<li><span>{text(label)}</span><b>{text(value)}</b>{small}</li>"


def _table(table: s.Table) -> str:
    kinds = [' class="num"' if k in table.numeric else "" for k in range(len(table.columns))]
    names, orders = [text(name) for name in table.columns], [""] * len(kinds)
    if table.id:  # each name is a button that sorts; the rows come in the order of the first column
        names = [f'<button type="button">{name}</button>' for name in names]
        orders[0] = ' aria-sort="ascending"'
    head = "".join(f'<th scope="col"{k}{o}>{n}</th>' for k, o, n in zip(kinds, orders, names, strict=True))
    rows = "\n".join(_row(i, row, kinds, pick=bool(table.id)) for i, row in enumerate(table.rows))
    place = f' role="region" aria-label="Table of {text(table.title.lower())}"' if table.title else ""
    kind, name = ("scroll", f' id="{table.id}"') if table.id else ("scroll plain", "")
    return (
        f'<div class="{kind}" tabindex="0"{place}><table{name}><thead><tr>{head}</tr></thead>'
        f"<tbody>\n{rows}\n</tbody></table></div>"
    )


def _row(index: int, row: s.Row, kinds: Sequence[str], *, pick: bool) -> str:
    inside = ""
    for k, (cell, kind) in enumerate(zip(row.cells, kinds, strict=True)):
        words, value = _cell(cell), ""
        if pick:
            value = f' data-v="{text(str(cell.text if cell.sort is None else cell.sort))}"'
        if pick and k == 0:
            label = f'aria-pressed="false" aria-label="{text(row.label)}"'
            words = f'<button type="button" class="pick" {label}>{words}</button>'
        where = ' class="reason"' if cell.quiet else kind
        inside += f"<td{where}{value}>{words}</td>"
    number, named = f' data-run="{index}"' if pick else "", ' class="named"' if row.named else ""
    return f"<tr{number}{named}>{inside}</tr>"


def _cell(cell: s.Cell) -> str:
    words = "" if cell.only == "text" else text(cell.text)
    dot = f' style="--dot:{cell.colour}"' if cell.colour else ""
    return f'<span class="state {cell.state}"{dot}>{words}</span>' if cell.state or dot else words
