"""Runs as Ray actors: on this machine, or all over a cluster. Needs the extra ``ray``.

Each live run is an actor, which is advanced by a call and waits for the next one in between. At most `jobs`
calls are under way at once; so a paused actor reserves no processor, only its memory.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from lrscope.config import RunKey
from lrscope.errors import LrscopeError, UsageError
from lrscope.training.engine.calls import CallingEngine, pickled
from lrscope.training.source.base import Progress, Source, Status, Watch

_ACTOR_GRACE_SECONDS = 3.0  # seconds that a run gets to end by itself
_OBJECT_STORE_BYTES = 100_000_000  # bytes; what passes through are points, not models


def live_actor() -> type:
    """The class of the actors: one live run each.

    Made inside a function, and importing only when called, because Ray then sends it whole: the actor's
    process finds lrscope and the user's modules only once it has the session's import path.
    """

    class LiveActor:
        def __init__(self, path: list[str]) -> None:
            import sys

            sys.path += [folder for folder in path if folder not in sys.path]
            self._run: Any = None

        def process(self) -> int:
            import os

            return os.getpid()

        def start(self, order: bytes) -> None:
            import pickle

            source, config, seed, watch, log = pickle.loads(order)  # noqa: S301 - from our own session, through Ray
            if log is not None:  # written where the actor lives
                log.parent.mkdir(parents=True, exist_ok=True)
            self._run = source.start(config, seed, watch=watch, log=log)

        def advance(self, to_step: int | None, within: float) -> Any:
            if self._run is None:
                raise RuntimeError("the run was not started")
            from lrscope.errors import LrscopeError

            try:
                return self._run.advance(to_step, within)
            except LrscopeError as error:  # given back, because Ray would wrap what is raised
                return error

        def close(self) -> None:
            if self._run is not None:
                self._run.close()

    return LiveActor


@dataclass
class _RunActor:
    order: bytes
    actor: Any = None
    started: Any = None  # the call that makes the run ready
    answer: Any = None  # the advance under way
    step: int = 0
    sent_at: float = 0.0


class RayEngine(CallingEngine[_RunActor]):
    """Each run in a Ray actor, up to `jobs` of them advancing at once.

    An initialised Ray is used as it is, and left running. Otherwise the cluster at ``RAY_ADDRESS`` is
    joined; and where that is not set, a small Ray is started on this machine, and stopped at `shutdown`: no
    dashboard, no usage statistics, its files in a temporary folder, its log off the terminal, and its token
    in the environment alone, not in the home folder. (When a worker dies, Ray itself prints a report of
    that to standard output.)

    Parameters
    ----------
    source : Source
        What is trained. It travels to the actors, so files that it names must be found on their nodes too.
        Programs run on the node of their actor, and write their logs there.
    jobs : int
        How many runs advance at the same time.

    Raises
    ------
    UsageError
        If Ray is not installed, or cannot be started.
    SourceError
        If the source cannot be sent to another process.
    """

    def __init__(self, source: Source, jobs: int) -> None:
        super().__init__(jobs)
        try:
            import ray
        except ImportError:
            raise UsageError(
                "The Ray engine needs Ray, which is not installed: pip install 'lrscope[ray]'."
            ) from None
        self._ray = ray
        self._source = source
        self._joined = False
        self._folder: str | None = None
        pickled(source)  # to say now, and not at the first run, that it cannot be sent
        if not ray.is_initialized():
            self._initialise(jobs)
        self._actor_class: Any = ray.remote(live_actor()).options(
            num_cpus=0, max_restarts=0, scheduling_strategy="SPREAD"
        )

    def _initialise(self, jobs: int) -> None:
        ray = self._ray
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        try:
            if os.environ.get("RAY_ADDRESS"):
                ray.init(**quiet)
            else:
                _keep_to_itself()
                self._folder = tempfile.mkdtemp(
                    prefix="lrs-"
                )  # short: sockets inside must stay below 108 characters
                ray.init(
                    address="local",
                    num_cpus=max(jobs, 1),
                    include_dashboard=False,
                    object_store_memory=_OBJECT_STORE_BYTES,
                    _temp_dir=self._folder,
                    **quiet,
                )
        except Exception as error:  # Ray raises many kinds here: no space, no address, a version that differs
            self._forget_folder()
            raise UsageError(f"Ray could not be started: {' '.join(str(error).split())[:300]}") from error
        self._joined = True

    def _make_seat(self, key: RunKey, watch: Watch | None, log: Path | None) -> _RunActor:
        return _RunActor(
            order=pickled(
                (self._source, key.config, key.seed, watch, None if log is None else log.absolute())
            )
        )

    def _send(self, seat: _RunActor, to_step: int | None, within: float) -> None:
        if seat.actor is None:
            seat.actor = self._actor_class.remote(sys.path)
            seat.started = seat.actor.start.remote(seat.order)
        seat.sent_at = monotonic()
        seat.answer = seat.actor.advance.remote(to_step, within)

    def _answered(self, seats: Mapping[RunKey, _RunActor], timeout: float) -> Collection[RunKey]:
        calls = {seat.answer: key for key, seat in seats.items()}
        done, open_ = self._ray.wait(list(calls), num_returns=1, timeout=timeout)
        if done and open_:
            more, _ = self._ray.wait(open_, num_returns=len(open_), timeout=0)
            done += more
        return [calls[call] for call in done]

    def _receive(self, seat: _RunActor) -> Progress:
        ray = self._ray
        call, seat.answer = seat.answer, None
        try:
            if seat.started is not None:
                started, seat.started = seat.started, None
                ray.get(started)
            answer = ray.get(call)
        except ray.exceptions.RayTaskError as error:
            cause = error.cause
            raise (cause if isinstance(cause, LrscopeError) else RuntimeError(str(error))) from None
        except ray.exceptions.RayError as error:  # its worker or its node died
            reason = f"Its Ray actor was lost: its worker process or its node died ({type(error).__name__})."
            seconds = monotonic() - seat.sent_at
            return Progress(Status.LOST, [], seat.step, seconds=seconds, reason=reason, detail=str(error))
        if isinstance(answer, LrscopeError):
            raise answer
        progress: Progress = answer
        seat.step = progress.step
        return progress

    def _end(self, seats: Collection[_RunActor]) -> None:
        ray = self._ray
        live = [seat for seat in seats if seat.actor is not None]
        if not live or not ray.is_initialized():
            return
        closing = [seat.actor.close.remote() for seat in live]
        with contextlib.suppress(ray.exceptions.RayError):
            ray.wait(closing, num_returns=len(closing), timeout=_ACTOR_GRACE_SECONDS)
        for seat in live:
            with contextlib.suppress(ray.exceptions.RayError):
                ray.kill(seat.actor, no_restart=True)
            seat.actor = None

    def shutdown(self) -> None:
        super().shutdown()
        if self._joined:
            self._joined = False
            self._ray.shutdown()
        self._forget_folder()

    def _forget_folder(self) -> None:
        folder, self._folder = self._folder, None
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def processes(self) -> dict[RunKey, int]:
        """The process id of each run's actor, on the node where it lives, for those that have one."""
        seats = {key: seat for key, seat in self._seats.items() if seat.actor is not None}
        return {key: self._ray.get(seat.actor.process.remote()) for key, seat in seats.items()}


def _keep_to_itself() -> None:
    """Tell a Ray of our own to send nothing away, and to keep its token out of the home folder.

    Ray reads these from the environment when it starts; what the user has set stays.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    own = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
    if not any(name in os.environ for name in own):
        # Not the mode: Ray read that when it was imported, and turns it on itself for a cluster of its own.
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
