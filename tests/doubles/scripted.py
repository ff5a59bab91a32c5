"""A source and a planner that do what they are told: doubles that need no processes, time or chance."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lrscope.config import Config, RunKey
from lrscope.curves import Plan, Point, RunState, Scan
from lrscope.search.outcome import Outcome
from lrscope.search.planners.base import Advance, Planner
from lrscope.search.rate.recommendation import Recommendation
from lrscope.search.session import Session
from lrscope.statistics.estimate import Estimate
from lrscope.training.engine.base import Engine
from lrscope.training.engine.serial import SerialEngine
from lrscope.training.source.base import LiveRun, Progress, Source, Status, Watch
from lrscope.training.store.base import Store
from lrscope.training.store.memory import MemoryStore

RATES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)


def decay(lr: float, seed: int, step: int) -> float:
    """A loss that falls faster at higher rates; above 0.5 it is NaN from step 3 on."""
    if lr > 0.5 and step >= 3:
        return math.nan
    return math.exp(-lr * step) + 0.001 * (seed + 1)


def sit(
    source: ScriptedSource,
    store: Store | None = None,
    *,
    planner: Planner | None = None,
    engine: Engine | None = None,
    **options: Any,
) -> Outcome:
    """One sitting of a scan: 5 rates, 16 steps, doubles for all that is not given.

    `options` go to the session where it knows them, and to the plan otherwise.
    """
    session = {k: options.pop(k) for k in list(options) if k in _OF_THE_SESSION}
    plan = Plan(**{"rates": RATES, "horizon": 16, "pausable": source.pausable, **options})
    return Session(
        source,
        engine or SerialEngine(source),
        planner or LadderPlanner(),
        store or MemoryStore(),
        plan,
        **session,
    ).run()


_OF_THE_SESSION = ("observer", "max_paused", "logs", "clock", "now")


@dataclass
class ScriptedSource(Source):
    """Runs whose every value is given by a formula.

    Parameters
    ----------
    value : callable(lr, seed, step) -> float or mapping of str to float
        What is reported at each step, from 1.
    length : int or None
        Where runs end by themselves; None never.
    total : int or None
        A length that runs tell with their first value.
    overshoot : int
        Steps that a run does past where it was to pause, as programs do.
    slice : int
        Steps done in one advance.
    fails : mapping of rate to step
        Where runs fail, before they report that step.
    lost : mapping of rate to number
        How many incarnations vanish after their second step.
    bytes : int or None
        What a paused run says it keeps.

    Attributes
    ----------
    events : list of tuples
        ("start", key), ("step", key, step) and ("close", key), in order.
    """

    value: Callable[[float, int, int], float | Mapping[str, float]]
    length: int | None = None
    total: int | None = None
    overshoot: int = 0
    slice: int = 1000
    fails: Mapping[float, int] = field(default_factory=dict)
    lost: dict[float, int] = field(default_factory=dict)
    bytes: int | None = None
    marks: dict[str, str] = field(default_factory=dict)
    events: list[tuple[object, ...]] = field(default_factory=list)
    name: str = "scripted"
    pausable: bool = True

    def start(
        self, config: Config, seed: int, *, watch: Watch | None = None, log: Path | None = None
    ) -> LiveRun:
        """A run ready for its first step."""
        del log
        key = RunKey(config, seed)
        self.events.append(("start", key))
        return _ScriptedRun(self, key, watch)

    def identity(self) -> Mapping[str, str]:
        """Its name."""
        return {"script": self.name}

    def fingerprint(self) -> Mapping[str, str]:
        """What the test set as `marks`."""
        return dict(self.marks)

    def steps(self, key: RunKey) -> int:
        """How many steps were done for this run, all incarnations together."""
        return sum(1 for e in self.events if e[0] == "step" and e[1] == key)

    def alive(self) -> set[object]:
        """The runs that were started and not closed."""
        alive: set[object] = set()
        for event in self.events:
            if event[0] == "start":
                alive.add(event[1])
            elif event[0] == "close":
                alive.discard(event[1])
        return alive


class _ScriptedRun(LiveRun):
    def __init__(self, source: ScriptedSource, key: RunKey, watch: Watch | None) -> None:
        self._source, self._key, self._watch = source, key, watch
        self._step = 0

    def advance(self, to_step: int | None, within: float) -> Progress:
        del within
        source, lr, seed = self._source, self._key.lr, self._key.seed
        points: list[Point] = []
        goal = None if to_step is None else to_step + source.overshoot
        for _ in range(source.slice):
            if to_step is not None and self._step >= to_step and (goal is None or self._step >= goal):
                return self._came(Status.PAUSED, points)
            if source.length is not None and self._step >= source.length:
                return self._came(Status.ENDED, points)
            if source.fails.get(lr) == self._step + 1:
                return self._came(Status.FAILED, points, "ValueError: told to fail", "the whole traceback")
            if source.lost.get(lr, 0) and self._step >= 2:
                source.lost[lr] -= 1
                return self._came(Status.LOST, points, "the worker vanished")
            self._step += 1
            source.events.append(("step", self._key, self._step))
            value = source.value(lr, seed, self._step)
            values = value if isinstance(value, Mapping) else {"loss": value}
            for name, number in values.items():
                points.append((self._step, name, number))
                reason = self._watch(self._step, name, number) if self._watch is not None else None
                if reason is not None:
                    return self._came(Status.DIVERGED, points, reason)
        return self._came(Status.ADVANCING, points)

    def _came(
        self, status: Status, points: list[Point], reason: str | None = None, detail: str | None = None
    ) -> Progress:
        total = self._source.total if self._step else None
        return Progress(status, points, self._step, 0.001 * len(points), total, reason, detail)

    def close(self) -> None:
        self._source.events.append(("close", self._key))

    def memory(self) -> int | None:
        return self._source.bytes


@dataclass
class LadderPlanner(Planner):
    """All rates to the first rung, the better half of them to the next, and so on.

    `rungs` are steps; the last is cut at the horizon.
    """

    rungs: Sequence[int] = (4, 8, 16)

    def ask(self, scan: Scan) -> list[Advance]:
        """The runs of the first rung that is not complete."""
        keys = [scan.plan.key(lr, scan.plan.seeds[0]) for lr in scan.plan.rates]
        spent = 0
        for rung in self.rungs:
            to_step = min(rung, scan.plan.horizon or rung)
            runs = {run.key: run for run in scan.runs}
            missing = [
                k for k in keys if k not in runs or not (runs[k].state.final or runs[k].step >= to_step)
            ]
            if missing:
                return [Advance(key, to_step, f"{len(keys)} rates to step {to_step}") for key in missing]
            spent += sum(min(runs[k].step, to_step) for k in keys)
            if scan.plan.horizon is not None and spent >= scan.plan.budget * scan.plan.horizon:
                return []
            ranked = sorted((_level(scan, k, to_step), k) for k in keys if _alive(scan, k))
            keys = [key for _, key in ranked[: max(1, (len(ranked) + 1) // 2)]]
        return []

    def name(self, scan: Scan) -> Recommendation:
        """The lowest end of those that came furthest."""
        runs = [
            (-run.step, _level(scan, run.key, run.step), run.lr) for run in scan.runs if _alive(scan, run.key)
        ]
        if not runs:
            return Recommendation(None, None, None, "every run diverged or failed", "ladder")
        _, level, lr = min(runs)
        found = Estimate(lr, lr, lr, scan.plan.level, "lowest end")
        return Recommendation(found, None, None, f"ended at {level:g}", "ladder", "loss")

    def promise(self, scan: Scan) -> dict[RunKey, float]:
        """The lower the last value, the better."""
        return {run.key: -_level(scan, run.key, run.step) for run in scan.runs if not run.state.final}


def _alive(scan: Scan, key: RunKey) -> bool:
    run = scan.run(key)
    return run is not None and run.state not in (RunState.DIVERGED, RunState.FAILED)


def _level(scan: Scan, key: RunKey, step: int) -> float:
    run = scan.run(key)
    curve = None if run is None else run.metric("loss").until(step)
    return float(curve.loss[-1]) if curve is not None and len(curve) else float("inf")
