"""Files of what a program printed, read by the same parser as a running program's output."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from lrscope.curves.curve import Point
from lrscope.readers.base import LoggedRun, Reader, Unreadable
from lrscope.readers.console import Parser
from lrscope.readers.console.point_builder import GOES_ON
from lrscope.readers.console.unread import MOST_KEPT_LINES, frequent_kinds
from lrscope.readers.files import Sample, TextBlocks
from lrscope.readers.restarts import Lap, separate
from lrscope.readers.series import Series, run_from_series
from lrscope.vocabulary import Kind, kind

_LINES_AT_ONCE = 2_000


class ConsoleLog(Reader):
    """Any text at all; whether there are losses in it shows when it is read.

    Parameters
    ----------
    metric, pattern : str or None
        As for `lrscope.readers.console.Parser`.
    """

    name = "console"
    title = "console output"

    def __init__(self, metric: str | None = None, pattern: str | None = None) -> None:
        self.metric = metric
        self.pattern = pattern

    def asking(self, metric: str | None, pattern: str | None) -> ConsoleLog:
        return ConsoleLog(metric, pattern)

    def recognises(self, sample: Sample) -> bool:
        return bool(sample.text)

    def read(self, path: Path, name: str) -> list[LoggedRun]:
        blocks = TextBlocks(path)
        return self.runs(blocks, name, path, blocks.lost)

    def runs(
        self, blocks: Iterable[Sequence[str]], name: str, source: Path | None, lost: Sequence[str]
    ) -> list[LoggedRun]:
        """The runs in these lines, some thousands at a time. `lost` may grow while they are taken."""
        parser = Parser(self.metric, self.pattern)
        found: list[Point] = []
        first: list[str] = []
        for lines in blocks:
            first += lines[: MOST_KEPT_LINES - len(first)]
            for start in range(0, len(lines), _LINES_AT_ONCE):
                # Fed as UTF-8 whatever the file is in: what PowerShell redirects to a file is UTF-16.
                piece = "\n".join(lines[start : start + _LINES_AT_ONCE]) + "\n"
                found += parser.feed(piece.encode("utf-8", "replace"))
        found += parser.finish()
        summary = parser.summary()
        if not summary.metrics and self.metric is None and self.pattern is None:
            norm = next((n for n in summary.others if kind(n) is Kind.DIAGNOSTIC and "norm" in n), None)
            if norm is not None:
                told = [*lost, f"No loss was recognised in it: {norm} was read instead."]
                return ConsoleLog(norm).runs(blocks, name, source, told)
        if not summary.metrics:
            raise Unreadable("no loss was recognised in it", frequent_kinds(first, self.metric))
        if max(summary.metrics.values()) < 2:
            # Prose and source code have single numbers beside words like "loss", too.
            few = "no loss was recognised in more than one of its lines"
            raise Unreadable(few, frequent_kinds(first, self.metric))
        laps, told = separate(found, parser.epochs, parser.restarts)
        notes = [note for note in summary.notes if not (told and note.endswith(GOES_ON))]
        return [
            run_from_series(
                name if len(laps) == 1 else f"{name}/{k}",
                self.name,
                _series(lap),
                source=source,
                warnings=[*lost, *notes, *told],
            )
            for k, lap in enumerate(laps, start=1)
        ]


def _series(lap: Lap) -> dict[str, Series]:
    """The points of each metric in the order in which they were printed, and of the epoch."""
    metrics: dict[str, tuple[list[int], list[float]]] = {}
    for step, metric, value in lap.points:
        steps, values = metrics.setdefault(metric, ([], []))
        steps.append(step)
        values.append(value)
    if lap.epochs and "epoch" not in metrics:
        metrics["epoch"] = ([step for step, _ in lap.epochs], [epoch for _, epoch in lap.epochs])
    return {name: (np.array(s, dtype=np.int64), np.array(v)) for name, (s, v) in metrics.items()}
