"""Which of the words before a number name it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lrscope.vocabulary import Kind, same_name
from lrscope.vocabulary.printed import EVALUATION, TRAINING, printed_kind
from lrscope.vocabulary.terms import AVERAGES

_CUT = re.compile(r"[,;|\t\])}>•·●│┃]|\s{2,}|\s[-–—]\s|:\s|^:|…|\.{3,}|[█▏▎▍▌▋▊▉━╸╺#]+\s")
_WRAPPER = re.compile(
    r"(?:^|(?<=[\s:=(\[{'\"]))(?:tensor|array|[\w.]*float\d*|[\w.]*Array|[\w.]*Tensor|[\w.]*scalar)$"
)
_WORD = re.compile(r"[A-Za-z_@%µ*][\w@./'’%*+()-]*")
_FILLER = frozenset(
    [
        "is",
        "was",
        "of",
        "the",
        "at",
        "a",
        "an",
        "equals",
        "value",
        "this",
        "for",
        "current",
        "after",
        "has",
        "now",
        "its",
        "with",
        "and",
        "then",
        "on",
        "are",
    ]
)
_EDGE = " \t:=([{|'\"~≈<→─-–*"
_SIDES = frozenset(("train", "val", "valid", "test", "dev", "eval"))
_LEADING = re.compile(r"\s*[:|,;]?\s*(?:train|val|valid|test|loss|acc|lr)\w*\b", re.IGNORECASE)
_LETTERS = ("s", "i")  # counters, where nothing stands before them
_POSTFIX = re.compile(
    r"\s(?:(?:avg\s|mean\s|train\s)?loss\b|avg(?=,|$)|(?P<rate>(?:learning\s)?rate)\b)(?!\s*[:=])"
)
"""What stands behind its number: Darknet's "0.49 avg loss, 0.001 rate"."""
_UNIT = re.compile(r"^[A-Za-z%µ]+(?:/[A-Za-z]+)?")


PROGRESS = "progress"


@dataclass(slots=True)
class Slot:
    """One number on a line, the text before it, and what has been worked out about it."""

    start: int
    end: int
    before: str
    noise: bool = False
    name: str = ""
    kind: Kind = Kind.UNKNOWN
    explicit: bool = False
    total: int | None = None  # slot of what follows a slash
    taken: bool = False
    lends: list[str] = field(default_factory=list)  # "Loss at step 10: 0.5": the name of the next number
    words: list[str] = field(default_factory=list)


def name_slot(line: str, slot: Slot, previous: Slot | None) -> None:
    """Find the number's name and what it stands for."""
    before = slot.before
    if previous is not None and slot.start - len(before) == previous.end:
        before = _UNIT.sub("", before)  # what is glued to the number before belongs to it
    core = before.rstrip(_EDGE)
    edge = before[len(core) :]
    while "(" in edge and (wrapper := _WRAPPER.search(core)):
        cut = core[: wrapper.start()]
        core = cut.rstrip(_EDGE)
        edge = cut[len(core) :]
    slot.explicit = any(c in edge for c in ":=|")
    inside = re.search(r"(\w+)\s?\((\w+)\)$", core)
    if inside and inside.group(2).lower() in (*EVALUATION, *TRAINING):
        words = [inside.group(2), inside.group(1)]  # "Epoch(train) [1][50/1000]"
    elif edge and "|" in edge and not core:
        words = []
    else:
        words = _WORD.findall(_CUT.split(core)[-1].strip("'\" "))
    tail = _after(line, slot)
    if (
        not words
        and core == ""
        and previous is not None
        and previous.lends
        and edge.strip() in (":", "=", ":=")
    ) or (words == ["is"] and previous is not None and previous.lends):
        words, slot.explicit = previous.lends, True
    if not words and core == "" and edge.strip() == "" and previous is None and _LEADING.match(tail):
        slot.name, slot.kind, slot.explicit = "line", Kind.ITERATION, True  # "100 loss 2.3"
        return
    if not words and core == "" and edge.strip() == "" and previous is None and tail.startswith(":"):
        slot.name, slot.kind, slot.explicit = "line", Kind.ITERATION, True  # "12:  learn: 0.48"
        return
    if not words:
        postfix = _POSTFIX.match(tail)
        if postfix and "." in line[slot.start : slot.end]:
            name, kind = ("lr", Kind.RATE) if postfix["rate"] else ("loss", Kind.LOSS)
            slot.name, slot.kind, slot.explicit = name, kind, True
        return
    if previous is None and slot.explicit and words[0] in _LETTERS and words == core.split():
        slot.name, slot.kind = words[0], Kind.ITERATION  # "s:250 trl:3.1"
        return
    after = re.match(r"\s(epochs?|steps?|iterations?|iters|updates?|batches)\b", tail)
    if after and words[-1].lower() == "after":
        slot.name, slot.kind, slot.explicit = after.group(1).rstrip("s"), printed_kind(after.group(1)), True
        return
    words = [w.strip("'’\"()*.-") for w in words]
    lending = next((i for i, w in enumerate(words) if w.lower() in ("at", "after", "for", "in", "on")), 0)
    if lending and printed_kind(" ".join(words[lending + 1 :])) in (Kind.EPOCH, Kind.ITERATION, Kind.BATCH):
        counted = " ".join(words)  # Deeplearning4j's "Score at iteration 10 is 0.5" is a loss
        whole = printed_kind(counted) is Kind.LOSS is not printed_kind(" ".join(words[:lending]))
        slot.lends = ["_".join(words)] if whole else words[:lending]
        words = words[lending + 1 :]
    words = [w for w in words if w and w.lower() not in _FILLER]
    if any(w.lower() in ("improved", "improves") for w in words) or not words:
        slot.kind = Kind.SETTING
        return
    slot.words = words
    _choose(slot, len(words))
    if tail.startswith("%") and words[-1].lower() == "progress":
        slot.name, slot.kind = PROGRESS, Kind.BATCH
    if re.match(r"(?:ms|s|sec|it/s|[KMGkmg]i?[Bb]?|x|%\s*\|)(?![\w/])", tail) and slot.kind in (
        Kind.UNKNOWN,
        Kind.SETTING,
    ):
        slot.kind = Kind.BOOKKEEPING
    if re.match(r"\s?(?:ms|s|sec|secs|seconds|it/s|it/sec|MB|GB)\b", tail) and slot.kind is Kind.ITERATION:
        slot.kind = Kind.BOOKKEEPING
    if re.search(r"\d-$", slot.before) and slot.kind in (Kind.LOSS, Kind.SCORE):
        slot.kind = Kind.SETTING  # "mAP50-95": a part of the name
    if re.match(r"_|\.\S|[A-Za-z]{2,}\d|-[A-Za-z]", tail):
        slot.kind = Kind.SETTING  # part of a word, a hash, a name


