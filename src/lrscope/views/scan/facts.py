"""An outcome as plain facts for pictures: text, figure and page draw these and compute nothing themselves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lrscope.curves import LossCurve, Run, RunState
from lrscope.search.outcome import Cost, Outcome
from lrscope.search.range_test.audit import Reading
from lrscope.search.rate.recommendation import Band
from lrscope.statistics.estimate import Estimate
from lrscope.training.store.base import Decision
from lrscope.views.shared import reading
from lrscope.vocabulary import goal_of

_LOG_FROM = 8.0  # losses that span more than this factor from start to best are drawn on a log axis


@dataclass(frozen=True, slots=True)
class CurveFacts:
    """One metric of one run.

    `curve` is as observed, up to the step that decisions read; `level` is where it stands at the end
    (`reading.end_level`), None where that is not finite; `noisy` says whether a smoothed line helps.
    """

    curve: LossCurve
    level: float | None
    noisy: bool


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One run.

    `share` is how far it got, as a fraction of the horizon (None while that is unknown); `last` the last
    value of the judged metric as observed (None where it was not finite or never seen); `named` marks the
    runs at the recommended rate (or nearest to it, where it lies between the rates that were run).
    """

    lr: float
    seed: int
    state: RunState
    steps: int
    share: float | None
    last: float | None
    reason: str | None
    seconds: float
    rework: int
    curves: Mapping[str, CurveFacts]
    named: bool

    @property
    def gone(self) -> bool:
        """Whether it has no level to be drawn at: it diverged or failed."""
        return self.state in (RunState.DIVERGED, RunState.FAILED)


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that a picture of a scan shows. `metrics` holds the judged one first."""

    name: str
    metric: str | None
    goal: str
    objective: str
    horizon: int | None
    rates: tuple[float, ...]
    metrics: tuple[str, ...]
    runs: tuple[RunFacts, ...]
    lr: Estimate | None
    band: Band | None
    cliff: Estimate | None
    reason: str
    rule: str
    warnings: tuple[str, ...]
    cost: Cost
    budget: float
    decisions: Sequence[Decision]
    finished: bool
    readings: Sequence[Reading] = ()
    ramp: bool = False
    chance: float | None = None

    def count(self, state: RunState) -> int:
        """Runs in this state."""
        return sum(r.state is state for r in self.runs)

    def goal_of(self, metric: str) -> str:
        """ "min" or "max": the scan's own goal for the judged metric, by name for the others."""
        return self.goal if metric == self.metric else goal_of(metric)


@dataclass(frozen=True, slots=True)
class Window:
    """What part of a metric's values a picture shows, so that diverged runs do not squash the others.

    `low` and `high` are the ends, `log` whether a log axis is warranted, `start` the level where training
    begins (median of the first values, None where there are none), `hidden` how many runs stand outside.
    """

    low: float
    high: float
    log: bool
    start: float | None
    hidden: int = 0


def collect(outcome: Outcome) -> Facts:
    """Outcome → facts."""
    plan, answer = outcome.scan.plan, outcome.recommendation
    metric = answer.metric or plan.metric
    seen = {name for run in outcome.scan.runs for name in run.curves}
    judged = [metric] if metric in seen and metric is not None else []
    metrics = tuple(judged + sorted(seen - set(judged)))
    named = None if plan.ramp else _named_rate(outcome)
    facts = tuple(_run(run, outcome, metric, metrics, named) for run in outcome.scan.runs)
    return Facts(
        outcome.name,
        metric,
        answer.goal,
        plan.objective,
        plan.horizon,
        plan.rates,
        metrics,
        facts,
        answer.lr,
        answer.band,
        answer.cliff,
        answer.reason,
        answer.rule,
        answer.warnings,
        outcome.cost,
        plan.budget,
        outcome.decisions,
        outcome.finished,
        answer.readings,
        plan.ramp,
        answer.chance,
    )


