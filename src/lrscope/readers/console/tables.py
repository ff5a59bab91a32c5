"""Tables: a line of column names, then rows of numbers (fastai, gradient boosting, Chainer, YOLO)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from lrscope.readers.console.line_template import (
    Counter,
    LineTemplate,
    phase_word,
    prefixed,
    template_of_names,
)
from lrscope.readers.console.numbers import NUMBER
from lrscope.vocabulary import Kind
from lrscope.vocabulary.printed import TRAINING, printed_kind

MOST_COLUMNS = 40
_HEADER_NAME = re.compile(r"[A-Za-z#%][\w #@./()'’%+*:-]{0,40}")
_CELL = re.compile(r"(?:\d+/\d+|[\d:.]+|[-+]?[\d.]+(?:[eE][-+]?\d+)?[a-zA-Z%]{0,2}|[-–]+|None|N/A)\Z")
_CLOCK = re.compile(
    r"\s*\[?(?:(?:\d{4}[-/.])?\d\d?[-/.]\d\d?[-T\s,_]{1,2})?\d\d:\d\d:\d\d(?:[.,]\d+)?\]?(?:\s(?:INFO|DEBUG))?(?=\s)"
)
_BAR = re.compile(r":?\s+\d+%\s?\|")
"""A progress bar behind the names of columns: YOLO draws its evaluation's so."""
_COLON = re.compile(r":(?!\.?\d)")  # but for the one of mAP@.5:.95
_NUMBER_ALONE = re.compile(r"(?:^|[\s|,(])[-+]?\.?\d|\b(?:nan|inf)\b", re.IGNORECASE)
_OVER_ALL = frozenset(("all", "mean", "average", "avg", "total", "overall", "macro", "micro"))
_LABEL = re.compile(r"[A-Za-z][\w.-]*")
_SUMMED = (Kind.LOSS, Kind.SCORE)


def header_of(line: str) -> tuple[str, ...]:
    """The column names on this line, or () where it is no header of a table about training."""
    line = _CLOCK.sub("", _BAR.split(line, maxsplit=1)[0], count=1)
    if len(line) > 1000 or "=" in line or _COLON.search(line) or _NUMBER_ALONE.search(line):
        return ()
    for cut in (r"[|│┃]", ",", r"\t+|\s{2,}", r"\s+"):
        cells = [c.strip() for c in re.split(cut, line.strip().strip("|│┃"))]
        cells = [c for c in cells if c]
        if not 2 <= len(cells) <= MOST_COLUMNS or not all(_HEADER_NAME.fullmatch(c) for c in cells):
            continue
        kinds = [printed_kind(c) for c in cells]
        counted = kinds[0] in (Kind.EPOCH, Kind.ITERATION, Kind.BATCH)
        if any(k in _SUMMED for k in kinds) and (counted or len(cells) > 2 or cut == ","):
            if cut == r"\s+" and not counted:
                continue  # a sentence about the loss
            return tuple(cells)
    return ()


class PrintedTable:
    """The rows under one header."""

    def __init__(self, names: Sequence[str], wanted: str | None = None) -> None:
        # Ultralytics has brackets around four columns: "Box(P  R  mAP50  mAP50-95)"
        bare = [re.sub(r"^\w+\((?=\w+$)|(?<=^)([^(]*)\)$", r"\1", n) for n in names]
        tidy = [re.sub(r"\s+", "_", n.lower()) for n in bare]
        if "total" in tidy and _sums_up(tidy[: tidy.index("total")]):
            tidy[tidy.index("total")] = "total_loss"
        template = template_of_names(tidy, wanted)
        self.names = tuple(names)
        self._width = len(names)
        self._may_label = printed_kind(tidy[0]) in (Kind.SETTING, Kind.UNKNOWN, Kind.BOOKKEEPING)
        self._words = False  # whether rows have been seen that begin with one
        total = self._width  # one more cell: what stood behind the slash of "1/3"
        if template.epoch is not None and template.within is None:
            template = replace(template, epoch=Counter(template.epoch.name, template.epoch.slot, total))
        elif template.within is not None:
            template = replace(template, within=replace(template.within, total=total))
        self._slashed = (
            template.within.slot
            if template.within is not None
            else template.epoch.slot
            if template.epoch is not None
            else -1
        )
        self.template = template

    def row(self, line: str) -> tuple[LineTemplate, list[str]] | None:
        """The roles of this line's cells, and the cells with the counter's total behind them.

        None where it is no row of this table, or one of a single class in an evaluation's table.
        """
        if line[0] in "0123456789[" and (clock := _CLOCK.match(line)):
            line = line[clock.end() :]
        cells = line.replace("|", " ").replace("│", " ").replace("┃", " ").split()
        if len(cells) != self._width:
            if "," in line and line.count(",") == self._width - 1:
                cells = [c.strip() for c in line.split(",")]
            elif len(cells) > self._width and cells[self._width - 1].endswith(":"):
                cells = [*cells[: self._width - 1], cells[self._width - 1][:-1]]
            else:
                return None
        template: LineTemplate | None = self.template
        if self._may_label and _LABEL.fullmatch(cells[0]) and not NUMBER.fullmatch(cells[0]):
            template = self._labelled(cells[0])
            cells[0], self._words = "0", True
        elif self._words:
            return None
        if template is None:
            return None
        numbers = 0
        for cell in cells:
            if NUMBER.fullmatch(cell):
                numbers += 1
            elif cell and not _CELL.match(cell):
                return None
        slashed = cells[self._slashed] if self._slashed >= 0 else ""
        total = "?"
        if "/" in slashed:
            cells[self._slashed], total = slashed.split("/", 1)
            numbers += 1
        if 2 * numbers < len(cells):
            return None
        return template, [*cells, total]

    def _labelled(self, label: str) -> LineTemplate | None:
        """The roles in a row that begins with this word: one over all classes, or one for the data it was measured on.

        "Images" and the like count, in a row over all classes, what was evaluated. None for a row of one class.
        """
        word, table = label.lower(), self.template
        known = tuple(m for m in table.measures if m.known and m.slot)
        if word in _OVER_ALL:
            return replace(table, epoch=None, within=None, kind=Kind.UNKNOWN, measures=known, strong=True)
        phase = "train" if word in TRAINING else phase_word(word)
        if phase is None:
            return None
        named = tuple(replace(m, name=prefixed(m.name, phase)) for m in known)
        return replace(table, measures=named, phase=None if phase == "train" else phase, strong=True)


def _sums_up(before: Sequence[str]) -> bool:
    """Whether a column "total" after these is the sum of a loss's parts (box, obj, cls)."""
    return sum(printed_kind(name) in (Kind.LOSS, Kind.UNKNOWN) for name in before) > 1
