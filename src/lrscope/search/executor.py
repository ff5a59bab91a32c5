"""The hands of a session: runs are opened, advanced, dropped when memory is short, and closed.

It decides nothing about what is worth running. It is given a batch of asks and comes back when each has been
answered: by the ledger, where the points are there already, otherwise by training.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

from lrscope.config import RunKey, run_name
from lrscope.curves import RunState
from lrscope.errors import InconclusiveError
from lrscope.search.interrupt import Interrupt
from lrscope.search.ledger import Ledger
from lrscope.search.memory import available_memory, room_for
from lrscope.search.planners.base import Advance
from lrscope.search.resources import wants_resource
from lrscope.search.tracked_run import End, TrackedRun
from lrscope.search.waiting import Waits
from lrscope.training.engine.base import Engine
from lrscope.training.source.base import Progress, Status, Watch

SLICE_SECONDS = 0.25
"""Seconds of training after which points are written: what a kill can cost at most, plus a step."""

FINISHING_SECONDS = 5.0
"""Seconds that a run may go on after its last step, to say what it says at its end (a last validation, a summary):
at least this, and a fifth of the time that it has trained."""

SLICES_AFTER_SIGNAL = 4
"""Slices that runs elsewhere have to come to rest after a signal, so that what they have reported is written."""

FEWEST_STEPS = 4
"""Steps below which runs that fail at one step are not taken to have come to the end of their training."""

RESTARTS_ALLOWED = 3
"""How often a run is started anew after its process vanished."""


class Executor:
    """Advances runs; what they show goes to the ledger.

    Parameters
    ----------
    engine : Engine
    ledger : Ledger
        All runs that were ever asked for; the executor adds to it.
    watch : callable
        Makes the watch for a run that is opened.
    interrupt : Interrupt
    promise : callable
        How promising each unfinished run is, for dropping.
    observe : callable(bool)
        Called after each slice; True where a run has changed its state.
    max_paused : int or None
        How many runs may wait in memory; 0 ends each run before another starts. None decides by what is free.
    logs : Path or None
        Folder of the runs' own output.
    """

    def __init__(
        self,
        engine: Engine,
        ledger: Ledger,
        *,
        watch: Callable[[], Watch | None],
        interrupt: Interrupt,
        promise: Callable[[], Mapping[RunKey, float]],
        observe: Callable[[bool], None],
        max_paused: int | None = None,
        logs: Path | None = None,
    ) -> None:
        self.engine = engine
        self.ledger = ledger
        self.horizon: int | None = None
        self.total: int | None = None  # the run length that a run has told
        self._watch = watch
        self._interrupt = interrupt
        self._promise = promise
        self._observe = observe
        self._max_paused = max_paused
        self._logs = logs
        self._open: dict[RunKey, None] = {}  # in order of when each was last at work
        self._details: dict[RunKey, str] = {}
        self._per_run: int | None = None
        self._waits = Waits(ledger.decisions)
        self._at_horizon: dict[RunKey, float] = {}  # seconds trained when each was first seen there

    @property
    def runs(self) -> dict[RunKey, TrackedRun]:
        """All runs that were ever asked for."""
        return self.ledger.runs

    # ---- a batch ----------------------------------------

    def drive(self, asks: Sequence[Advance], enough: Callable[[], bool] | None = None) -> None:
        """Advance until every ask is answered, or until `enough` says so; then all runs are at rest.

        Where `enough` cut it short, a run's `step` stays where it was: what it has reported meanwhile waits
        on record.

        Raises
        ------
        InconclusiveError
            If the first two runs fail and nothing was ever reported.
        KeyboardInterrupt, SourceError, StoreError
        """
        waiting: dict[RunKey, int | None] = {}
        for ask in asks:
            if not self._answered_already(self.ledger.track(ask.key), ask.to_step):
                waiting[ask.key] = ask.to_step
        self.ledger.flush()
        active: dict[RunKey, int | None] = {}
        cut = False
        slices = 0  # since a signal came
        while waiting or active:
            stopping = self._interrupt.asked and not self.engine.trains_here
            if not stopping or not active or slices == SLICES_AFTER_SIGNAL:
                self._interrupt.check()
            slices += stopping
            while waiting and not stopping and len(active) < self._waits.at_once(self.engine.jobs):
                key = next((k for k in waiting if k in self._open), next(iter(waiting)))
                if key not in self._open:
                    self._make_room(active, waiting, self._limit())
                else:
                    self._waits.resumed(key, self.runs[key].live_step)
                active[key] = waiting.pop(key)
                self._ensure_open(key)
            # Where training is elsewhere, an advance is back within its slice, and no signal may cost its news.
            with self._interrupt.exposed() if self.engine.trains_here else nullcontext():
                # Asked for a step that it has reached, a run pauses at once, and tells all that it has.
                wanted = {
                    k: self.runs[k].live_step if stopping else self._pause_step(s) for k, s in active.items()
                }
                news = self.engine.advance(wanted, SLICE_SECONDS)
            rested = False
            for key, progress in news.items():
                early = cut or (stopping and progress.status is Status.PAUSED)
                if key not in self.runs:
                    continue
                run = self.runs[key]
                self._waits.look(key, run.live_step, progress)
                if self._retry(run, progress, active):
                    waiting = {key: active.pop(key), **waiting}
                elif self._take(run, progress, active, early):
                    rested = True
                if self._waits.found_out(self.ledger, key, run.live_step, self.engine.jobs):
                    self._make_room(active, {}, 0)
            self.ledger.flush()
            if rested:
                self._tidy(active, waiting)
                self._give_up_if_barren()
            if enough is not None and not cut and enough():
                cut = True
                waiting.clear()
                active = {key: self.runs[key].live_step for key in active}
            self._observe(rested)
        if slices:
            self._interrupt.check()

    def _answered_already(self, run: TrackedRun, to_step: int | None) -> bool:
        """Whether what was asked for is on record already: the run went past where it was paused, or the scan
        was killed after the points were written."""
        if run.end is not None and (to_step is None or to_step > run.step):
            if to_step is None or to_step >= run.end.step:
                run.settle(run.end.state, run.end.step, run.end.reason)
            else:
                self._pause_at(run, to_step)
            return True
        # Strictly past the step: of the step itself, another metric may still be to come.
        if to_step is not None and run.key not in self._open and run.traces.last_step > to_step:
            self._pause_at(run, to_step)
            return True
        return False

    def _whole(self, step: int) -> bool:
        return self.horizon is not None and step >= self.horizon

    def _pause_step(self, to_step: int | None) -> int | None:
        """The step at which the engine is to pause a run that was asked for `to_step`.

        At the horizon that is one step further. What belongs to the last step often comes after it (the
        validation that closes an epoch), and most runs end there by themselves.
        """
        return to_step + 1 if to_step is not None and self._whole(to_step) else to_step

    def _lingers(self, run: TrackedRun, to_step: int | None) -> bool:
        """Whether a run has had its time to come to an end after its last step."""
        if to_step is None or not self._whole(to_step) or run.live_step < to_step:
            return False
        since = self._at_horizon.setdefault(run.key, run.seconds)
        return run.seconds - since > max(FINISHING_SECONDS, 0.2 * since)

    def _pause_at(self, run: TrackedRun, step: int) -> None:
        run.settle(RunState.COMPLETE if self._whole(step) else RunState.PAUSED, step)

    def _ensure_open(self, key: RunKey) -> None:
        run = self.runs[key]
        if key not in self._open:
            log = None
            if self._logs is not None:
                self._logs.mkdir(parents=True, exist_ok=True)
                log = self._logs / f"{run_name(key)}.log"
            run.opened()
            self._waits.opened(key)
            self.engine.open(key, watch=self._watch(), log=log)
            self._open[key] = None
        run.state = RunState.RUNNING
        run.dirty = True

    def _take(self, run: TrackedRun, progress: Progress, active: dict[RunKey, int | None], cut: bool) -> bool:
        """Take in what a run brings; whether it has come to rest."""
        key = run.key
        self.ledger.absorb(run, progress.points, progress.step)
        run.seconds += progress.seconds
        if progress.total is not None and progress.total >= max(progress.step, 1):
            self.total = self.total or progress.total
        for text in progress.notes:
            self.ledger.note(text, key)
        if key not in active:
            return False
        if progress.status is Status.ADVANCING:
            if not self._lingers(run, active[key]):
                return False
            self._pause_at(run, active.pop(key) or 0)
            return True
        to_step = active.pop(key)
        if progress.status is Status.LOST and run.lost < RESTARTS_ALLOWED:
            run.lost += 1
            reason = progress.reason or "its process vanished"
            self.ledger.decide("note", f"Started anew at lr {key.lr:g}: {reason}", key)
            self._close(key)
            active[key] = to_step
            self._ensure_open(key)
            return False
        if progress.detail:
            self._details[key] = progress.detail
        self._open[key] = self._open.pop(key, None)  # it worked last
        if progress.status is Status.PAUSED:
            if cut or to_step is None:
                run.settle(RunState.PAUSED, run.step)
            else:
                self._pause_at(run, to_step)
        else:
            self._ended(run, progress, None if cut else to_step)
        return True

    def _ended(self, run: TrackedRun, progress: Progress, to_step: int | None) -> None:
        end = self._end_of(run, progress)
        # Decisions must not depend on how far a run happens to get past where it was to pause: an end that
        # lies there is kept to itself until that far is asked for.
        past = to_step is not None and (
            end.step > to_step or (end.step == to_step and end.state is not RunState.DIVERGED)
        )
        if past and to_step is not None and run.traces.by_name:
            self._pause_at(run, to_step)
            if self._whole(to_step):
                return
            run.end = end
            self.ledger.decide(
                "note",
                f"The run trained on past step {to_step} to its end.",
                run.key,
                state=str(end.state),
                step=end.step,
                reason=end.reason,
                end=True,
            )
            self._close(run.key)
            return
        run.settle(end.state, end.step, end.reason)
        if end.state is RunState.FAILED:
            detail = {"detail": progress.detail} if progress.detail else {}
            text = f"The run at lr {run.key.lr:g} failed: {end.reason}"
            self.ledger.decide("stop", text, run.key, **detail)

    def _end_of(self, run: TrackedRun, progress: Progress) -> End:
        step = progress.step
        if progress.status is Status.DIVERGED:
            return End(RunState.DIVERGED, step, progress.reason)
        if progress.status is Status.LOST:
            times = run.lost + 1
            return End(RunState.FAILED, step, f"its process vanished {times} times ({progress.reason})")
        if progress.status is Status.FAILED:
            if self._trained_to_its_end(run):
                self._tell_late_failure(step, progress.reason)
                return End(RunState.COMPLETE, step, f"failed after its training: {progress.reason}")
            return End(RunState.FAILED, step, progress.reason or "it failed")
        if not run.traces.by_name:
            return End(RunState.FAILED, step, "it ended without reporting any value")
        early = self.horizon is not None and step < self.horizon
        return End(
            RunState.COMPLETE, step, f"ended by itself at step {step} of {self.horizon}" if early else None
        )

    def _trained_to_its_end(self, run: TrackedRun) -> bool:
        """Whether all steps of a full run have been reported, the last one before the next report was due."""
        length = self.horizon or self.total
        if length is None or not run.traces.by_name:
            return False
        steps = max((trace.steps for trace in run.traces.by_name.values()), key=len)
        every = steps[-1] - steps[-2] if len(steps) > 1 else 0
        return run.live_step + min(every, max(1, length // 10)) >= length

    def _tell_late_failure(self, step: int, reason: str | None) -> None:
        self.ledger.note(
            f"A run failed after its training, at step {step}: {reason}. It counts as complete.", warning=True
        )

    def accept_late_failure(self, keys: Sequence[RunKey]) -> int | None:
        """Take runs that failed for complete where all of them failed at one step, past the first few, although their
        rates differ: training ends there, and what fails comes after it. That step; None where it is not so."""
        runs = [self.runs[key] for key in keys]
        steps = {run.step for run in runs}
        if len(runs) < 2 or len(steps) > 1 or any(r.state is not RunState.FAILED for r in runs):
            return None
        step = steps.pop()
        if step < FEWEST_STEPS:
            return None
        self._tell_late_failure(step, runs[0].reason)
        for run in runs:
            run.settle(RunState.COMPLETE, step, f"failed after its training: {run.reason}")
        self.ledger.flush()
        return step

    # ---- afterwards ----------------------------------------

    def _close(self, key: RunKey) -> None:
        if key in self._open:
            del self._open[key]
            self.engine.close(key)

    def _tidy(self, active: Mapping[RunKey, object], waiting: Mapping[RunKey, object]) -> None:
        for key in [k for k in self._open if self.runs[k].state.final]:
            self._close(key)
        limit = self._limit()
        # The last one may stay until another starts, if it can wait at all: it may be the next to go on.
        self._make_room(active, waiting, limit if limit is None or not self._waits.ever else max(limit, 1))

    def _make_room(
        self, active: Mapping[RunKey, object], waiting: Mapping[RunKey, object], limit: int | None
    ) -> None:
        """End the least promising of the runs that wait, until no more than `limit` are left."""
        resting = [k for k in self._open if k not in active]
        if limit is None or len(resting) <= limit:
            return
        promise = self._promise()
        order = {key: i for i, key in enumerate(self._open)}
        resting.sort(key=lambda k: (k in waiting, promise.get(k, 0.0), order[k]))
        for key in resting[: len(resting) - limit]:
            self._close(key)
            kept = f"at most {limit} paused runs are kept" if limit else "no paused run is kept"
            self.ledger.decide("drop", f"Dropped at step {self.runs[key].step}: {kept}.", key)
        self.ledger.flush()

    def _limit(self) -> int | None:
        """How many runs may wait; None where there is no limit."""
        if self._max_paused is None and self._per_run is None and self._open:
            self._per_run = self.engine.memory() or 0  # 0: cannot be told, so do not ask again
        room = room_for(self._per_run, len(self._open), available_memory()) if self._per_run else None
        known = (
            self._max_paused if self._max_paused is not None else room,
            self._waits.limit(self.engine.jobs),
        )
        return min((limit for limit in known if limit is not None), default=None)

    def _retry(self, run: TrackedRun, progress: Progress, active: dict[RunKey, int | None]) -> bool:
        """Whether a run came to an end that it may owe to runs that wait, or to its own wait: it is tried again."""
        key, beside = run.key, len(self._open) - 1
        if key not in active or key not in self._open:
            return False
        if progress.status is Status.FAILED and beside and wants_resource(progress.reason, progress.detail):
            self._waits.crowded(self.ledger, key, beside, self.engine.jobs, progress.reason)
        elif not self._waits.ended_soon(
            key, progress, self.horizon, run.traces.later_than(self._waits.since.get(key, 0))
        ):
            return False
        self.ledger.absorb(run, progress.points, progress.step)
        run.seconds += progress.seconds
        self._close(key)
        run.settle(RunState.PAUSED, run.step)
        self._make_room(active, {}, self._waits.limit(self.engine.jobs))
        return True

    def _give_up_if_barren(self) -> None:
        failed = [r for r in self.runs.values() if r.state is RunState.FAILED]
        if len(failed) >= 2 and not any(r.traces.by_name for r in self.runs.values()):
            raise self.failure("The first two runs failed and reported nothing:")

    def failure(self, opening: str) -> InconclusiveError:
        """An error that says why runs failed."""
        failed = [r for r in self.runs.values() if r.state is RunState.FAILED]
        reasons = list(dict.fromkeys(r.reason or "" for r in failed))
        shown = max(reasons, key=[r.reason or "" for r in failed].count)
        detail = next((self._details[r.key] for r in failed if r.key in self._details), None)
        return InconclusiveError(f"{opening} {shown}", detail=detail)
