"""The loop: ask the planner, advance what it asks for, write it down, until the budget is spent.

The ledger is the session's memory. Every ask is written before it is carried out, every point as it comes,
every standing when a run rests; so a scan that was killed at any moment is continued by reading what is
there, carrying out what was asked for and not done, and asking again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

from lrscope.curves import Plan, RunKey, RunState, Scan
from lrscope.search.conclude import all_failed, conclude, why_nothing
from lrscope.search.executor import Executor
from lrscope.search.horizon import FEW_POINTS, Horizon, learn_horizon
from lrscope.search.interrupt import Interrupt
from lrscope.search.outcome import Outcome
from lrscope.search.planners.base import Advance, Planner
from lrscope.search.planners.budget import check
from lrscope.search.planners.kept import keep
from lrscope.search.progress import TAKING_UP, Observer, RunStatus, Snapshot
from lrscope.search.rate.cliff import DivergenceWatch
from lrscope.search.rate.unsaid import learn_direction
from lrscope.search.resume import check_same, directions_of, has_ended, outstanding, records_of, settings_of
from lrscope.search.tracked_run import TrackedRun
from lrscope.training.engine.base import Engine
from lrscope.training.source.base import Source
from lrscope.training.store.base import Decision, Record, Settings, Store
from lrscope.vocabulary import choose_metric

GLANCE = 0.2
"""Seconds between two snapshots, while no run changes its state."""


class Session:
    """One sitting of a scan: from nothing, or from where the last sitting left off.

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
    observer : callable, optional
        Is given a `Snapshot` a few times a second.
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
        observer: Observer | None = None,
        max_paused: int | None = None,
        logs: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._source = source
        self._planner = planner
        self._store = store
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
        self._records: dict[RunKey, TrackedRun] = {}
        self._interrupt = Interrupt()
        self._driver = Executor(
            engine,
            store,
            self._records,
            watch=self._watch,
            interrupt=self._interrupt,
            promise=lambda: planner.promise(self._scan()),
            observe=self._observe,
            max_paused=max_paused,
            logs=logs,
            now=now,
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
                    check(self._plan)
                    self._take_up()
                    self._work()
                    finished = True
                except KeyboardInterrupt:
                    finished = False
                finally:
                    self._driver.engine.shutdown()
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
        ledger = self._store.read()
        new = settings_of(self._source, self._planner, self._plan)
        old = ledger.settings
        if old:
            path = getattr(self._store, "path", None)
            check_same(old, new, None if path is None else str(path.parent))
            self._driver.decisions.extend(ledger.decisions)
            self._records.update(records_of(ledger))
            self._done_before = self._steps_done()
            if self._plan.horizon is None and old.get("horizon") is not None:
                scout = old.get("scout")
                self._know_horizon(
                    Horizon(old["horizon"], None if scout is None else (scout[0], scout[1]), "")
                )
        self._plan = replace(self._plan, directions=directions_of(old))
        self._same_budget = old.get("budget") == self._plan.budget
        records: list[Record] = [Settings(new)]
        changed = _changed(old.get("fingerprint"), new["fingerprint"])
        if changed:
            text = f"{changed} has changed since the scan began: earlier runs were made by what it was."
            records.append(self._driver.decide(Decision("note", text, detail={"warning": True})))
        self._store.append(records)
        if len(self._plan.seeds) > 1 and not self._source.takes_seed:
            self._driver.note(
                "What is trained takes no seed, so further seeds only repeat the same training."
            )
        if self._records:
            ended = has_ended(ledger.decisions)
            self._driver.notes.append(
                _how_it_goes_on(len(self._records), self._done_before, self._plan, ended)
            )
            self._doing = TAKING_UP
            self._observe(True)

    def _know_horizon(self, learned: Horizon) -> None:
        self._plan = replace(self._plan, horizon=learned.steps, scout=learned.scout)

    def _learn_horizon(self) -> None:
        if not self._plan.pausable:
            learned = Horizon(1, None, "Each run is one evaluation.")
        else:
            self._doing = "learning how long a run is"
            learned = learn_horizon(self._driver, self._plan.rates, self._plan.seeds[0], clock=self._clock)
        self._know_horizon(learned)
        scout = None if learned.scout is None else list(learned.scout)
        decision = Decision("horizon", learned.reason, learned.scout, {"horizon": learned.steps})
        self._store.append(
            [Settings({"horizon": learned.steps, "scout": scout}), self._driver.decide(decision)]
        )

    def _learn_direction(self) -> None:
        plan = learn_direction(self._scan())
        if plan != self._plan:
            self._plan = plan
            self._store.append([Settings({"directions": [astuple(d) for d in plan.directions]})])

    # ---- the loop ----------------------------------------

    def _work(self) -> None:
        if self._plan.horizon is None:
            self._learn_horizon()
            check(self._plan)
        self._driver.horizon = self._plan.horizon
        self._batch, left = outstanding(self._driver.decisions, self._records)
        if left and self._same_budget and not has_ended(self._driver.decisions):
            self._drive(left)
        began_with = self._batch
        while self._sensible():
            self._learn_direction()
            asks = [a for a in self._planner.ask(self._scan()) if self._can(a)]
            if not asks:
                if self._batch == began_with and has_ended(self._driver.decisions):
                    self._driver.notes.append(
                        "Nothing is left to do for this budget: a larger --budget goes on, --fresh starts over."
                    )
                return
            self._batch += 1
            self._store.append(
                [
                    self._driver.decide(
                        Decision("advance", a.reason, a.key, {"to_step": a.to_step, "batch": self._batch})
                    )
                    for a in asks
                ]
            )
            self._drive(asks)

    def _drive(self, asks: Sequence[Advance]) -> None:
        self._doing = asks[0].reason
        self._driver.drive(asks)
        whole = next((r for r in self._records.values() if r.state is RunState.COMPLETE), None)
        points = (
            max((len(t.steps) for t in whole.traces.by_name.values()), default=0) if whole else FEW_POINTS
        )
        if points < FEW_POINTS and self._plan.pausable and self._plan.horizon != 1:
            self._driver.note(
                f"A full run reports only {points} values, so a bad rate shows late. Reporting more often "
                "would make the scan better."
            )

    def _can(self, ask: Advance) -> bool:
        record = self._records.get(ask.key)
        return record is None or not (
            record.state.final or (ask.to_step is not None and record.step >= ask.to_step)
        )

    def _sensible(self) -> bool:
        """Whether it is worth going on: not where all curves are alike whatever the rate."""
        if self._plan.metric is not None and self._never_seen(self._plan.metric):
            return False
        reported = sum(1 for r in self._records.values() if r.traces.by_name)
        if reported < 3 or self._batch == 0:
            return True
        scan = self._scan()
        names = {n for run in scan.runs for n in run.curves}
        if self._plan.metric is not None and self._plan.metric not in names:
            # It may come later (a validation every hundred steps), but not later than a run's end.
            return not any(run.state is RunState.COMPLETE for run in scan.runs)
        return why_nothing(scan) is None or all(r.state is RunState.FAILED for r in self._records.values())

    def _never_seen(self, metric: str) -> bool:
        """Whether a run came to its end, and neither it nor any other has reported this metric."""
        told = [set(r.traces.by_name) for r in self._records.values()]
        whole = any(r.state is RunState.COMPLETE and r.traces.by_name for r in self._records.values())
        return whole and not any(metric in names for names in told)

    # ---- ending ----------------------------------------

    def _conclude(self, finished: bool) -> Outcome:
        self._learn_direction()
        comparable = "nothing to compare" if why_nothing(self._scan()) else None
        furthest = max((r.step for r in self._records.values()), default=0)
        for record in self._records.values():
            if record.state is RunState.RUNNING:
                record.settle(RunState.PAUSED, record.step)
            if finished and record.state is RunState.PAUSED:
                record.settle(RunState.STOPPED, record.step, comparable or _left(record.step, furthest))
        outcome = self._outcome(finished)
        failed = all_failed(outcome) if finished else None
        records: list[Record] = [r.change() for r in self._records.values() if r.dirty]
        if finished and not has_ended(self._driver.decisions):
            answer = outcome.recommendation
            lr = None if answer.lr is None else answer.lr.value
            records.append(
                self._driver.decide(
                    Decision("name", answer.reason, detail={"lr": lr, **keep(self._planner, answer)})
                )
            )
            outcome = replace(outcome, decisions=tuple(self._driver.decisions))
        if records:
            self._store.append(records)
        self._doing = "done" if finished else "interrupted"
        self._observe(True)
        if failed is not None:
            raise self._driver.failure(f"All {len(self._records)} runs failed:")
        return outcome

    def _outcome(self, finished: bool) -> Outcome:
        return conclude(
            self._source.name, self._scan(), self._planner, self._driver.decisions, finished=finished
        )

    # ---- what others see ----------------------------------------

    def _scan(self) -> Scan:
        return Scan(self._plan, [self._records[key].run() for key in sorted(self._records)])

    def _watch(self) -> DivergenceWatch:
        return DivergenceWatch(metric=self._plan.metric, goal=self._plan.goal)

    def _steps_done(self) -> int:
        return sum(max(r.step, r.traces.last_step) + r.rework for r in self._records.values())

    def _metric(self) -> str | None:
        return self._plan.metric or choose_metric(
            {n for r in self._records.values() for n in r.traces.by_name}
        )

    def _observe(self, changed: bool) -> None:
        time_now = self._clock()
        if self._observer is None or (not changed and time_now - self._looked < GLANCE):
            return
        self._looked = time_now
        metric, horizon = self._metric(), self._plan.horizon
        statuses = []
        for key in sorted(self._records):
            record = self._records[key]
            trace = record.traces.by_name.get(metric) if metric is not None else None
            last = trace.values[-1] if trace is not None and trace.steps else None
            step = max(record.step, record.traces.last_step)
            statuses.append(RunStatus(*key, record.state, step, last, record.reason))
        seconds = time_now - self._began
        done = self._steps_done()
        spent = done / horizon if horizon else 0.0
        here = (done - self._done_before) / horizon if horizon else 0.0
        over = self._doing in ("done", "interrupted")
        left = max(0.0, self._plan.budget - spent)
        remaining = left * seconds / here if here > 0 and not over else None
        notes, self._driver.notes = tuple(self._driver.notes), []
        self._observer(
            Snapshot(
                statuses, metric, horizon, spent, self._plan.budget, seconds, remaining, self._doing, notes
            )
        )


def _how_it_goes_on(runs: int, steps: int, plan: Plan, ended: bool) -> str:
    """What an earlier sitting has left, for a person."""
    was = "The scan there has ended" if ended else "Going on with the scan there"
    done = f"{steps / plan.horizon:.3g} full runs" if plan.horizon else f"{steps} steps"
    return f"{was}: {runs} run{'' if runs == 1 else 's'}, {done} of work."


def _left(step: int, furthest: int) -> str:
    """Why a run was left, in as many words as a table has room for."""
    return "budget spent" if step >= furthest else "others were better"


def _changed(old: Mapping[str, Any] | None, new: Mapping[str, str]) -> str | None:
    """The parts of the source that are not what they were, for a person."""
    names = [name for name, value in new.items() if old and name in old and old[name] != value]
    return " and ".join(names) or None
