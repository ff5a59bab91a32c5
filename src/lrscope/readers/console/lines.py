"""One printed line → the numbers on it and what each stands for.

A line is cut at its numbers. The text that is left is the line's kind: lines of one kind differ only in their
numbers, so their roles are worked out once (by the words before each number) and remembered.
"""

from __future__ import annotations

import re

from lrscope.readers.console.line_template import (
    EMPTY_TEMPLATE,
    Counter,
    LineTemplate,
    Measure,
    phase_word,
    prefixed,
)
from lrscope.readers.console.naming import PROGRESS, Slot, joined, name_slot, want
from lrscope.readers.console.numbers import NUMBER
from lrscope.readers.console.tables import header_of
from lrscope.vocabulary import Kind, is_validation, same_name
from lrscope.vocabulary.counters import may_be_setting, never_restarts
from lrscope.vocabulary.printed import EVALUATION, TRAINING, printed_kind, speaks_for_itself

MOST_NUMBERS = 160  # a line with more of them is a dump of an array
MOST_LINE_KINDS = 4096
PERCENT_PARTS = 10  # "Progress: 41.3%" is step 413 of 1000
LONGEST_PARSED_LINE = 6000

# Numbers in these stand for nothing: dates, times of day, versions, files, places in a source, paths.
_NOT_NUMBERS = re.compile(
    r"""\b\d{4}[-/.]\d\d?[-/.]\d\d?(?:[T\s,_-]{1,2}\d\d?[:.\-]\d\d(?:[:.\-]\d\d(?:[.,]\d{1,9})?)?(?:\s?Z|[+-]\d\d:?\d\d)?)?
    | (?<![\d/])\d\d/\d\d(?:/\d\d(?:\d\d)?)?[ ,]\s?\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?
    | (?<![\w.:])(?:\d+\ days?,\ )?\d{1,4}:\d\d(?::\d\d)?(?:[.,]\d{1,9})?(?![\d:])
    | (?<![\w.])v?\d+\.\d+\.\d+[\w.+-]*
    | [\w/.-]+\.(?:py|cc|cpp|c|h|go|rs|jl|java|pt|pth|ckpt|h5|keras|bin|json|jsonl|txt|csv|log
      |pkl|npz|npy|png|yaml|yml|safetensors):?\d*\b
    | (?<![\w/.])(?:\.{0,2}/|[A-Za-z]:\\)[^\s,;'"]+
    | \b0x[0-9a-fA-F]+ | \#\d+:
    | <[A-Za-z]\w*\s(?:at|object)[^>]{0,80}>""",
    re.VERBOSE,
)
_NOT_TRAINING = re.compile(
    r"""^\s*(?:Namespace|Config|Arguments|args?\b|hparams|hyper-?param\w*|settings|usage)\s*[:=({]
    | \bimproved\b | \bdon't\ improve\b | \bdid\ not\ improve | ^\s*\[LightGBM\] | ^wandb:
    | ^\s*Traceback | ^\s*File\ "
    | \bRestor(?:ing|ed)\b
    | \bsav(?:ed|ing)\b.*\b(?:to|model|checkpoint)\b | ^\s*usage:
    | \bEarly\ ?stopp(?:ing|ed)\b | ^\s*\w+\(.*\)\s*$""",
    re.VERBOSE | re.IGNORECASE,
)
_PHRASE = re.compile(r"[A-Za-z_][\w./-]*")
_SETS = {**dict.fromkeys(TRAINING, "train"), "test": "test", "dev": "dev", "valid": "valid", "val": "val"}
_PREFIX = re.compile(
    r"""^\s*(?:\[?(?:\d{4}[-/.]\d\d?[-/.]\d\d?[T\s,_-]{0,2})?\d{1,2}:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?\]?)?
    [\s|:,\-]*(?:\[?(?:DEBUG|INFO|WARNING|WARN|NOTICE)\]?(?::[\w.]+(?=:))?\s*[|:\-]?\s*)?
    (?:(?:root|__main__|tensorflow|logger)\s*[:|\-]\s*)?[-|*=>\s]*""",
    re.VERBOSE,
)
_COUNTS = re.compile(r"\b(?:iteration|iter|step|epoch)s?[\s:=]*$", re.IGNORECASE)
_BAR = re.compile(r"[|█▏▎▍▌▋▊▉━╸╺═#>.=┃\]]\s*$")


