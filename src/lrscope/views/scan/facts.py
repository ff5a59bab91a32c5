"""A scan as plain facts: text, document, figure and page show these and compute nothing themselves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lrscope.config import Config
from lrscope.curves import Plan, Run, RunState
from lrscope.search.history import History, tell_history
from lrscope.search.outcome import Cost, Outcome
from lrscope.search.planners import registry
from lrscope.search.rate.recommendation import Recommendation
from lrscope.training.store.base import Decision
from lrscope.views.shared import numbers, reading
from lrscope.views.shared.curves import LOG_SPAN, CurveFacts, Window, curve_facts, known_mean, padded
from lrscope.vocabulary import goal_of

# Runs far worse than the start of training would squash the rest: the picture goes half the improvement past the start.
_ROOM_PAST_START = 0.5


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One run.

    `share` is how far it got, as a fraction of the horizon (None while that is unknown); `last` the last
    value of the judged metric as observed (None where it was not finite or never seen); `named` marks the
    runs at the recommended rate (or nearest to it, where it lies between the rates that were run).
    """

    id: int
    config: Config
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
    """Everything that views of a scan show. `metrics` holds the judged one first."""

    name: str
    plan: Plan
    answer: Recommendation
    cost: Cost
    decisions: Sequence[Decision]
    planner: str
    finished: bool
    metric: str | None
    metrics: tuple[str, ...]
    runs: tuple[RunFacts, ...]

    def count(self, state: RunState) -> int:
        """Runs in this state."""
        return sum(r.state is state for r in self.runs)

    def goal_of(self, metric: str) -> str:
        """ "min" or "max": the scan's own goal for the judged metric, by name for the others."""
        return self.answer.goal if metric == self.metric else goal_of(metric)

    def levels(self, metric: str) -> list[float]:
        """Where the runs that neither diverged nor failed stand at their ends, as far as that is finite."""
        found = [r.curves[metric].level for r in self.runs if metric in r.curves and not r.gone]
        return [v for v in found if v is not None]

    def averaged(self, metric: str) -> bool:
        """Whether the end of any curve is read from more than one value."""
        return any(reading.averaged(r.curves[metric].curve.step) for r in self.runs if metric in r.curves)

    @property
    def named_level(self) -> float | None:
        """Where the runs at the recommended rate end, on average."""
        metric = self.metric or ""
        return known_mean([r.curves[metric].level for r in self.runs if r.named and metric in r.curves])

    @property
    def several_seeds(self) -> bool:
        """Whether a run's seed has to be told."""
        return len({r.seed for r in self.runs}) > 1

    @property
    def unfinished(self) -> tuple[RunFacts, ...]:
        """Runs that were stopped on the way, or are still on it; not those that diverged or failed."""
        return tuple(r for r in self.runs if not r.gone and r.state is not RunState.COMPLETE)


def collect(outcome: Outcome) -> Facts:
    """Outcome → facts."""
    plan, answer = outcome.scan.plan, outcome.recommendation
    metric = answer.metric or plan.metric
    seen = {name for run in outcome.scan.runs for name in run.curves}
    judged = [metric] if metric in seen and metric is not None else []
    metrics = tuple(judged + sorted(seen - set(judged)))
    named = _named_rate(outcome)
    return Facts(
        name=outcome.name,
        plan=plan,
        answer=answer,
        cost=outcome.cost,
        decisions=outcome.decisions,
        planner=outcome.planner,
        finished=outcome.finished,
        metric=metric,
        metrics=metrics,
        runs=tuple(_run(run, outcome, metric, metrics, named) for run in outcome.scan.runs),
    )


def history(outcome: Outcome) -> History:
    """Outcome → which run advanced when, and what the model made of it; `moments` is empty where no model was used."""
    known = outcome.planner in registry.names()
    planner = registry.make(outcome.planner) if known else None
    return tell_history(outcome.scan, outcome.decisions, planner)


def step_axis_is_log(steps: Sequence[int]) -> bool:
    """Whether runs that end at these steps ask for a log axis: most were stopped so early that on a linear axis they
    would share a sliver at the left."""
    return bool(steps) and float(np.median(steps)) < max(steps) / 6


def share_span(runs: Sequence[RunFacts]) -> str:
    """How far runs got, "3 to 50 %"; empty while that is unknown."""
    shares = [r.share for r in runs if r.share is not None]
    if not shares:
        return ""
    low, high = numbers.share(min(shares)), numbers.share(max(shares))
    return low if low == high else f"{low.removesuffix(' %')} to {high}"


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
            curves[name] = curve_facts(curve, goal, plan.objective)
    last = float(curves[metric].curve.loss[-1]) if metric in curves and metric is not None else None
    return RunFacts(
        id=run.id,
        config=run.config,
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
    return _window(facts, metric, facts.levels(metric))


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


def _window(facts: Facts, metric: str, values: list[float]) -> Window:
    goal = facts.goal_of(metric)
    firsts = [float(r.curves[metric].curve.loss[0]) for r in facts.runs if metric in r.curves]
    if facts.plan.horizon == 1:
        firsts = []  # single values are ends, and tell of no start
    start = float(np.median(finite)) if (finite := [v for v in firsts if math.isfinite(v)]) else None
    if not values:
        anchor = 1.0 if start is None else start
        pad = abs(anchor) or 1.0
        return Window(anchor - pad, anchor + pad, False, start)
    low, high = min(values), max(values)
    ends = facts.levels(metric)  # they decide for both pictures, so that the two have one kind of axis
    log = goal == "min" and low > 0 and bool(ends) and max(*ends, start or 0.0) > LOG_SPAN * min(ends)
    low, high = _capped(low, high, start, goal, log)
    hidden = sum(not low <= v <= high for v in values)
    return padded(low, high, log, start, hidden)


def _capped(low: float, high: float, start: float | None, goal: str, log: bool) -> tuple[float, float]:
    if start is None:
        return low, high
    if log:
        # In a log picture a fall over many decades leaves little room that could be lost above the start.
        return low, min(high, start * max(2.0, (start / low) ** 0.25)) if start > low else high
    if goal == "min":
        return low, min(high, start + _ROOM_PAST_START * (start - low)) if start > low else high
    return max(low, start - _ROOM_PAST_START * (high - start)) if start < high else low, high
