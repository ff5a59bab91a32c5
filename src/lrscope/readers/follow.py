"""Follows a file of records (JSON lines, CSV, TSV) while a program writes it."""

from __future__ import annotations

import codecs
import csv
import os
import re
from pathlib import Path

from lrscope.curves.curve import Point
from lrscope.readers.console.numbers import NUMBER, PrintedValue
from lrscope.readers.console.parse_report import ParseReport
from lrscope.readers.console.point_builder import PointBuilder
from lrscope.readers.console.structured import RecordReader, parse_record
from lrscope.readers.files import LONGEST_LINE_BYTES

READ_BYTES = 4 << 20  # bytes read in one go
_BLANK_CELLS = frozenset({"", "-", "none", "null", "na", "n/a"})


class FileFollower:
    """Points of a growing file of records.

    The file need not exist yet, its last line may be half written, it may gain columns (a CSV that is written
    anew with a longer header) and it may be emptied or replaced: then it is read from its beginning, and what
    was told before is not told again.

    Parameters
    ----------
    path : Path
        The file: JSON objects, one a line, or rows under a header, with commas, tabs, semicolons or blanks
        between; its first line tells which.
    metric : str or None
        The metric that is wanted; all metrics are returned.

    Notes
    -----
    Opening or reading can raise OSError (a folder, no permission).
    """

    def __init__(self, path: Path, metric: str | None = None) -> None:
        self._path = Path(path)
        self._metric = metric
        self._builder = PointBuilder(metric, trusting=True)
        self._reader = RecordReader(metric)
        self._told: dict[str, int] = {}
        self._bad = 0
        self._first_bad: tuple[int, str] | None = None
        self._rewritten = 0
        self._identity: tuple[int, int] | None = None
        self._head = b""
        self._half = ""
        self._decoder = _decoder()
        self._begin()

    @property
    def total(self) -> int | None:
        """The run's length, where a column tells it; a file of records seldom does."""
        return self._builder.counter.total

    @property
    def step(self) -> int:
        """The last step, 0 before the first."""
        return max(self._told.values(), default=0)

    @property
    def notes(self) -> tuple[str, ...]:
        """What went wrong in the file, one sentence each."""
        notes = []
        if self._first_bad is not None:
            line, text = self._first_bad
            if self._bad == 1:
                notes.append(f"1 line of {self._path.name} could not be read: line {line}: {text!r}.")
            else:
                notes.append(
                    f"{self._bad} lines of {self._path.name} could not be read, "
                    f"the first is line {line}: {text!r}."
                )
        if self._rewritten:
            notes.append(f"{self._path.name} was written anew {self._rewritten} times while it was followed.")
        return tuple(notes)

    def poll(self) -> list[Point]:
        """The points of all lines completed since the last call."""
        points: list[Point] = []
        try:
            stream = self._path.open("rb")
        except FileNotFoundError:
            return points
        with stream:
            status = os.fstat(stream.fileno())
            identity = (status.st_dev, status.st_ino)
            if (
                self._identity is not None and (identity != self._identity or status.st_size < self._offset)
            ) or (self._offset and stream.read(len(self._head)) != self._head):
                self._again()
            self._identity = identity
            stream.seek(self._offset)
            while chunk := stream.read(READ_BYTES):
                if self._offset < 256:
                    self._head = (self._head + chunk)[:256]
                self._offset += len(chunk)
                points += self._text(self._decoder.decode(chunk))
        return points

    def finish(self) -> list[Point]:
        """The last points, also of a last line without an end."""
        points = self.poll()
        last, self._half = self._half + self._decoder.decode(b"", True), ""
        if last.strip():
            points += self._line(last)
        return points

    def summary(self) -> ParseReport:
        """What was recognised so far, and what could not be read."""
        return self._builder.summary(self.notes)

    def _begin(self) -> None:
        self._offset = 0
        self._head = b""
        self._half = ""
        self._number = 0
        self._decoder = _decoder()
        self._columns: list[str] | None = None
        self._cut = ","
        self._json: bool | None = None

    def _again(self) -> None:
        """Read from the beginning; steps already told are passed over."""
        self._rewritten += 1
        self._bad, self._first_bad = 0, None
        self._builder = PointBuilder(self._metric, trusting=True)
        self._begin()

    def _text(self, text: str) -> list[Point]:
        lines = re.split(r"\r\n|\n|\r(?!\Z)", self._half + text)
        self._half = lines.pop()
        if len(self._half) > LONGEST_LINE_BYTES:
            self._half = "\0"  # given up: it will not parse
        points: list[Point] = []
        for line in lines:
            points += self._line(line)
        return points

    def _line(self, line: str) -> list[Point]:
        self._number += 1
        if not line.strip() or line.startswith("#"):
            return []
        if self._json is None:
            self._json = line.lstrip().startswith("{")
        record = self._json_record(line) if self._json else self._row(line)
        if record is None:
            return []
        template, values = self._reader.read(record)
        points = self._builder.take(template, values, line)
        fresh = [p for p in points if p[0] > self._told.get(p[1], -1)] if self._rewritten else points
        for step, name, _ in fresh:
            self._told[name] = max(step, self._told.get(name, -1))
        return fresh

    def _json_record(self, line: str) -> dict[str, PrintedValue] | None:
        record = parse_record(line.strip())
        if record is None:
            self._spoilt(line)
        return record

    def _row(self, line: str) -> dict[str, PrintedValue] | None:
        if self._columns is None:
            self._cut = next((cut for cut in (",", "\t", ";", " ") if cut in line.strip()), ",")
        cells = self._cells(line)
        numbers = sum(1 for c in cells if NUMBER.fullmatch(c))
        named = bool(cells) and all(c.isprintable() and c.lower() not in _BLANK_CELLS for c in cells)
        if not numbers and named and (self._columns is None or len(cells) > 1):
            self._columns = cells  # a header, or a new one with more columns
            return None
        if self._columns is None and numbers == len(cells) <= 2:
            self._columns = ["loss"] if numbers == 1 else ["step", "loss"]  # no header at all
        if self._columns is None or len(cells) != len(self._columns):
            self._spoilt(line)
            return None
        record: dict[str, PrintedValue] = {
            n: c for n, c in zip(self._columns, cells, strict=True) if NUMBER.fullmatch(c)
        }
        if not record:
            self._spoilt(line)
            return None
        return record

    def _cells(self, line: str) -> list[str]:
        if self._cut == " ":
            return line.split()
        try:
            return [c.strip() for c in next(csv.reader([line], delimiter=self._cut))]
        except (csv.Error, StopIteration):
            return []

    def _spoilt(self, line: str) -> None:
        """Count a line that cannot be read."""
        self._bad += 1
        if self._first_bad is None:
            text = line.strip()[:60]
            self._first_bad = (self._number, "".join(c if c.isprintable() else "?" for c in text))


def _decoder() -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder("utf-8-sig")("replace")
