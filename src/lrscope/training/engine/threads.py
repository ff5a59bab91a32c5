"""For runs that are processes of their own (programs): each is looked after from a thread of this process."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from copy import copy
from dataclasses import dataclass
from pathlib import Path

from lrscope.config import RunKey
from lrscope.training.engine.calls import CallingEngine
from lrscope.training.engine.processors import processor_share
from lrscope.training.source.base import LiveRun, Progress, Source, Watch


@dataclass
class _RunThread:
    run: LiveRun
    answer: Future[Progress] | None = None


class ThreadEngine(CallingEngine[_RunThread]):
    """Advances up to `jobs` runs at once, each from a thread.

    Parameters
    ----------
    source : Source
        One whose runs do their work outside of this process; others would share one interpreter lock, and the
        process's global random numbers.
    jobs : int
        How many runs advance at the same time.
    """

    def __init__(self, source: Source, jobs: int) -> None:
        super().__init__(jobs)
        self._source = copy(source)  # the caller's own is left as it is
        if jobs > 1:
            self._source.variables = {**processor_share(jobs), **source.variables}
        # More threads than jobs: a run that is no longer wanted may still be on its way back.
        self._pool = ThreadPoolExecutor(max_workers=2 * jobs, thread_name_prefix="lrscope")

    def _make_seat(self, key: RunKey, watch: Watch | None, log: Path | None) -> _RunThread:
        return _RunThread(self._source.start(key.config, key.seed, watch=watch, log=log))

    def _send(self, seat: _RunThread, to_step: int | None, within: float) -> None:
        seat.answer = self._pool.submit(seat.run.advance, to_step, within)

    def _answered(self, seats: Mapping[RunKey, _RunThread], timeout: float) -> Collection[RunKey]:
        answers = {seat.answer: key for key, seat in seats.items() if seat.answer is not None}
        done, _ = wait(answers, timeout=timeout, return_when=FIRST_COMPLETED)
        return [answers[answer] for answer in done]

    def _receive(self, seat: _RunThread) -> Progress:
        answer, seat.answer = seat.answer, None
        if answer is None:  # pragma: no cover - the caller asks only for what has been answered
            raise RuntimeError("there is no answer to receive")
        return answer.result()

    def _end(self, seats: Collection[_RunThread]) -> None:
        for seat in seats:
            if seat.answer is not None:
                wait(
                    [seat.answer]
                )  # a live run is used from one thread at a time; it is back within its time slice
        self._source.close_runs([seat.run for seat in seats])

    def shutdown(self) -> None:
        super().shutdown()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def memory(self) -> int | None:
        known = [
            m
            for m in (seat.run.memory() for seat in self._seats.values() if seat.answer is None)
            if m is not None
        ]
        return round(sum(known) / len(known)) if known else None
