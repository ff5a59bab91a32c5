"""CSV, TSV and their kin: comma, semicolon, tab, bar or blanks between the columns, with or without a header.

Lightning's sparse columns (a row has the training loss or the validation loss), Keras' CSVLogger, exports of
TensorBoard and W&B, `numpy.savetxt`, and spreadsheets with a decimal comma are all read here.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lrscope.readers.base import LoggedRun, Reader, Unreadable
from lrscope.readers.files import Sample, TextBlocks, sample
from lrscope.readers.numbers import ABSENT, cell, column
from lrscope.readers.table import Rows, RunTable, Values
from lrscope.vocabulary.counters import holds_metric_names, is_run

_LOOK_LINES = 50
_ROWS_AT_ONCE = 20_000  # lines taken apart at once
_WIDEST_ROW = 10_000
_SEPARATORS = (",", "\t", ";", "|", None)
"""None stands for blanks, or for a single column."""
_RULE = re.compile(r"^[\s|+:=\-]*-{3}[\s|+:=\-]*$")
"""The line between header and rows of a table in Markdown, or one drawn with + and -."""
_OF_TOTAL = re.compile(r"(\d+)/\d+")
_SIZED = re.compile(r"(\d+(?:\.\d*)?)[KMGT](?:i?B)?")
_DECIMAL_COMMA = re.compile(r"(?<![\d.])(-?\d+),(\d+(?:[eE][-+]?\d+)?)(?![\d,])")


@dataclass(frozen=True)
class Layout:
    """How a table of text is laid out: what stands between cells, the columns' names, where rows begin."""

    separator: str | None
    columns: tuple[str, ...]
    first: int
    """Index of the first line with data."""
    decimal_comma: bool = False
    counted: bool = False
    """Whether cells such as "3/19" and "2.56G" are numbers: rows of a detector's results have no header."""


class Delimited(Reader):
    """Tables of text."""

    name = "csv"
    title = "CSV or TSV"

    def recognises(self, sample: Sample) -> bool:
        return layout(sample.lines[: 3 * _LOOK_LINES]) is not None

    def read(self, path: Path, name: str) -> list[LoggedRun]:
        plan = layout(sample(path).lines[: 3 * _LOOK_LINES])
        if plan is None:
            raise Unreadable("its lines are no rows of numbers")
        table = RunTable(name, "tsv" if plan.separator == "\t" else "csv", path)
        blocks = TextBlocks(path)
        skip, uneven = plan.first, 0
        odd: dict[str, int] = {}
        for block in blocks:
            lines = block[skip:]
            skip = max(0, skip - len(block))
            for start in range(0, len(lines), _ROWS_AT_ONCE):
                uneven += _add(table, plan, lines[start : start + _ROWS_AT_ONCE], odd)
        if uneven:
            what = "the last line is cut short" if uneven == 1 and blocks.cut else "a wrong number of cells"
            table.warnings.append(f"{uneven} row(s) were passed over: {what}.")
        table.warnings += [
            f"{count} cell(s) of the column {name!r} are no numbers and were passed over."
            for name, count in odd.items()
        ]
        table.warnings += blocks.lost
        return table.runs()


def layout(lines: Sequence[str]) -> Layout | None:
    """How these first lines of a file are laid out; None where they are no table of numbers."""
    numbered = [(k, line.rstrip("\r")) for k, line in enumerate(lines) if line.strip()]
    comments = [line.lstrip("# ").rstrip() for _, line in numbered if line.startswith("#")]
    numbered = [(k, line) for k, line in numbered if not line.startswith("#") and not _RULE.match(line)][
        :_LOOK_LINES
    ]
    if not numbered:
        return None
    for separator in _SEPARATORS:
        found = _try(numbered, separator, comments[-1] if comments else None)
        if found is not None:
            return found
    return None


