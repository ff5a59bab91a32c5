"""Reads losses out of whatever an unchanged training program prints, as it prints it."""

from __future__ import annotations

import re
from dataclasses import replace

from lrscope.curves.curve import Point
from lrscope.errors import UsageError
from lrscope.readers.console.framed import Frame
from lrscope.readers.console.line_template import Counter, LineTemplate, Measure
from lrscope.readers.console.lines import LONGEST_PARSED_LINE, LineReader
from lrscope.readers.console.numbers import PrintedValue
from lrscope.readers.console.parse_report import ParseReport
from lrscope.readers.console.point_builder import PointBuilder
from lrscope.readers.console.structured import RecordReader, parse_record
from lrscope.readers.console.tables import PrintedTable
from lrscope.readers.console.terminal import Line, Terminal
from lrscope.vocabulary import Kind, is_validation
from lrscope.vocabulary.printed import printed_kind

_BEST = re.compile(r"best iteration is", re.IGNORECASE)


class Parser:
    """A program's output in, points out, line by line.

    Parameters
    ----------
    metric : str or None
        The metric that is wanted: believed wherever its name appears (case, spaces, `_`, `-` and `/` do not
        matter). All other metrics are returned as well.
    pattern : str or None
        A regular expression searched in every line, instead of everything that is recognised otherwise. Named
        groups are metrics; `step`, `epoch` and `total` are what they say. One group without a name is "loss".

    Raises
    ------
    UsageError
        If the pattern does not compile or has no group that could hold a metric.
    """

    def __init__(self, metric: str | None = None, pattern: str | None = None) -> None:
        self._terminal = Terminal()
        self._builder = PointBuilder(metric, trusting=pattern is not None)
        self._lines = LineReader(metric)
        self._records = RecordReader(metric)
        self._wanted = metric
        self._pattern = None if pattern is None else _compiled(pattern)
        self._pattern_template = None if self._pattern is None else _pattern_template(self._pattern)
        self._tables: list[PrintedTable] = []
        self._frame = Frame()
        self._bare: list[tuple[str, ...]] = []
        self._bare_on = False
        self._skip = False

    def feed(self, chunk: bytes) -> list[Point]:
        """The points of every line that this chunk completes."""
        return self._read(self._terminal.feed(chunk))

    def finish(self) -> list[Point]:
        """The points of the last, unterminated line, and of what was held back for want of company."""
        points = self._read(self._terminal.finish())
        points += self._record(self._frame.close())
        if not self._builder.told:
            points += self._flush_bare()
        return points + self._builder.finish()

    @property
    def total(self) -> int | None:
        """The run's whole length in steps, where the program said it and counts in that unit."""
        total = self._builder.counter.total
        return None if total is None or total < self._builder.counter.step else total

    @property
    def step(self) -> int:
        """The last step, 0 before the first."""
        return self._builder.counter.step

    @property
    def epochs(self) -> list[tuple[int, float]]:
        """(step, epoch) wherever the printed epoch changed."""
        return self._builder.epochs

    @property
    def restarts(self) -> list[tuple[int, int]]:
        """Where a counter began anew without a new epoch; see `StepCounter.restarts`."""
        return self._builder.counter.restarts

    def summary(self) -> ParseReport:
        """What was recognised so far."""
        return self._builder.summary()

    def _read(self, lines: list[Line]) -> list[Point]:
        points: list[Point] = []
        for line, redrawn in lines:
            if line:
                found = self._line(line, redrawn)
                if found:
                    points += found
        return points

    def _line(self, line: str, redrawn: bool) -> list[Point]:
        if self._pattern is not None and self._pattern_template is not None:
            match = self._pattern.search(line[:LONGEST_PARSED_LINE])
            if match is None:
                return []
            return self._builder.take(
                self._pattern_template, [g or "" for g in match.groups()], line, redrawn
            )
        if self._skip:
            self._skip = False
            return []
        first = line[0] if line[0] not in " \t" else line.lstrip()[:1]
        if first == "{" and line.rstrip().endswith("}"):
            record = parse_record(line)
            if record is not None:
                template, values = self._records.read(record)
                return self._builder.take(template, values, line, redrawn)
        if first and first in "|│┃" and (closed := self._frame.take(line)) is not None:
            return self._record(closed)
        if self._frame.open:
            return [*self._record(self._frame.close()), *self._line(line, redrawn)]
        for table in self._tables:
            if (row := table.row(line)) is not None:
                return self._builder.take(*row, line, redrawn)
        template, numbers = self._lines.read(line)
        if template.bare:
            return self._bare_line(template, numbers)
        if template.header:
            table = PrintedTable(template.header, self._wanted)
            others = [t for t in self._tables if t.names != table.names]
            self._tables = [table, *others[:1]]  # of training and of its evaluation, in turns
            return []
        if template.opens:
            self._builder.heading(template.opens)
            return []
        if not numbers and _BEST.search(line):
            self._skip = True
        if self._bare and not self._bare_on:
            self._bare.clear()
        return self._builder.take(template, numbers, line, redrawn)

    def _record(self, record: dict[str, PrintedValue]) -> list[Point]:
        if not record:
            return []
        template, values = self._records.read(record)
        return self._builder.take(template, values)

    def _bare_line(self, template: LineTemplate, numbers: list[str]) -> list[Point]:
        """Numbers without a word are a loss only if nothing else is, and if they come in a row."""
        if self._builder.told and not self._bare_on:
            return []
        if template.bare == 2 and not numbers[0].isdigit():
            return []
        if self._bare and len(self._bare[-1]) != len(numbers):
            self._bare.clear()
        self._bare.append(tuple(numbers))
        whole = all(n[-1].isdigit() for n in self._bare)
        if self._bare_on or len(self._bare) > (2 if whole else 1):
            self._bare_on = True
            return self._flush_bare()
        return []

    def _flush_bare(self) -> list[Point]:
        points: list[Point] = []
        for row in self._bare:
            counter = Counter("first column", 0) if len(row) == 2 else None
            template = LineTemplate(
                None, counter, Kind.ITERATION, (Measure("loss", len(row) - 1),), strong=True, performance=True
            )
            points += self._builder.take(template, row, " ".join(row))
        self._bare.clear()
        return points


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"The pattern {pattern!r} is no regular expression: {error}.") from None
    if compiled.groups == 0:
        raise UsageError(
            f"The pattern {pattern!r} has no group: put the number in one, as in 'loss (?P<loss>\\S+)'."
        )
    if not compiled.groupindex and compiled.groups > 1:
        raise UsageError(
            f"The pattern {pattern!r} has {compiled.groups} groups and no names: write (?P<loss>...)."
        )
    if compiled.groupindex and not _pattern_template(compiled).measures:
        raise UsageError(f"The pattern {pattern!r} names no metric besides its counter: add (?P<loss>...).")
    return compiled


def _pattern_template(pattern: re.Pattern[str]) -> LineTemplate:
    if not pattern.groupindex:
        return LineTemplate(measures=(Measure("loss", 0),), strong=True, performance=True)
    slots = {name: number - 1 for name, number in pattern.groupindex.items()}
    total = slots.get("total")
    epoch = next((Counter(n, s) for n, s in slots.items() if printed_kind(n) is Kind.EPOCH), None)
    step = next(
        (Counter(n, s, total) for n, s in slots.items() if printed_kind(n) in (Kind.ITERATION, Kind.BATCH)),
        None,
    )
    if step is None and epoch is not None and total is not None:
        epoch = replace(epoch, total=total)
    used = {c.slot for c in (epoch, step) if c is not None} | {total}
    measures = tuple(Measure(n, s, None, is_validation(n)) for n, s in slots.items() if s not in used)
    kind = printed_kind(step.name) if step is not None else Kind.UNKNOWN
    return LineTemplate(epoch, step, kind, measures, strong=True, performance=True, leads=True)
