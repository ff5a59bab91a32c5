"""Runs at several learning rates, what was asked of them, and how far each has come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal

from lrscope.config import Config, RunKey, Value
from lrscope.curves.curve import LossCurve
from lrscope.curves.direction import Direction
from lrscope.vocabulary import Goal, direction


class RunState(StrEnum):
    """Where a run stands. The last four are final: such a run is never advanced again."""

    RUNNING = "running"
    PAUSED = "paused"
    COMPLETE = "complete"  # reached the horizon, or its own end
    STOPPED = "stopped"  # not worth more of the budget
    DIVERGED = "diverged"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        """Whether a run in this state is never advanced again."""
        return self not in (RunState.RUNNING, RunState.PAUSED)


@dataclass(frozen=True)
class Run:
    """One training run and everything it reported.

    Parameters
    ----------
    config : Config
        The hyperparameters it was started with, the learning rate among them.
    seed : int
        Random seed it was started with.
    curves : mapping of str to LossCurve
        Every metric seen. May go past `step`: a program prints on for a moment before it is suspended.
    state : RunState
    step : int
        The step that it was last *asked to reach and has reached* (or its last step, once it has ended,
        diverged or failed). Decisions read curves only up to here, so that they do not depend on timing.
    reason : str or None
        Why it is in a final state, one sentence.
    seconds : float
        Wall time spent advancing it, all incarnations together.
    rework : int
        Steps done more than once, because the run was dropped and started anew.
    id : int
        Its number in the scan, from 1 in the order in which runs were first started; 0 where none was given.
    """

    config: Config
    seed: int
    curves: Mapping[str, LossCurve] = field(default_factory=dict)
    state: RunState = RunState.PAUSED
    step: int = 0
    reason: str | None = None
    seconds: float = 0.0
    rework: int = 0
    id: int = 0

    @property
    def key(self) -> RunKey:
        """What tells it from other runs."""
        return RunKey(self.config, self.seed)

    @property
    def lr(self) -> float:
        """The learning rate it was started with."""
        return float(self.config["lr"])

    def metric(self, name: str) -> LossCurve:
        """The curve of metric `name` up to `step`; an empty one where it was not seen."""
        curve = self.curves.get(name)
        return LossCurve([], [], name=name) if curve is None else curve.until(self.step)


@dataclass(frozen=True)
class Plan:
    """What a scan was asked to do.

    Parameters
    ----------
    rates : tuple of float
        The grid: learning rates, ascending.
    seeds : tuple of int
        Seeds, the first of which every rate is run with.
    horizon : int or None
        Steps in a full run; None until it has been learned.
    budget : float
        What may be spent, in full runs (one full run = `horizon` steps).
    metric : str or None
        The metric to judge by; None means that it is chosen from those seen (`vocabulary.choose_metric`).
    goal : {"min", "max"} or None
        Whether less or more of the metric is better; None means that its name decides, or what the runs show.
    objective : {"last", "best"}
        Judge a run by its end, or by the best that it reached.
    tolerance : float
        Width of the band: share of the improvement (what training gains from its start to the best end) that may be
        given away (default 0.05).
    level : float
        Nominal coverage of intervals.
    pausable : bool
        False where a run cannot be advanced in parts (a plain function of the rate).
    scout : RunKey or None
        The run that was let through to its own end, before all others, to learn the horizon; None where the
        horizon was given or printed. Planners charge its cost first.
    directions : tuple of Direction
        Which way metrics are better whose names do not say, as the runs have shown.
    fixed : Config
        The other hyperparameters, the same in every run.
    seeded : bool
        False where the seed does not reach the training: then runs at one rate may differ by chance.
    """

    rates: tuple[float, ...]
    seeds: tuple[int, ...] = (0,)
    horizon: int | None = None
    budget: float = 4.0
    metric: str | None = None
    goal: Goal | None = None
    objective: Literal["last", "best"] = "last"
    tolerance: float = 0.05
    level: float = 0.9
    pausable: bool = True
    scout: RunKey | None = None
    directions: tuple[Direction, ...] = ()
    fixed: Config = field(default_factory=Config)
    seeded: bool = True

    def goal_of(self, metric: str) -> Goal:
        """Which way `metric` is better: as the user said, else by its name, else as the runs have shown.

        What the user said is said of the metric that they named, not of one that stands in for it.
        """
        if self.goal is not None and self.metric in (None, metric):
            return self.goal
        shown: Goal = next((d.goal for d in self.directions if d.metric == metric), "min")
        return direction(metric) or shown

    def key(self, lr: float, seed: int) -> RunKey:
        """The key of the run at this learning rate and seed."""
        return RunKey(self.fixed | {"lr": lr}, seed)


@dataclass(frozen=True)
class Scan:
    """A plan and the runs so far, in order of their keys: along one line, by learning rate, then seed."""

    plan: Plan
    runs: Sequence[Run] = ()

    def run(self, key: RunKey) -> Run | None:
        """The run with this key, or None where it was never started."""
        return next((r for r in self.runs if r.key == key), None)

    def along(self, name: str, at: Mapping[str, Value]) -> Scan:
        """The line through this scan on which only hyperparameter `name` differs and all others are `at`.

        The science of the learning rate is one-dimensional on purpose, and reads such a line.
        """
        others = Config(at).without(name) if name in at else Config(at)
        runs = tuple(run for run in self.runs if name in run.config and run.config.without(name) == others)
        return Scan(replace(self.plan, fixed=others), runs)
