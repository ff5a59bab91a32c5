"""Runs in this thread, one at a time: nothing to start, nothing to send, the simplest engine there is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lrscope.config import RunKey
from lrscope.errors import UsageError
from lrscope.training.engine.base import Engine
from lrscope.training.source.base import LiveRun, Progress, Source, Watch


class SerialEngine(Engine):
    """Keeps runs in this process and advances one of them at a time, in the thread that asks.

    Parameters
    ----------
    source : Source
        What is trained. Functions need not be importable by other processes here.
    """

    jobs = 1

    def __init__(self, source: Source) -> None:
        self._source = source
        self.trains_here = not source.own_process
        self._runs: dict[RunKey, LiveRun] = {}

    def open(self, key: RunKey, *, watch: Watch | None = None, log: Path | None = None) -> None:
        if key in self._runs:
            raise UsageError(f"The run with {key} is open already.")
        self._runs[key] = self._source.start(key.config, key.seed, watch=watch, log=log)

    def advance(self, wanted: Mapping[RunKey, int | None], within: float) -> dict[RunKey, Progress]:
        if len(wanted) > 1:
            raise UsageError(f"A serial engine advances one run at a time, not {len(wanted)}.")
        news = {}
        for key, to_step in wanted.items():
            if key not in self._runs:
                raise UsageError(f"The run with {key} is not open.")
            news[key] = self._runs[key].advance(to_step, within)
        return news

    def close(self, key: RunKey) -> None:
        run = self._runs.pop(key, None)
        if run is not None:
            run.close()

    def shutdown(self) -> None:
        runs = list(self._runs.values())
        self._runs.clear()
        self._source.close_runs(runs)

    def memory(self) -> int | None:
        known = [m for m in (run.memory() for run in self._runs.values()) if m is not None]
        return round(sum(known) / len(known)) if known else None