def _try(numbered: Sequence[tuple[int, str]], separator: str | None, comment: str | None) -> Layout | None:
    comma = separator == ";" and any(_DECIMAL_COMMA.search(line) for _, line in numbered[1:])
    rows = [_cells(line, separator, comma) for _, line in numbered]
    width = len(rows[0])
    if (separator is not None and width < 2) or width > _WIDEST_ROW:
        return None
    header = [text.strip() for text in rows[0]]
    bare = all(cell(text) is not None for text in header)
    counted = not bare and separator is None and all(cell(text) is not None for text in _counted(header))
    if counted:
        sized = [k for k, text in enumerate(header) if _SIZED.fullmatch(text)]
        rows, bare = [_counted(row) for row in rows], True
    data = rows if bare else rows[1:]
    whole = [row for row in data if len(row) == width]
    if not whole or len(whole) < 0.9 * len(data) - 1:
        return None
    if bare:
        told = None if comment is None else _cells(comment, separator, False)
        if told is None or len(told) != width:
            told = _unnamed(whole, width)
        if counted:
            told = ["epoch" if n == "step" else "memory" if k in sized else n for k, n in enumerate(told)]
        return Layout(separator, tuple(t.strip() for t in told), numbered[0][0], comma, counted)
    if any(cell(text) is not None for text in header) or any(
        text.lower() in ABSENT - {""} for text in header
    ):
        return None
    if header.count("") > 1 and any(header):  # a column may go without a name (row numbers), two may not
        while header and header[-1] == "" and header.count("") > 1:
            header.pop()
        if header.count("") > 1:
            return None
    if len(set(header)) < len(header):
        header = [h if h not in header[:k] else f"{h} ({k + 1})" for k, h in enumerate(header)]
    if separator is None and width > 1 and not all(re.match(r"^[\w./%\-()\[\]@:]+$", h) for h in header):
        return None
    for k in range(len(header)):
        filled = [row[k] for row in whole if row[k].strip().strip('"').lower() not in ABSENT]
        if filled and sum(cell(text) is not None for text in filled) > 0.5 * len(filled):
            return Layout(separator, tuple(header), numbered[0][0] + 1, comma)
    return None


def _unnamed(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Names for columns that have none: steps, where the first one counts, and the loss."""
    if width == 1:
        return ["loss"]
    first = np.array([math.nan if (v := cell(row[0])) is None else v for row in rows])
    counts = bool(np.all(np.diff(first) > 0) and np.all(first == np.floor(first)) and np.all(first >= 0))
    rest = ["loss"] if width == 2 else [f"column {k + 2}" for k in range(width - 1)]
    return ["step", *rest] if counts and first.size > 1 else [f"column {k + 1}" for k in range(width)]


def _counted(cells: Sequence[str]) -> list[str]:
    """Cells without the total of a counter and the unit of a size."""
    return [m[1] if (m := _OF_TOTAL.fullmatch(c) or _SIZED.fullmatch(c)) else c for c in cells]


def _cells(line: str, separator: str | None, decimal_comma: bool) -> list[str]:
    if decimal_comma:
        line = _DECIMAL_COMMA.sub(r"\1.\2", line)
    if separator is None:
        return line.split()
    if '"' in line and line.count('"') % 2 == 0:
        try:
            return next(csv.reader([line], delimiter=separator), [])
        except (csv.Error, StopIteration):
            pass
    return line.split(separator)


def _add(table: RunTable, plan: Layout, lines: list[str], odd: dict[str, int]) -> int:
    """Append lines to the table; gives the number of lines that have the wrong number of cells."""
    width = len(plan.columns)
    lines = [line for line in lines if "---" not in line or not _RULE.match(line)]
    if plan.separator is None or plan.decimal_comma or any('"' in line for line in lines):
        rows = [_cells(line, plan.separator, plan.decimal_comma) for line in lines if line.strip()]
        if plan.counted:
            rows = [_counted(row) for row in rows]
    else:
        rows = [line.split(plan.separator) for line in lines if line and not line.isspace()]
    total = len(rows)
    if set(map(len, rows)) - {width}:
        # Spreadsheets write separators after the last cell; a repeated header (a restart) has no numbers.
        rows = [row[:width] for row in rows if len(row) >= width and not any(c.strip() for c in row[width:])]
    uneven = total - len(rows)
    if not rows:
        return uneven
    columns: dict[str, tuple[Rows | None, Values]] = {}
    labels: dict[str, tuple[Rows, list[str]]] = {}
    for name, cells in zip(plan.columns, zip(*rows, strict=True), strict=True):
        at, values, bad = column(cells)
        if values.size > bad or not (bad or values.size):
            columns[name] = (at, values)
            if bad:
                odd[name] = odd.get(name, 0) + bad
        elif is_run(name) or holds_metric_names(name):
            labels[name] = (
                np.arange(len(cells), dtype=np.int64),
                [c.strip().strip('"')[:200] for c in cells],
            )
    table.add(len(rows), columns, labels)
    return uneven