def _choose(slot: Slot, count: int) -> None:
    """Of the words before a number, the ones that name it."""
    words = slot.words
    if slot.explicit and count > 5:
        words = words[-4:]
    for start in range(len(words)):
        name = " ".join(words[start:])
        kind = printed_kind(name)
        if kind in (Kind.UNKNOWN, Kind.BOOKKEEPING) and not slot.explicit and name.lower() in _SIDES:
            slot.name, slot.kind = name, Kind.UNKNOWN  # "step 5 train 0.5 val 0.6"
            return
        if kind is Kind.UNKNOWN and not slot.explicit:
            continue
        if kind in (Kind.LOSS, Kind.SCORE) and not slot.explicit and start + 3 < len(words):
            continue
        if kind in (Kind.LOSS, Kind.SCORE, Kind.UNKNOWN) and len(words) - start > 1:
            kept = _tidy(words[start:], slot.explicit)
            if kept != words[start:]:
                kind = printed_kind(" ".join(words[start:]))
                name = " ".join(kept)
        if (
            kind is Kind.UNKNOWN
            and start + 1 < len(words)
            and printed_kind(" ".join(words[-1:])) in (Kind.EPOCH, Kind.ITERATION)
        ):
            continue
        slot.name, slot.kind = name, kind
        return
    slot.name, slot.kind = words[-1], Kind.SETTING


def want(slot: Slot, wanted: str) -> None:
    """Believe the metric that was asked for, whatever its name."""
    for start in range(len(slot.words)):
        name = " ".join(slot.words[start:])
        if same_name(joined(name), joined(wanted)):
            slot.name, slot.kind, slot.words = name, Kind.LOSS, slot.words[start:]
            return


def _tidy(words: list[str], explicit: bool) -> list[str]:
    kept = [w for w in words if w.lower() not in AVERAGES] or words
    if not explicit:
        strong = [i for i, w in enumerate(kept) if printed_kind(w) in (Kind.LOSS, Kind.SCORE)]
        if strong:
            first = strong[0]
            while first and (kept[first - 1].lower() in TRAINING or kept[first - 1].lower() in EVALUATION):
                first -= 1
            kept = kept[first:]
    return kept


def _after(line: str, slot: Slot) -> str:
    return line[slot.end : slot.end + 24]


def joined(name: str) -> str:
    """The name as a metric has it: lower case, words joined by underscores."""
    return re.sub(r"[\s:]+", "_", name.replace("'s", "").replace("’s", "")).strip("_.:").lower() or "value"