def _named_rate(outcome: Outcome) -> float | None:
    lr = outcome.recommendation.lr
    drawn = [r.lr for r in outcome.scan.runs if r.state not in (RunState.DIVERGED, RunState.FAILED)]
    if lr is None or not drawn:
        return None
    nearest = min(drawn, key=lambda rate: abs(math.log(rate / lr.value)))
    full = [r.lr for r in outcome.scan.runs if r.state is RunState.COMPLETE]
    closest = min(full, key=lambda rate: abs(math.log(rate / lr.value)), default=nearest)
    # A full run as near as a short one shows more; a full run further away would be another rate.
    return (
        closest if abs(math.log(closest / lr.value)) <= abs(math.log(nearest / lr.value)) + 1e-9 else nearest
    )


def _run(
    run: Run, outcome: Outcome, metric: str | None, metrics: Sequence[str], named: float | None
) -> RunFacts:
    plan = outcome.scan.plan
    curves = {}
    for name in metrics:
        curve = run.metric(name)
        if len(curve):
            goal = outcome.recommendation.goal if name == metric else goal_of(name)
            level = reading.end_level(curve.step, curve.loss, goal, plan.objective)
            curves[name] = CurveFacts(curve, level, reading.noisy(curve.loss))
    last = float(curves[metric].curve.loss[-1]) if metric in curves and metric is not None else None
    return RunFacts(
        lr=float(run.lr),
        seed=int(run.seed),
        state=run.state,
        steps=int(run.step),
        share=min(1.0, run.step / plan.horizon) if plan.horizon else None,
        last=last if last is not None and math.isfinite(last) else None,
        reason=run.reason,
        seconds=run.seconds,
        rework=run.rework,
        curves=curves,
        named=run.lr == named,
    )


def level_window(facts: Facts, metric: str) -> Window:
    """The window for levels against learning rate."""
    return _window(facts, metric, _levels(facts, metric))


def curve_window(facts: Facts, metric: str) -> Window:
    """The window for curves: what the runs that did not diverge passed through, all but a stray half per
    cent."""
    values: list[float] = []
    for run in facts.runs:
        if metric in run.curves and not run.gone:
            loss = run.curves[metric].curve.loss
            finite = loss[np.isfinite(loss)]
            if finite.size:
                values += [float(v) for v in np.quantile(finite, [0.005, 0.995])]
    return _window(facts, metric, values)


def _levels(facts: Facts, metric: str) -> list[float]:
    levels = [r.curves[metric].level for r in facts.runs if metric in r.curves and not r.gone]
    return [v for v in levels if v is not None]


def _window(facts: Facts, metric: str, values: list[float]) -> Window:
    goal = facts.goal_of(metric)
    firsts = [float(r.curves[metric].curve.loss[0]) for r in facts.runs if metric in r.curves]
    if facts.horizon == 1:
        firsts = []  # single values are ends, and tell of no start
    start = float(np.median(finite)) if (finite := [v for v in firsts if math.isfinite(v)]) else None
    if not values:
        anchor = 1.0 if start is None else start
        pad = abs(anchor) or 1.0
        return Window(anchor - pad, anchor + pad, False, start)
    low, high = min(values), max(values)
    ends = _levels(facts, metric)  # they decide for both pictures, so that the two have one kind of axis
    log = goal == "min" and low > 0 and bool(ends) and max(*ends, start or 0.0) > _LOG_FROM * min(ends)
    low, high = _capped(low, high, start, goal, log)
    hidden = sum(not low <= v <= high for v in values)
    if log:
        factor = (high / low) ** 0.06 if high > low else 2.0
        return Window(low / factor, high * factor, log, start, hidden)
    pad = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
    return Window(low - pad, high + pad, log, start, hidden)


def _capped(low: float, high: float, start: float | None, goal: str, log: bool) -> tuple[float, float]:
    """Runs far worse than the start of training would squash the rest: half as far again as was gained is
    enough."""
    if start is None:
        return low, high
    if log:
        # In a log picture a fall over many decades leaves little room that could be lost above the start.
        return low, min(high, start * max(2.0, (start / low) ** 0.25)) if start > low else high
    if goal == "min":
        return low, min(high, start + 0.5 * (start - low)) if start > low else high
    return max(low, start - 0.5 * (high - start)) if start < high else low, high