class LineReader:
    """Reads lines and remembers what it worked out about each kind."""

    def __init__(self, wanted: str | None = None) -> None:
        self._wanted = wanted
        self._templates: dict[str, LineTemplate] = {}

    def read(self, line: str) -> tuple[LineTemplate, list[str]]:
        """The line's template, and its numbers as printed. Lines without meaning give `EMPTY_TEMPLATE`."""
        if len(line) > LONGEST_PARSED_LINE:
            line = line[:LONGEST_PARSED_LINE]
        parts = NUMBER.split(line)
        values = parts[1::2]
        key = "\0".join(parts[::2])
        template = self._templates.get(key)
        if template is None:
            template = EMPTY_TEMPLATE if len(values) > MOST_NUMBERS else analyse(line, self._wanted)
            if len(self._templates) >= MOST_LINE_KINDS:
                self._templates.clear()
            self._templates[key] = template
        return template, values


def analyse(line: str, wanted: str | None = None) -> LineTemplate:
    """What the numbers on this line stand for, from the words around them; `wanted` is always a metric."""
    if names := header_of(line):
        return LineTemplate(header=names)
    if _NOT_TRAINING.search(line):
        return EMPTY_TEMPLATE
    noise = [m.span() for m in _NOT_NUMBERS.finditer(line)]
    slots: list[Slot] = []
    begin = match.end() if (match := _PREFIX.match(line)) else 0
    last = begin
    spans = iter(noise)
    span = next(spans, None)
    for match in NUMBER.finditer(line):
        while span is not None and span[1] <= match.start():
            last, span = max(last, span[1]), next(spans, None)
        inside = span is not None and span[0] <= match.start() < span[1]
        slots.append(Slot(match.start(), match.end(), line[min(last, match.start()) : match.start()], inside))
        last = max(begin, span[1] if inside and span is not None else match.end())
    if not any(not s.noise for s in slots):
        return _heading(line, bool(slots))
    if len(slots) <= 2 and not re.search(r"[A-Za-z%/]", NUMBER.sub("", line)):
        return _bare(line, slots)
    _pair(line, slots)
    for i, slot in enumerate(slots):
        if not slot.noise and not slot.taken:
            name_slot(line, slot, slots[i - 1] if i else None)
            if wanted is not None and slots[i].words:
                want(slot, wanted)
    return _compose(line, slots, begin, wanted)


def _bare(line: str, slots: list[Slot]) -> LineTemplate:
    """One number alone, or a step and a value."""
    if any(s.noise for s in slots) or not re.fullmatch(r"[\s,;:]*", NUMBER.sub("", line)):
        return EMPTY_TEMPLATE
    return LineTemplate(bare=len(slots))


def _heading(line: str, numbered: bool) -> LineTemplate:
    """A short line that announces an evaluation ("Test Error:")."""
    words = line.split()
    if numbered or not 0 < len(words) <= 4 or not line.rstrip().endswith((":", "...", "…")):
        return EMPTY_TEMPLATE
    phase = phase_word(words[0])
    return LineTemplate(opens=phase) if phase else EMPTY_TEMPLATE


def _pair(line: str, slots: list[Slot]) -> None:
    """Join "3/10", "3 / 10" and "3 of 10"; leave "0.31 (0.34)" its first number."""
    for i in range(1, len(slots)):
        here, before = slots[i], slots[i - 1]
        if here.noise or before.noise:
            continue
        between = line[before.end : here.start]
        if re.fullmatch(r"\s*/\s*|\s+of\s+|\s+out of\s+", between):
            if before.taken:
                here.taken = True
            else:
                before.total, here.taken = i, True
        elif re.fullmatch(r"%?\s*\(\s*", between):
            here.taken = True
    for slot in slots:
        if slot.total is not None and line[slots[slot.total].end :].lstrip().startswith("/"):
            slot.noise = _COUNTS.search(slot.before) is None  # 1/2/3 is no fraction
            slot.total = slot.total if slot.noise else None  # Tesseract: "At iteration 100/120/130"


