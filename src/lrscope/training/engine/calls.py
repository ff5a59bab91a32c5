"""What engines share whose runs live elsewhere: an advance is a call that is sent off, and answered later.

Threads, worker processes and Ray actors differ in how a call is sent and its answer fetched; that is all that
a subclass says. Here is the rest: which calls are under way, how long to wait, and what an answer means.
"""

from __future__ import annotations

import pickle
from abc import abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any, Generic, TypeVar

from lrscope.config import RunKey
from lrscope.errors import SourceError, UsageError
from lrscope.training.engine.base import Engine
from lrscope.training.source.base import Progress, Status, Watch

Seat = TypeVar("Seat")


class CallingEngine(Engine, Generic[Seat]):
    """An engine that sends calls. A *seat* is where one run lives.

    A run that answers ADVANCING is sent on at once, before its points are handed to the caller: so it works
    while the caller writes them down.
    """

    def __init__(self, jobs: int) -> None:
        if jobs < 1:
            raise UsageError(f"jobs must be at least 1, not {jobs!r}.")
        self.jobs = jobs
        self._seats: dict[RunKey, Seat] = {}
        self._under_way: set[RunKey] = set()

    @abstractmethod
    def _make_seat(self, key: RunKey, watch: Watch | None, log: Path | None) -> Seat:
        """A place for a run; as little as possible is done before its first call."""

    @abstractmethod
    def _send(self, seat: Seat, to_step: int | None, within: float) -> None:
        """Have the run advanced, without waiting for it."""

    @abstractmethod
    def _answered(self, seats: Mapping[RunKey, Seat], timeout: float) -> Collection[RunKey]:
        """Wait at most `timeout` seconds until at least one of these has an answer, and say which have."""

    @abstractmethod
    def _receive(self, seat: Seat) -> Progress:
        """The answer that has come: a Progress (LOST if the seat is gone), or the SourceError that it
        brought."""

    @abstractmethod
    def _end(self, seats: Collection[Seat]) -> None:
        """Close these runs, all at once, and leave nothing behind."""

    def open(self, key: RunKey, *, watch: Watch | None = None, log: Path | None = None) -> None:
        if key in self._seats:
            raise UsageError(f"The run with {key} is open already.")
        self._seats[key] = self._make_seat(key, watch, log)

    def advance(self, wanted: Mapping[RunKey, int | None], within: float) -> dict[RunKey, Progress]:
        if len(wanted) > self.jobs:
            raise UsageError(f"This engine advances {self.jobs} runs at a time, not {len(wanted)}.")
        deadline = monotonic() + within
        for key, to_step in wanted.items():
            if key not in self._seats:
                raise UsageError(f"The run with {key} is not open.")
            self._go(key, to_step, within)
        news: dict[RunKey, Progress] = {}
        resting = False
        while waiting := {key: self._seats[key] for key in wanted if key not in news}:
            ready = self._answered(waiting, 0.0 if resting else max(0.0, deadline - monotonic()))
            if not ready:
                break
            for key in ready:
                self._under_way.discard(key)
                progress = self._receive(self._seats[key])
                to_step = wanted[key]
                if progress.status is Status.PAUSED and (to_step is None or progress.step < to_step):
                    # The call was sent off for an earlier, nearer wish.
                    progress = replace(progress, status=Status.ADVANCING)
                if progress.status is Status.ADVANCING:
                    self._go(key, to_step, within)
                else:
                    resting = True
                news[key] = progress
        return {key: news[key] for key in wanted if key in news}

    def _go(self, key: RunKey, to_step: int | None, within: float) -> None:
        if key not in self._under_way:
            self._under_way.add(key)
            self._send(self._seats[key], to_step, within)

    def close(self, key: RunKey) -> None:
        self._under_way.discard(key)
        seat = self._seats.pop(key, None)
        if seat is not None:
            self._end([seat])

    def shutdown(self) -> None:
        seats = list(self._seats.values())
        self._seats.clear()
        self._under_way.clear()
        if seats:
            self._end(seats)


def pickled(what: Any) -> bytes:
    """As bytes, for another process.

    Raises
    ------
    SourceError
        If it cannot be sent.
    """
    try:
        return pickle.dumps(what)
    except SourceError:
        raise
    except Exception as error:
        raise SourceError(
            f"This source cannot be sent to another process ({error}): scan with jobs=1."
        ) from None
