"""What live runs of Python functions share, and the run of a generator or of a plain function."""

from __future__ import annotations

import contextvars
import inspect
import math
from abc import abstractmethod
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any

from lrscope.errors import SourceError, UsageError
from lrscope.training.source.base import LiveRun, Progress, Status, Watch
from lrscope.training.source.function.collector import Collector
from lrscope.training.source.function.randomness import Randomness
from lrscope.training.source.function.usercode import tell


class StopRun(BaseException):
    """Raised inside `run.report` when nothing more is wanted of the run.

    Let it pass: `finally` and `with` do their work, and the function ends. It is no `Exception`, so `except
    Exception` around a training step does not catch it. A function may raise it itself to end its run early;
    that run is then complete, not failed. (A generator that is not wanted any more gets Python's own
    GeneratorExit at its `yield`.)
    """


_FINAL_STATUSES = (Status.ENDED, Status.DIVERGED, Status.FAILED)


class FunctionRun(LiveRun):
    """A live run of a function in this process. Subclasses say how it goes on."""

    def __init__(self, who: str, verb: str, watch: Watch | None) -> None:
        self.collector = Collector(who, verb, watch)
        self._randomness = Randomness()
        self._final: Progress | None = None
        self._closed = False
        # Of its own, so that `with np.errstate(...)` around a `yield` does not reach other runs while it
        # is paused, nor care from which thread it is advanced.
        self._context = contextvars.copy_context()

    def advance(self, to_step: int | None, within: float) -> Progress:
        """As `LiveRun.advance`; at least one step is done, however short the time."""
        began = perf_counter()
        if self._final is not None:  # it has nothing more to say
            last = self._final
            return Progress(last.status, [], last.step, reason=last.reason, detail=last.detail)
        if self._closed:
            raise UsageError(f"This run of {self.collector.who} has been closed and cannot be advanced.")
        if to_step is not None and to_step <= self.collector.step:
            return self._progress(Status.PAUSED)
        self._randomness.enter()
        try:
            limit = math.inf if to_step is None else to_step
            progress = self._context.run(self._run_on, limit, began + within)
        except SourceError:
            self.close()
            raise
        finally:
            self._randomness.leave()
        object.__setattr__(progress, "seconds", perf_counter() - began)
        if progress.status in _FINAL_STATUSES:
            self._final = progress
            self.close()
        return progress

    @abstractmethod
    def _run_on(self, to_step: float, deadline: float) -> Progress:
        """Go on until `to_step` is reported, `deadline` (of `perf_counter`) is over, or the run is at an
        end."""

    def _progress(self, status: Status, reason: str | None = None, detail: str | None = None) -> Progress:
        collector = self.collector
        return Progress(
            status,
            collector.take_points(),
            collector.step,
            reason=reason,
            detail=detail,
            notes=collector.take_notes(),
        )


class GeneratorRun(FunctionRun):
    """A live run of a generator function, or of a plain one, whose single value is a run of one step.

    ``begin()`` calls the user's function; `expect_steps` says whether it was known beforehand that this yields.
    """

    def __init__(self, begin: Callable[[], Any], who: str, watch: Watch | None, expect_steps: bool) -> None:
        super().__init__(who, "yielded", watch)
        self._begin = begin
        self._expect_steps = expect_steps
        self._iterator: Iterator[Any] | None = None

    def _run_on(self, to_step: float, deadline: float) -> Progress:
        collector = self.collector
        take, clock = collector.take, perf_counter
        if self._iterator is None:
            try:
                result = self._begin()
            except (KeyboardInterrupt, SourceError):
                raise
            except BaseException as error:
                return self._raised(error)
            if not hasattr(result, "__next__"):
                return self._evaluated(result)
            self._iterator = result
        step = self._iterator.__next__
        while True:
            try:
                value = step()
            except StopIteration:
                return self._ended()
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                return self._raised(error)
            take(value)
            if collector.verdict is not None:
                return self._progress(Status.DIVERGED, collector.verdict)
            if collector.step >= to_step:
                return self._progress(Status.PAUSED)
            if clock() >= deadline:
                return self._progress(Status.ADVANCING)

    def _raised(self, error: BaseException) -> Progress:
        if isinstance(error, StopRun):
            return self._ended()
        return self._progress(Status.FAILED, *tell(error))  # SystemExit too: it ends this run, not the scan

    def _ended(self) -> Progress:
        if self.collector.empty:
            raise SourceError(
                f"{self.collector.who} ended without yielding a loss, so there is nothing to judge by."
            )
        notes = (
            ()
            if self._expect_steps
            else (
                f"{self.collector.who} gave its losses step by step, which could not be seen beforehand, so no "
                "run was paused: annotate what it returns as Iterator[float].",
            )
        )
        progress = self._progress(Status.ENDED)
        object.__setattr__(progress, "notes", progress.notes + notes)
        return progress

    def _evaluated(self, result: Any) -> Progress:
        who = self.collector.who
        if inspect.isawaitable(result) or hasattr(result, "__anext__"):
            if inspect.iscoroutine(result):
                result.close()  # or Python warns that it was never awaited
            raise SourceError(
                f"{who} is asynchronous: give an ordinary function or generator (def, not async def)."
            )
        if result is None:
            raise SourceError(
                f"{who} returned nothing: yield the loss at every step, return one number, or take `run` and "
                "call run.report(loss=...)."
            )
        self.collector.verb = "returned"
        self.collector.take(result)
        verdict = self.collector.verdict
        return self._progress(Status.ENDED if verdict is None else Status.DIVERGED, verdict)

    def close(self) -> None:
        """End the run: the generator's `finally` and `with` blocks do their work."""
        iterator, self._iterator = self._iterator, None
        self._closed = True
        close = getattr(iterator, "close", None)
        if close is None:
            return
        try:
            self._context.run(close)
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: S110 - an error while cleaning up a run that nobody wants any more
            pass