def _compose(line: str, slots: list[Slot], begin: int, wanted: str | None) -> LineTemplate:
    lead = next((s for s in slots if not s.noise and s.start >= begin), None)
    epoch: Counter | None = None
    within: Counter | None = None
    within_kind = Kind.UNKNOWN
    bar = False
    progress: int | None = None
    bracketed: list[int] = []
    for i, slot in enumerate(slots):
        if slot.noise or slot.taken:
            continue
        if slot.kind is Kind.EPOCH:
            epoch = epoch or Counter(slot.name, i, slot.total)
        elif slot.name is PROGRESS:
            progress = i
        elif slot.kind in (Kind.ITERATION, Kind.BATCH):
            better = (
                within is None
                or (never_restarts(slot.name) and not within.sure)
                or (
                    slot.kind is Kind.ITERATION
                    and within_kind is Kind.BATCH
                    and not slot.taken
                    and within.total is None
                )
            )
            if better:
                within, within_kind = Counter(slot.name, i, slot.total, never_restarts(slot.name)), slot.kind
        elif not slot.name:
            before = slot.before.rstrip(" ")
            if slot.total is not None and _is_pair_counter(line, slot, slots[slot.total]):
                if within is None or not within.sure:
                    within, within_kind = Counter("n/total", i, slot.total), Kind.BATCH
                    bar = bool(_BAR.search(slot.before)) or "━" in line or "it/s" in line
            elif (before.endswith("[") and re.match(r"\s*[\],]", line[slot.end :])) or (
                bracketed and i == bracketed[-1] + 1 and re.fullmatch(r",\s*", slot.before)
            ):
                bracketed.append(i)
    if (
        re.match(r"\s*(?:Train|Training)\s*:?\s*$", line[: lead.start] if lead else "")
        and lead
        and epoch is None
        and within_kind is Kind.BATCH
    ):
        first = slots.index(lead)
        if lead.total is None and within is not None and within.slot != first:
            lead.kind = Kind.EPOCH
            epoch = Counter("Train", first)  # "Train: 0 [   0/1251 (  0%)]"
    if bracketed and within is None:
        pair = len(bracketed) > 1 and bracketed[1] == bracketed[0] + 1
        if pair and epoch is None and line[: slots[bracketed[0]].start].strip(" [") == "":
            epoch = Counter("[epoch, batch]", bracketed[0])
            within, within_kind = Counter("[epoch, batch]", bracketed[1]), Kind.BATCH
        elif epoch is not None or slots[bracketed[0]] is lead:
            within, within_kind = Counter("[n]", bracketed[0]), Kind.BATCH if epoch else Kind.ITERATION
    if progress is not None and epoch is None and within is None:
        within, within_kind = Counter(PROGRESS, progress, sure=True, parts=PERCENT_PARTS), Kind.ITERATION
    return _measured(line, slots, begin, lead, epoch, within, within_kind, bar, wanted)


def _is_pair_counter(line: str, slot: Slot, total: Slot) -> bool:
    a, b = line[slot.start : slot.end], line[total.start : total.end]
    if not (a.isdigit() and b.isdigit() and int(a) <= int(b)):
        return False
    before = slot.before.rstrip(" ")
    return before == "" or before[-1] in "[|█▏▎▍▌▋▊▉━╸╺═#>]):-┃\t," or before.endswith(("  ", "\t"))


