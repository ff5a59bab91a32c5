"""Runs in processes of this machine: each function run in a worker of its own, each program as it is.

One worker a run, because then nothing that a run does to its interpreter (module-level state, threads,
memory that it does not give back) reaches another, a crash costs one run, and closing a run frees all it
held. What that costs: every worker imports the user's module anew, and a result that depends on the number
of threads that add it up may differ in its last digits from one with another number of jobs. A worker is
started at its run's first advance, not before.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from multiprocessing.connection import wait as wait_for
from pathlib import Path
from time import monotonic
from typing import Any

from lrscope.config import RunKey
from lrscope.errors import SourceError
from lrscope.training.engine.base import Engine
from lrscope.training.engine.calls import CallingEngine, pickled
from lrscope.training.engine.processors import processor_share
from lrscope.training.engine.threads import ThreadEngine
from lrscope.training.engine.worker import BOOT_CODE
from lrscope.training.source.base import Progress, Source, Status, Watch
from lrscope.training.source.function import loading

_REST_GRACE_SECONDS = 3.0  # seconds that a paused run gets for its own clean-up
_WORK_GRACE_SECONDS = 0.5  # and one that is in the midst of a step
_CRASH_SIGNALS = {signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL}


class ProcessEngine(Engine):
    """Runs on this machine, up to `jobs` at once.

    Parameters
    ----------
    source : Source
        What is trained. A source whose runs are processes anyway (`own_process`) is looked after from
        threads; any other has to be picklable.
    jobs : int
        How many runs advance at the same time.

    Raises
    ------
    SourceError
        If the source cannot be sent to another process.
    """

    def __init__(self, source: Source, jobs: int) -> None:
        self._engine: Engine = (
            ThreadEngine(source, jobs) if source.own_process else WorkerEngine(source, jobs)
        )
        self.jobs = jobs

    def open(self, key: RunKey, *, watch: Watch | None = None, log: Path | None = None) -> None:
        self._engine.open(key, watch=watch, log=log)

    def advance(self, wanted: Mapping[RunKey, int | None], within: float) -> dict[RunKey, Progress]:
        return self._engine.advance(wanted, within)

    def close(self, key: RunKey) -> None:
        self._engine.close(key)

    def shutdown(self) -> None:
        self._engine.shutdown()

    def memory(self) -> int | None:
        return self._engine.memory()

    def processes(self) -> dict[RunKey, int]:
        """The process id of each run's worker; empty for a source whose runs are processes of their own."""
        return self._engine.processes() if isinstance(self._engine, WorkerEngine) else {}


@dataclass
class _Worker:
    order: bytes  # what it is to run
    process: subprocess.Popen[bytes] | None = None
    pipe: Connection[Any, Any] | None = None
    lifeline: int = -1
    sentinel: int = -1  # readable when the process has ended; -1 where the system has no such thing
    busy: bool = False
    step: int = 0
    sent_at: float = 0.0


