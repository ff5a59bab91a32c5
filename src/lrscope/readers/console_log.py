"""Files of what a program printed, read by the same parser as a running program's output."""

from __future__ import annotations

from pathlib import Path

from lrscope.curves.curve import Point
from lrscope.readers.base import LoggedRun, Reader, Unreadable
from lrscope.readers.console import Parser
from lrscope.readers.files import Sample, TextBlocks
from lrscope.readers.points import PointCollector

_LINES_AT_ONCE = 2_000


class ConsoleLog(Reader):
    """Any text at all; whether there are losses in it shows when it is read."""

    name = "console"
    title = "console output"

    def recognises(self, sample: Sample) -> bool:
        return bool(sample.text)

    def read(self, path: Path, name: str) -> list[LoggedRun]:
        parser = Parser()
        points = PointCollector()
        blocks = TextBlocks(path)

        def take(found: list[Point]) -> None:
            for step, metric, value in found:
                points.add(name, metric, step, value)

        for lines in blocks:
            # Fed as UTF-8 whatever the file is in: what PowerShell redirects to a file is UTF-16.
            for start in range(0, len(lines), _LINES_AT_ONCE):
                take(
                    parser.feed(
                        ("\n".join(lines[start : start + _LINES_AT_ONCE]) + "\n").encode("utf-8", "replace")
                    )
                )
        take(parser.finish())
        summary = parser.summary()
        if not summary.metrics:
            raise Unreadable("no loss was recognised in it")
        if max(summary.metrics.values()) < 2:
            # Prose and source code have single numbers beside words like "loss", too.
            raise Unreadable("no loss was recognised in more than one of its lines")
        return points.runs(self.name, path, [*blocks.lost, *summary.notes])
