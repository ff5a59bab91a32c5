"""The callback form: `train(run)` calls `run.report(...)`, and waits inside it while it is paused.

The function runs in a thread of its own. Only one of the two threads ever moves: `advance` lets the function
go and waits; `report` hands back when the step or the time has come, and waits. Reports in between cost no
switch.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

from lrscope.config import Config
from lrscope.errors import SourceError
from lrscope.training.source.base import Progress, Status, Watch
from lrscope.training.source.function.live import FunctionRun, StopRun
from lrscope.training.source.function.usercode import tell

__all__ = ["CallbackRun", "Reporter", "StopRun"]

_ABSENT: Any = object()
_PATIENCE_SECONDS = 5.0  # seconds that closing waits for the user's own clean-up
_MID_STEP_PATIENCE_SECONDS = 1.0  # and for a step under way, which cannot be interrupted


class Reporter:
    """What a callback function gets: ``def train(run): ... run.report(loss=loss)``.

    Attributes
    ----------
    lr : float
        The learning rate to train with.
    seed : int
        The seed to train with.
    config : mapping of str to number or text
        All hyperparameters to train with, the learning rate among them.
    """

    def __init__(self, config: Config, seed: int, report: Callable[[Any, Any], None]) -> None:
        self.lr = float(config["lr"])
        self.seed = seed
        self.config = config
        self._report = report

    def report(self, value: Any = _ABSENT, /, *, step: int | None = None, **metrics: Any) -> None:
        """Tell what was measured: ``run.report(loss=0.3, val_loss=0.4)``, ``run.report(0.3)``, or a mapping.

        Parameters
        ----------
        value : number or mapping, optional
            The loss, or a mapping of metric names to numbers.
        step : int, optional
            Optimiser steps done; must increase. Default: one more than before. The last step may be named
            again for metrics that it does not have yet.
        **metrics : number
            Anything with one real number: int, float, a NumPy scalar, a tensor of one element.

        Raises
        ------
        StopRun
            When the run is to end; let it pass.
        """
        if value is _ABSENT:
            self._report(metrics, step)
        elif not metrics:
            self._report(value, step)
        elif isinstance(value, Mapping):
            self._report({**value, **metrics}, step)
        else:
            self._report({"loss": value, **metrics}, step)

    def heard(self) -> None:
        """Called when a report has been taken in."""


class CallbackRun(FunctionRun):
    """A live run of a callback function."""

    def __init__(
        self,
        function: Callable[[dict[str, Any]], Any],
        config: Config,
        seed: int,
        who: str,
        watch: Watch | None,
        reporter: Callable[[Callable[[Any, Any], None]], Reporter] | None = None,
    ) -> None:
        super().__init__(who, "reported", watch)
        told = Reporter(config, seed, self._report) if reporter is None else reporter(self._report)
        self._heard = told.heard
        self._call: Callable[[], Any] = lambda: function({**config, "run": told, "seed": seed})
        self._limit = math.inf
        self._deadline = 0.0
        self._go = threading.Lock()  # held while the function has to wait
        self._back = threading.Lock()  # held while the session has to wait
        self._go.acquire()
        self._back.acquire()
        self._thread: threading.Thread | None = None
        self._waiting = True  # the function waits for `_go`
        self._closing = False
        self._handed_back = False  # for good
        self._outcome: tuple[Status, str | None, str | None] = (Status.PAUSED, None, None)
        self._error: BaseException | None = None
        self._ignored = 0

    def _run_on(self, to_step: float, deadline: float) -> Progress:
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._live, name=f"lrscope: {self.collector.who}", daemon=True
            )
            self._thread.start()
        if self._waiting:  # not where Ctrl-C came while the function was at work
            self._limit, self._deadline = to_step, deadline
            self._waiting = False
            self._go.release()
        self._back.acquire()
        self._waiting = True
        if self._error is not None:
            raise self._error
        status, reason, detail = self._outcome
        if status is Status.ENDED and self.collector.empty:
            raise SourceError(
                f"{self.collector.who} never called run.report(...), so there is nothing to judge by."
            )
        return self._progress(status, reason, detail)

    def close(self) -> None:
        """End the run: its thread gets `StopRun` out of `report`, or out of the next one if a step is under
        way."""
        self._closed = self._closing = True
        thread, self._thread = self._thread, None
        if thread is None:
            return
        resting = self._waiting
        if resting and not self._handed_back:
            self._waiting = False
            self._go.release()
        thread.join(_PATIENCE_SECONDS if resting else _MID_STEP_PATIENCE_SECONDS)

    # From here on: in the function's thread.

    def _live(self) -> None:
        self._go.acquire()
        if self._closing:
            return
        try:
            self._call()
        except StopRun:
            outcome: tuple[Status, str | None, str | None] = (Status.ENDED, None, None)
        except KeyboardInterrupt as error:
            self._error = self._error or error
            outcome = (Status.FAILED, None, None)
        except BaseException as error:  # SystemExit among them: it ends this run, not the scan
            outcome = (Status.FAILED, *tell(error))
        else:
            outcome = (Status.ENDED, None, None)
        self._hand_back(outcome)

    def _report(self, value: Any, step: Any) -> None:
        if self._closing:
            self._refuse()
        collector = self.collector
        try:
            collector.take(value, step)
            self._heard()
        except (
            BaseException
        ) as error:  # wrong use, which the session has to hear of even if the function catches all
            self._error = error
            self._hand_back((Status.FAILED, None, None))
            raise StopRun from None
        if collector.verdict is not None:
            self._hand_back((Status.DIVERGED, collector.verdict, None))
            raise StopRun
        if collector.step >= self._limit:
            self._pause(Status.PAUSED)
        elif perf_counter() >= self._deadline:
            self._pause(Status.ADVANCING)

    def _pause(self, status: Status) -> None:
        self._outcome = (status, None, None)
        self._back.release()
        self._go.acquire()
        if self._closing:
            self._refuse()

    def _hand_back(self, outcome: tuple[Status, str | None, str | None]) -> None:
        if not self._handed_back:
            self._handed_back = True
            self._closing = True
            self._outcome = outcome
            self._back.release()

    def _refuse(self) -> None:
        self._ignored += 1
        if self._ignored > 100:  # a function that catches StopRun and goes on must not spin for ever
            self._go.acquire()
        raise StopRun