class WorkerEngine(CallingEngine[_Worker]):
    """Each run in a worker process of its own, which sleeps on a pipe while the run is paused."""

    def __init__(self, source: Source, jobs: int) -> None:
        super().__init__(jobs)
        if loading.MAIN_ALIAS in sys.modules and getattr(
            sys.modules[loading.MAIN_ALIAS].__spec__, "_initializing", True
        ):
            raise SourceError(
                "The script starts the scan again when a worker imports it: put the call of lrscope under "
                'if __name__ == "__main__".'
            )
        self._source = source
        pickled(source)  # to say now, and not at the first run, that it cannot be sent

    def _make_seat(self, key: RunKey, watch: Watch | None, log: Path | None) -> _Worker:
        return _Worker(order=pickled((self._source, key.config, key.seed, watch, log)))

    def _send(self, seat: _Worker, to_step: int | None, within: float) -> None:
        seat.busy = True
        seat.sent_at = monotonic()
        with contextlib.suppress(OSError):  # it is gone; the answer will say so
            if seat.pipe is None:
                _start(seat, self.jobs)
            if seat.pipe is not None:
                seat.pipe.send((to_step, within))

    def _answered(self, seats: Mapping[RunKey, _Worker], timeout: float) -> Collection[RunKey]:
        handles: dict[Any, RunKey] = {}
        for key, seat in seats.items():
            handles[seat.pipe] = key
            if seat.sentinel >= 0:
                handles[seat.sentinel] = key
        return {handles[handle]: None for handle in wait_for(list(handles), timeout)}

    def _receive(self, seat: _Worker) -> Progress:
        seat.busy = False
        pipe = seat.pipe
        try:
            if pipe is None or not pipe.poll(0):
                raise EOFError
            answer = pipe.recv()
        except (EOFError, OSError):
            return self._vanished(seat)
        if isinstance(answer, BaseException):
            raise answer
        progress: Progress = answer
        seat.step = progress.step
        return progress

    def _vanished(self, seat: _Worker) -> Progress:
        status, reason = Status.LOST, "Its worker process vanished."
        process = seat.process
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5.0)
            code = process.returncode
            if code is not None and code >= 0:
                status, reason = Status.FAILED, f"The function ended its process with exit status {code}."
            elif code is not None and -code in _CRASH_SIGNALS:
                status = Status.FAILED
                reason = f"The function's process crashed ({signal.Signals(-code).name})."
            elif code is not None:
                reason = f"Its worker process (pid {process.pid}) was killed by {_signal_name(-code)}."
        return Progress(status, [], seat.step, seconds=monotonic() - seat.sent_at, reason=reason)

    def _end(self, seats: Collection[_Worker]) -> None:
        started = [seat for seat in seats if seat.process is not None]
        for seat in started:
            with contextlib.suppress(OSError):
                if seat.pipe is not None:
                    seat.pipe.send(None)
        now = monotonic()
        for seat in started:
            _finish(seat, now + (_WORK_GRACE_SECONDS if seat.busy else _REST_GRACE_SECONDS))

    def memory(self) -> int | None:
        sizes = []
        import psutil  # only here: a scan that never asks need not load it

        for pid in self.processes().values():
            with contextlib.suppress(psutil.Error):
                sizes.append(int(psutil.Process(pid).memory_full_info().uss))
        return round(sum(sizes) / len(sizes)) if sizes else None

    def processes(self) -> dict[RunKey, int]:
        """The process id of each run's worker, for those that have one."""
        return {key: seat.process.pid for key, seat in self._seats.items() if seat.process is not None}


def _start(seat: _Worker, jobs: int) -> None:
    ours, theirs = Pipe()
    watched, seat.lifeline = os.pipe()
    try:
        seat.process = subprocess.Popen(
            [sys.executable, "-c", BOOT_CODE, str(theirs.fileno()), str(watched), json.dumps(sys.path)],
            env={**os.environ, **processor_share(jobs)},
            stdin=subprocess.DEVNULL,
            stdout=_file_number(sys.stdout),
            stderr=_file_number(sys.stderr),
            pass_fds=(theirs.fileno(), watched),
            # Of its own, so that what the user's code starts ends with it, and Ctrl-C does not reach it.
            process_group=0,
        )
    finally:
        theirs.close()
        os.close(watched)
    seat.pipe = ours
    with contextlib.suppress(OSError, AttributeError):
        seat.sentinel = os.pidfd_open(seat.process.pid)
    ours.send_bytes(seat.order)


def _finish(seat: _Worker, deadline: float) -> None:
    """Wait for the worker's own end until `deadline`, then end it and whatever it started."""
    process = seat.process
    if process is None:
        return
    handles: list[Any] = [seat.sentinel] if seat.sentinel >= 0 else [seat.pipe]
    while (left := deadline - monotonic()) > 0 and wait_for(handles, left):
        if seat.sentinel >= 0 or not _more(seat):
            break
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # before `wait`, while the number is surely still its own
    process.wait()
    if seat.pipe is not None:
        seat.pipe.close()
    for descriptor in (seat.lifeline, seat.sentinel):
        if descriptor >= 0:
            os.close(descriptor)
    seat.process = seat.pipe = None
    seat.lifeline = seat.sentinel = -1


def _more(seat: _Worker) -> bool:
    """Read away a late answer; False at the end of the pipe."""
    try:
        if seat.pipe is not None:
            seat.pipe.recv_bytes()
    except (EOFError, OSError):
        return False
    return True


def _file_number(stream: Any) -> int:
    """Where a stream of this process really goes, so that a redirected one is redirected for workers too."""
    try:
        return int(stream.fileno())
    except (AttributeError, OSError, ValueError):  # caught in memory: beside the answer, at least
        return 2


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
