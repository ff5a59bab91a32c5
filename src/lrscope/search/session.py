"""The loop: ask the planner, advance what it asks for, until the budget is spent.

The ledger is the session's memory. A search that was killed at any moment is continued by reading what is there,
carrying out what was asked for and not done, and asking again.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import astuple, replace
from pathlib import Path

from lrscope.config import Config, RunKey
from lrscope.curves import Plan, RunState, Scan
from lrscope.errors import InconclusiveError
from lrscope.search.conclude import all_failed, conclude
from lrscope.search.executor import Executor
from lrscope.search.horizon import Horizon, learn_horizon
from lrscope.search.interrupt import Interrupt
from lrscope.search.ledger import Ledger, has_ended
from lrscope.search.outcome import Outcome
from lrscope.search.planners.base import Advance, Planner
from lrscope.search.progress import RESUMING_ACTIVITY, Observer, RunStatus, SearchSnapshot
from lrscope.search.rate.cliff import DivergenceWatch
from lrscope.search.rate.grid import CAUTIOUS_RATE, cautious
from lrscope.search.rate.nothing import beyond_warmup, ignored_rate
from lrscope.search.rate.unsaid import learn_direction
from lrscope.search.resume import changed_parts, check_same, directions_of, left_over, revive, settings_of
from lrscope.training.engine.base import Engine
from lrscope.training.source.base import Source
from lrscope.training.store.base import Store
from lrscope.vocabulary import choose_metric

FEW_RUN_VALUES = 8
"""Values in a full run below which early stopping has little to go by."""

SNAPSHOT_SECONDS = 0.2
"""Seconds between two snapshots, while no run changes its state."""


class Session:
    """One session of a search: from nothing, or from where the last session left off.

    Parameters
    ----------
    source : Source
        What is trained. The session only names it; the engine starts its runs.
    engine : Engine
        Shut down at the end, whatever the end.
    planner : Planner
    store : Store
        Read at the start, left open at the end.
    plan : Plan
        `horizon` is what the user gave, or None.
    kind : str
        What is searched, for the record: "scan" or "range test".
    observer : callable, optional
        Is given a `SearchSnapshot` a few times a second.
    max_paused : int, optional
        How many runs may wait in memory. Default: as many as half of the free memory holds, at least 2.
    logs : Path, optional
        Folder for what programs print. Default: none is kept.
    clock, now : callable
        Monotonic seconds, and seconds since the epoch.

    Examples
    --------
    ``Session(source, SerialEngine(source), HalvingPlanner(), MemoryStore(), plan).run()``
    """

    def __init__(
        self,
        source: Source,
        engine: Engine,
        planner: Planner,
        store: Store,
        plan: Plan,
        *,
        kind: str = "scan",
        observer: Observer | None = None,
        max_paused: int | None = None,
        logs: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._source = source
        self._planner = planner
        self._kind = kind
        self._plan = plan
        self._observer = observer
        self._clock = clock
        self._logs = logs
        self._began = clock()
        self._looked = float("-inf")
        self._doing = "starting"
        self._batch = 0
        self._same_budget = False
        self._done_before = 0
        self._interrupt = Interrupt()
        self._ledger = Ledger(store, now=now)
        self._executor = Executor(
            engine,
            self._ledger,
            watch=self._watch,
            interrupt=self._interrupt,
            promise=lambda: planner.promise(self._scan()),
            observe=self._observe,
            max_paused=max_paused,
            logs=logs,
        )

    def run(self) -> Outcome:
        """Scan until the budget is spent, or until Ctrl-C.

        Returns
        -------
        Outcome
            `finished` is False after a Ctrl-C (or a SIGTERM for which the program has a handler). Its
            `recommendation.lr` is None, with the reason, where nothing could be concluded: nothing but NaN
            was reported, the metric asked for was not seen, or the program ignores its learning rate.

        Raises
        ------
        UsageError
            If the budget cannot try three rates. Before any training wherever that can be known.
        SettingsError
            If the store holds a scan with other settings.
        SourceError
            If the source cannot be used at all.
        InconclusiveError
            If all runs failed, or the first two without reporting anything; the message holds the reason.
        StoreError
            If results cannot be written. What was measured before is kept.
        """
        with self._interrupt:
            try:
                try:
                    self._planner.check(self._plan)
                    self._take_up()
                    self._work()
                    finished = True
                except KeyboardInterrupt:
                    finished = False
                finally:
                    self._executor.engine.shutdown()
                    if self._logs is not None:
                        with suppress(
                            OSError
                        ):  # functions print nothing of their own: an empty folder says nothing
                            self._logs.rmdir()
                return self._conclude(finished)
            finally:
                self._doing = "done"

    # ---- beginning ----------------------------------------

    def _take_up(self) -> None:
        ledger = self._ledger
        new = settings_of(self._kind, self._source, self._planner, self._plan)
        old = dict(ledger.settings)
        if old:
            check_same(old, new, ledger.where)
            revive(ledger)
            self._done_before = self._steps_done()
            if self._plan.horizon is None and old.get("horizon") is not None:
                self._plan = replace(self._plan, horizon=old["horizon"], scout=_key(old.get("scout")))
        self._plan = replace(self._plan, directions=directions_of(old))
        self._same_budget = old.get("budget") == self._plan.budget
        ledger.set(**new)
        changed = changed_parts(old, new)
        if changed:
            text = (
                f"{changed} has changed since the scan began, so earlier runs were made with another version of it; "
                "--fresh starts over."
            )
            ledger.decide("note", text, warning=True)
        if len(self._plan.seeds) > 1 and not self._source.takes_seed:
            ledger.note(
                "What is trained takes no seed, so further seeds repeat the same training; give it a seed, or "
                "leave out --seeds."
            )
        ledger.flush()
        if ledger.runs:
            ended = has_ended(ledger.decisions)
            ledger.untold.append(_how_it_goes_on(len(ledger.runs), self._done_before, self._plan, ended))
            self._doing = RESUMING_ACTIVITY
            self._observe(True)

    def _learn_horizon(self) -> None:
        if not self._plan.pausable:
            learned = Horizon(1, None, "Each run is one evaluation.")
        else:
            self._doing = "learning how long a run is"
            seed = self._plan.seeds[0]
            keys = [self._plan.key(lr, seed) for lr in cautious(self._plan.rates)]
            learned = learn_horizon(self._executor, keys, clock=self._clock)
        self._plan = replace(self._plan, horizon=learned.steps, scout=learned.scout)
        scout = learned.scout
        kept = None if scout is None else {"config": dict(scout.config), "seed": scout.seed}
        self._ledger.set(horizon=learned.steps, scout=kept)
        self._ledger.decide("horizon", learned.reason, learned.scout, horizon=learned.steps)
        self._ledger.flush()

    def _learn_direction(self) -> None:
        plan = learn_direction(self._scan())
        if plan != self._plan:
            self._plan = plan
            self._ledger.set(directions=[astuple(d) for d in plan.directions])

    # ---- the loop ----------------------------------------

    def _work(self) -> None:
        if self._plan.horizon is None:
            self._learn_horizon()
            self._planner.check(self._plan)
        ledger = self._ledger
        self._executor.horizon = self._plan.horizon
        self._batch, left = left_over(ledger)
        if left and self._same_budget and not has_ended(ledger.decisions):
            self._drive(left)
        began_with = self._batch
        while self._sensible():
            self._learn_direction()
            asks = self._beyond_warmup() or [a for a in self._planner.ask(self._scan()) if self._can(a)]
            if not asks:
                if self._batch == began_with and has_ended(ledger.decisions):
                    ledger.untold.append(
                        "Nothing is left to do for this budget; give a larger --budget to go on, or --fresh to "
                        "start over."
                    )
                return
            self._batch += 1
            for ask in asks:
                ledger.decide("advance", ask.reason, ask.key, to_step=ask.to_step, batch=self._batch)
            ledger.flush()
            self._drive(asks)

    def _beyond_warmup(self) -> list[Advance]:
        """Where all runs have been alike so far: two rates that go on to half of a full run, to see if they stay so."""
        scan, horizon = self._scan(), self._plan.horizon
        if horizon is None or horizon == 1 or ignored_rate(scan.runs) is None:
            return []
        far = beyond_warmup(scan.runs, horizon)
        order = sorted(
            (run for run in scan.runs if run.lr not in far and not run.state.final),
            key=lambda run: abs(math.log10(run.lr / (10 * CAUTIOUS_RATE if far else CAUTIOUS_RATE))),
        )
        half = -(-horizon // 2)
        reason = "all rates have trained alike so far: two of them to half of a run, to see whether that is a warm-up"
        return [Advance(run.key, half, reason) for run in order[: max(0, 2 - len(far))]]

    def _drive(self, asks: Sequence[Advance]) -> None:
        self._doing = asks[0].reason
        self._executor.drive(asks)
        whole = next((run for run in self._ledger.runs.values() if run.state is RunState.COMPLETE), None)
        points = (
            max((len(t.steps) for t in whole.traces.by_name.values()), default=0) if whole else FEW_RUN_VALUES
        )
        if points < FEW_RUN_VALUES and self._plan.pausable and self._plan.horizon != 1:
            self._ledger.note(
                f"A full run reports only {points} values, so a bad rate is noticed late; report more often for a "
                "better scan."
            )
            self._ledger.flush()

    def _can(self, ask: Advance) -> bool:
        run = self._ledger.runs.get(ask.key)
        return run is None or not (run.state.final or (ask.to_step is not None and run.step >= ask.to_step))

    def _sensible(self) -> bool:
        """Whether it is worth going on: not where all curves are alike whatever the rate."""
        runs = self._ledger.runs.values()
        if self._plan.metric is not None and self._never_seen(self._plan.metric):
            return False
        if sum(1 for run in runs if run.traces.by_name) < 3 or self._batch == 0:
            return True
        scan = self._scan()
        names = {n for run in scan.runs for n in run.curves}
        if self._plan.metric is not None and self._plan.metric not in names:
            # It may come later (a validation every hundred steps), but not later than a run's end.
            return not any(run.state is RunState.COMPLETE for run in scan.runs)
        return self._planner.futile(scan) is None or all(run.state is RunState.FAILED for run in runs)

    def _never_seen(self, metric: str) -> bool:
        """Whether a run came to its end, and neither it nor any other has reported this metric."""
        runs = self._ledger.runs.values()
        whole = any(run.state is RunState.COMPLETE and run.traces.by_name for run in runs)
        return whole and not any(metric in run.traces.by_name for run in runs)

    # ---- ending ----------------------------------------

    def _conclude(self, finished: bool) -> Outcome:
        self._learn_direction()
        ledger = self._ledger
        comparable = "nothing to compare" if self._planner.futile(self._scan()) else None
        furthest = max((run.step for run in ledger.runs.values()), default=0)
        for run in ledger.runs.values():
            if run.state is RunState.RUNNING:
                run.settle(RunState.PAUSED, run.step)
            if finished and run.state is RunState.PAUSED:
                run.settle(RunState.STOPPED, run.step, comparable or _left(run.step, furthest))
        scan = self._scan()
        answer = conclude(scan, self._planner, ledger.decisions, finished=finished)
        failed: InconclusiveError | None = all_failed(scan) if finished else None
        if finished and not has_ended(ledger.decisions):
            ledger.conclude(answer)
        ledger.flush()
        self._doing = "done" if finished else "interrupted"
        self._observe(True)
        if failed is not None:
            raise self._executor.failure(f"All {len(ledger.runs)} runs failed:")
        return Outcome.of(
            self._source.name, scan, answer, self._planner.identity, ledger.decisions, finished=finished
        )

    # ---- what others see ----------------------------------------

    def _scan(self) -> Scan:
        return Scan(self._plan, [run.run() for _, run in sorted(self._ledger.runs.items()) if run.begun])

    def _watch(self) -> DivergenceWatch:
        return DivergenceWatch(metric=self._plan.metric, goal=self._plan.goal)

    def _steps_done(self) -> int:
        return sum(max(r.step, r.traces.last_step) + r.rework for r in self._ledger.runs.values())

    def _metric(self) -> str | None:
        return self._plan.metric or choose_metric(
            {n for r in self._ledger.runs.values() for n in r.traces.by_name}
        )

    def _observe(self, changed: bool) -> None:
        time_now = self._clock()
        if self._observer is None or (not changed and time_now - self._looked < SNAPSHOT_SECONDS):
            return
        self._looked = time_now
        metric, horizon = self._metric(), self._plan.horizon
        statuses = []
        for key, run in sorted(self._ledger.runs.items()):
            trace = run.traces.by_name.get(metric) if metric is not None else None
            last = trace.values[-1] if trace is not None and trace.steps else None
            step = max(run.step, run.traces.last_step)
            statuses.append(RunStatus(key, run.state, step, last, run.reason))
        seconds = time_now - self._began
        done = self._steps_done()
        spent = done / horizon if horizon else 0.0
        here = (done - self._done_before) / horizon if horizon else 0.0
        over = self._doing in ("done", "interrupted")
        left = max(0.0, self._plan.budget - spent)
        remaining = left * seconds / here if here > 0 and not over else None
        notes = self._ledger.take_notes()
        self._observer(
            SearchSnapshot(
                statuses, metric, horizon, spent, self._plan.budget, seconds, remaining, self._doing, notes
            )
        )


def _how_it_goes_on(runs: int, steps: int, plan: Plan, ended: bool) -> str:
    """What an earlier session has left, for a person."""
    was = "The scan in this folder has ended" if ended else "Continuing the scan in this folder"
    done = f"{steps / plan.horizon:.3g} full runs" if plan.horizon else f"{steps} steps"
    return f"{was}: {runs} run{'' if runs == 1 else 's'} and {done} of training so far."


def _left(step: int, furthest: int) -> str:
    """Why a run was left, in as many words as a table has room for."""
    return "budget spent" if step >= furthest else "others were better"


def _key(kept: object) -> RunKey | None:
    """The run that a setting names."""
    return RunKey(Config(kept["config"]), kept["seed"]) if isinstance(kept, dict) else None
