"""The learning-rate range test: several short runs whose rate rises, and what the known rules read off them.

Smith ("Cyclical Learning Rates", WACV 2017). What is done otherwise here than in most finders: raw losses are kept; the
ramp is repeated with other seeds; the line is as smooth as the noise of the data asks for; each rule's answer has
an interval; and it is said how far such an answer can be trusted.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lrscope.curves import Plan, RunState, Scan
from lrscope.search.planners.base import Advance, Planner
from lrscope.search.range_test.answer import RangeTestAnswer, answer_of
from lrscope.search.range_test.ramp_curve import RampCurve, ramp_curve
from lrscope.search.rate.ranking import Judge, judge_by, names_seen, points
from lrscope.training.source.function.ramp import Ramp
from lrscope.vocabulary import choose_metric


class RangeTestPlanner(Planner):
    """Runs the same ramp with one seed after another: a plan's rates are those of the first and the last step, its
    horizon the steps of a ramp, its budget their number."""

    identity = "range test"

    def check(self, plan: Plan) -> None:
        """The ends of the range and the number of steps were checked when the ramp was made."""

    def futile(self, scan: Scan) -> str | None:
        """Every ramp is asked for at once: there is nothing to leave off."""
        del scan
        return None

    def caveats(self, scan: Scan) -> list[str]:
        """A ramp that ended early is told with the answer."""
        del scan
        return []

    def ask(self, scan: Scan) -> list[Advance]:
        plan = scan.plan
        runs = {run.key: run for run in scan.runs}
        asks = []
        for seed in plan.seeds:
            key = plan.key(plan.rates[0], seed)
            run = runs.get(key)
            if run is None or not (run.state.final or run.step >= (plan.horizon or 0)):
                reason = f"a ramp from {plan.rates[0]:g} to {plan.rates[-1]:g}, seed {seed}"
                asks.append(Advance(key, plan.horizon, reason))
        return asks

    def name(self, scan: Scan) -> RangeTestAnswer:
        by = judge_by(scan.plan, ramp_metric(scan))
        ended = [run.step for run in scan.runs if _ended_early(run.state, run.step, scan.plan.horizon)]
        said = []
        if ended:
            said.append(
                f"Training ended by itself at step {min(ended)}, and the ramp with it; --steps {min(ended)} takes it "
                f"to {scan.plan.rates[-1]:g}."
            )
        return answer_of(
            ramps_of(scan, by), metric=by.metric, goal=by.goal, level=scan.plan.level, caveats=said
        )


def ramp_metric(scan: Scan) -> str | None:
    """The metric that a ramp is read by: the one asked for, or the loss that was reported most often.

    A validation loss now and then, which a scan prefers, says little of a rate that changes at every step.
    """
    if scan.plan.metric is not None:
        return scan.plan.metric
    counts = {name: sum(len(run.curves.get(name, ())) for run in scan.runs) for name in names_seen(scan.runs)}
    most = max(counts.values(), default=0)
    return choose_metric({name for name, count in counts.items() if 2 * count > most})


def observed_ramps(scan: Scan, metric: str | None) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Rates and losses of every ramp, as they were observed: the rate of a step was told after the report before it."""
    plan = scan.plan
    if metric is None or plan.horizon is None:
        return []
    rate = Ramp(plan.rates[0], plan.rates[-1], plan.horizon)
    seen = [points(run, metric, run.step) for run in scan.runs]
    return [
        (np.array([rate(int(done)) for done in (0, *steps[:-1])]), losses)
        for steps, losses in seen
        if steps.size
    ]


def ramps_of(scan: Scan, by: Judge) -> list[RampCurve]:
    """Every ramp of a scan, on the steps that the longest of them reported.

    What a ramp that diverged did not come to any more is lost, and stands as NaN; where training ended by itself
    before the ramp did, all are cut at that step.
    """
    plan = scan.plan
    if by.metric is None or plan.horizon is None:
        return []
    seen = [(run, *points(run, by.metric, run.step)) for run in scan.runs if run.step]
    seen = [one for one in seen if one[1].size]
    if not seen:
        return []
    short = [run.step for run, _, _ in seen if run.state is not RunState.DIVERGED]
    end = min([plan.horizon, *short])
    steps = max((s for _, s, _ in seen), key=len)
    steps = steps[steps <= end]
    ramp = Ramp(plan.rates[0], plan.rates[-1], plan.horizon)
    rates = [ramp(int(done)) for done in (0, *steps[:-1])] if steps.size else []
    found = []
    for _, mine, values in seen:
        known = dict(zip(mine.tolist(), (by.sign * values).tolist(), strict=True))
        one = ramp_curve(rates, [known.get(step, math.nan) for step in steps.tolist()])
        if one is not None:
            found.append(one)
    return found


def _ended_early(state: RunState, step: int, horizon: int | None) -> bool:
    return state is RunState.COMPLETE and horizon is not None and step < horizon