def _measured(
    line: str,
    slots: list[Slot],
    begin: int,
    lead: Slot | None,
    epoch: Counter | None,
    within: Counter | None,
    within_kind: Kind,
    bar: bool,
    wanted: str | None,
) -> LineTemplate:
    measures: list[Measure] = []
    summaries: list[Measure] = []
    others: list[str] = []
    names: set[str] = set()
    strong = performance = False
    settings = 0
    first = next(
        (s for s in slots if s.kind in (Kind.LOSS, Kind.SCORE) and not s.noise and not s.taken), None
    )
    phase = _phase(line, slots, begin, first)
    carried = phase
    for i, slot in enumerate(slots):
        if slot.noise or slot.taken or not slot.name or slot.kind in (Kind.EPOCH, Kind.ITERATION, Kind.BATCH):
            continue
        if slot.kind in (Kind.BOOKKEEPING, Kind.SETTING):
            others.append(joined(slot.name))
            settings += slot.kind is Kind.SETTING
            continue
        name = joined(slot.name)
        if slot.kind is Kind.SUMMARY:
            summaries.append(Measure(name, i, slot.total, is_validation(name)))
            continue
        if slot.kind in (Kind.LOSS, Kind.SCORE):
            word = slot.words[0].lower() if len(slot.words) > 1 else ""
            if word in EVALUATION or (word in TRAINING and phase is None):
                carried = EVALUATION.get(word, "train")
            elif carried and not _named(name):
                name = f"{carried}_{name}"
        elif slot.kind is not Kind.RATE:
            name = prefixed(name, phase)
        if slot.kind is Kind.RATE:
            name = "lr" if printed_kind(slot.name) is Kind.RATE and len(slot.words) <= 2 else name
        if name in names:
            name = joined(" ".join(slot.words))
            if name in names:
                continue
        names.add(name)
        average = i + 1 if phase and i + 1 < len(slots) and _is_average(line, slot, slots[i + 1]) else i
        known, rate = slot.kind is not Kind.UNKNOWN, slot.kind is Kind.RATE
        measures.append(Measure(name, average, slot.total, is_validation(name), known, rate))
        strong = strong or speaks_for_itself(name) or (wanted is not None and same_name(name, wanted))
        performance = performance or slot.kind in (Kind.LOSS, Kind.SCORE)
    if "train_runtime" in others and "loss" not in names:
        summaries += measures  # the summary at the end of a Hugging Face training
        measures = []
    if (
        not measures
        and not summaries
        and lead is not None
        and (nameless := _nameless(line, slots, lead)) is not None
    ):
        measures.append(Measure(prefixed("loss", phase), nameless, None, phase is not None))
        strong = performance = True
    if phase is None and not measures:
        phase = _phase(line, slots, begin, None)
    leads = lead is not None and any(c is not None and slots[c.slot] is lead for c in (epoch, within))
    return LineTemplate(
        epoch, within, within_kind, tuple(measures), tuple(summaries), tuple(others), phase, strong,
        performance, settings, leads, None, bar, plural=any(c is not None for c in (epoch, within)) and all(
            c is None or (may_be_setting(c.name) and c.total is None) for c in (epoch, within)
        ),
    )  # fmt: skip


def _named(name: str) -> bool:
    return is_validation(name) or name.startswith("train")


def _is_average(line: str, slot: Slot, after: Slot) -> bool:
    return bool(re.fullmatch(r"\s*\(\s*", line[slot.end : after.start]))


def _phase(line: str, slots: list[Slot], begin: int, first: Slot | None) -> str | None:
    """An evaluation word before the first metric that is no part of that metric's own name."""
    end = first.start if first is not None else slots[-1].start
    own = max(1, len(first.words)) if first is not None else 0
    words = [w.strip(".-/").lower() for w in _PHRASE.findall(line[begin:end])]
    before = words[: len(words) - own] if own else words
    for k, word in enumerate(before):
        if found := _evaluates(word):
            # "eval: split train. loss 0.5" and "Evaluating on the test set: loss 0.6" are two curves
            return next((p for w in words[k + 1 :] if (p := _SETS.get(w)) is not None), found)
        if word in TRAINING or printed_kind(word) in (Kind.LOSS, Kind.SCORE):
            return None
    return None


def _evaluates(word: str) -> str | None:
    """The prefix of a word, or of one tied to a counter ("Test-Epoch"); "eval-logloss" is a metric's own name."""
    head, _, tail = word.partition("-")
    counts = printed_kind(tail) in (Kind.EPOCH, Kind.ITERATION, Kind.BATCH)
    return phase_word(head) if not tail or counts else None


def _nameless(line: str, slots: list[Slot], lead: Slot) -> int | None:
    """The one number after a counter at a line's head, "epoch 1: 0.5": at the line's end, a fraction."""
    if lead.kind not in (Kind.EPOCH, Kind.ITERATION, Kind.BATCH) or lead.name == "line" or lead.lends:
        return None
    rest = [
        i for i, s in enumerate(slots) if s is not lead and not s.noise and not (s.taken and i == lead.total)
    ]
    if len(rest) != 1 or slots[rest[0]].name or slots[rest[0]].kind is not Kind.UNKNOWN:
        return None
    text = line[slots[rest[0]].start : slots[rest[0]].end]
    ends = line[slots[rest[0]].end :].strip() == ""
    joined_on = slots[rest[0]].before.strip(" \t:,|=-") == ""
    return rest[0] if ends and joined_on and not text.isdigit() else None
