"""Tables: a line of column names, then rows of numbers (fastai, gradient boosting, Chainer, YOLO)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from lrscope.readers.console.line_template import Counter, template_of_names
from lrscope.readers.console.numbers import NUMBER
from lrscope.vocabulary import Kind
from lrscope.vocabulary.printed import printed_kind

MOST_COLUMNS = 40
_HEADER_NAME = re.compile(r"[A-Za-z#%][\w #@./()'’%+*:-]{0,40}")
_CELL = re.compile(r"(?:\d+/\d+|[\d:.]+|[-+]?[\d.]+(?:[eE][-+]?\d+)?[a-zA-Z%]{0,2}|[-–]+|None|N/A)\Z")
_SUMMED = (Kind.LOSS, Kind.SCORE)


def header_of(line: str) -> tuple[str, ...]:
    """The column names on this line, or () where it is no header of a table about training."""
    if len(line) > 1000 or ":" in line or "=" in line:
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
        tidy = [re.sub(r"\s+", "_", n.lower()) for n in names]
        template = template_of_names(tidy, wanted)
        self._width = len(names)
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

    def row(self, line: str) -> list[str] | None:
        """The cells of this line, and the counter's total; None where it is no row of this table."""
        cells = line.replace("|", " ").replace("│", " ").replace("┃", " ").split()
        if len(cells) != self._width:
            if "," in line and line.count(",") == self._width - 1:
                cells = [c.strip() for c in line.split(",")]
            elif len(cells) > self._width and cells[self._width - 1].endswith(":"):
                cells = [*cells[: self._width - 1], cells[self._width - 1][:-1]]
            else:
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
        return [*cells, total] if 2 * numbers >= len(cells) else None
