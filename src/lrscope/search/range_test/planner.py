"""The learning-rate range test: several short runs whose rate climbs, and what the known rules read off them.

Smith ("Cyclical Learning Rates", WACV 2017). What is done otherwise here than in most finders: raw losses are kept; the
ramp is repeated with other seeds; the line is as smooth as the noise of the data asks for; each rule's answer has
an interval; and it is said how far such an answer can be trusted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from lrscope.curves import Run, RunState, Scan
from lrscope.search.planners.base import Advance, Planner
from lrscope.search.range_test.audit import Reading, audit
from lrscope.search.range_test.ramp_curve import RampCurve, climb, line, mean_climb
from lrscope.search.rate.ranking import Judge, judge_by, names_seen, points
from lrscope.search.rate.recommendation import Recommendation
from lrscope.statistics.estimate import Estimate
from lrscope.training.source.function.ramp import Ramp
from lrscope.vocabulary import choose_metric

FALL = 12.0
"""Noise levels, over the root of the number of values, by which the line has to fall below its start: of a hundred
ramps of pure noise about one falls so far."""

APART = 0.5
"""Decades between the rules from which on it is said that they disagree: a factor of three."""


class RampPlanner(Planner):
    """Runs the same ramp with one seed after another, as many as the budget holds (a full run is one ramp).

    The rate named is a tenth of the one at which the ramp had lost all that it had gained: of the rules it came closest
    to the best rate where all were run (`benchmarks/scan_live`).
    """

    rule = "ramp"

    def ask(self, scan: Scan) -> list[Advance]:
        plan = scan.plan
        if plan.horizon is None or not plan.rates:
            return []
        runs = {run.key: run for run in scan.runs}
        asks = []
        for seed in plan.seeds[: max(1, int(plan.budget + 1e-9))]:
            run = runs.get((plan.rates[0], seed))
            if run is None or not (run.state.final or run.step >= plan.horizon):
                reason = f"a ramp from {plan.rates[0]:g} to {plan.rates[-1]:g}, seed {seed}"
                asks.append(Advance((plan.rates[0], seed), plan.horizon, reason))
        return asks

    def name(self, scan: Scan) -> Recommendation:
        by = judge_by(scan.plan, ramp_metric(scan))
        rule = f"{self.rule}, lost / 10 of {by.metric}" if by.metric else self.rule
        climbs = climbs_of(scan, by)
        if not climbs:
            reason = (
                "No ramp gave the losses of twelve steps before training was lost: start lower (--low), or report "
                "each step."
            )
            return Recommendation(None, None, None, reason, rule, by.metric, by.goal)
        whole = mean_climb(climbs)
        smoothed, noise = line(whole)
        fall = whole.start - float(smoothed.min())
        cliff = _lost(climbs, scan.plan.level)
        fell = fall > FALL * noise / math.sqrt(whole.loss.size)
        if not fell and whole.lost is None:
            reason = (
                f"{by.metric} never fell along the ramp by more than its own noise: no rate can be read off it. More "
                "steps (--steps), a larger batch, or a planner that trains at constant rates would show more."
            )
            return Recommendation(None, None, cliff, reason, rule, by.metric, by.goal)
        readings = audit(climbs, level=scan.plan.level)
        named = readings[0]
        at = 10.0 ** float(whole.log_lr[int(np.argmin(smoothed))])
        edge = 10 * named.lr.value
        come = (
            f"back where it began at {edge:.2g}"
            if whole.lost is not None
            else f"not back by {edge:.2g}, the end"
        )
        others = ", ".join(f"{r.rule} {r.lr.value:.2g}" for r in readings[1:])
        reason = (
            f"Over {_ramps(len(climbs))} the smoothed {by.metric} was lowest at {at:.2g} and {come}; a tenth of that "
            f"is named. Other rules on the same curve: {others}."
        )
        return Recommendation(
            lr=named.lr,
            band=None,
            cliff=cliff,
            reason=reason,
            rule=rule,
            metric=by.metric,
            goal=by.goal,
            warnings=tuple(_caveats(scan, climbs, whole, readings, fell)),
            readings=readings,
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


def climbs_of(scan: Scan, by: Judge) -> list[RampCurve]:
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
    # The rate of a step was told after the report before it.
    rates = [ramp(int(done)) for done in (0, *steps[:-1])] if steps.size else []
    found = []
    for _, mine, values in seen:
        known = dict(zip(mine.tolist(), (by.sign * values).tolist(), strict=True))
        one = climb(rates, [known.get(step, math.nan) for step in steps.tolist()])
        if one is not None:
            found.append(one)
    return found


def _lost(climbs: Sequence[RampCurve], level: float) -> Estimate | None:
    """From which rate on ramps lost what they had gained: the median, and the range over ramps."""
    lost = sorted(10.0**c.lost for c in climbs if c.lost is not None)
    if 2 * len(lost) <= len(climbs):
        return None
    return Estimate(
        float(np.median(lost)),
        lost[0],
        lost[-1],
        level,
        "where ramps had lost all they had gained; range over ramps",
    )


def _caveats(
    scan: Scan, climbs: Sequence[RampCurve], whole: RampCurve, readings: Sequence[Reading], fell: bool
) -> list[str]:
    plan, named = scan.plan, readings[0].lr
    said = [
        f"A ramp sees {plan.horizon} steps at climbing rates, not a training at one of them: it cannot know how long "
        "you will train. The interval is that of the rule's answer, not of the best rate; a scan without "
        "--planner ramp gives that."
    ]
    if not fell:
        said.append(
            "The loss never fell along the ramp by more than its own noise: only where it blew up is known, and rules "
            "that look at the fall read noise. More ramps (--budget) or steps would show more."
        )
    rates = [reading.lr.value for reading in readings]
    apart = math.log10(max(rates) / min(rates))
    if apart > APART:
        said.append(
            f"The rules disagree by {apart:.1f} decades, from {min(rates):.2g} to {max(rates):.2g}; nothing in a ramp "
            "says which of them is right."
        )
    if whole.lost is None:
        said.append(
            "Training was not lost by the end of the ramp, so its lowest point may lie further up: "
            f"--high {plan.rates[-1] * 100:g}."
        )
    if named.value < plan.rates[0]:
        said.append(
            f"The rate named lies below the ramp's first, which was {plan.rates[0]:g}: --low {named.value / 10:.1g}."
        )
    if len(climbs) == 1:
        said.append(
            "Only one ramp was read, so what another seed would say is not in the interval: --budget 5."
        )
    ended = [run.step for run in scan.runs if _ended_early(run, plan.horizon)]
    if ended:
        said.append(
            f"Training ended by itself at step {min(ended)}, and the ramp with it: --steps {min(ended)} would take it "
            f"to {plan.rates[-1]:g}."
        )
    return said


def _ended_early(run: Run, horizon: int | None) -> bool:
    return run.state is RunState.COMPLETE and horizon is not None and run.step < horizon


def _ramps(count: int) -> str:
    return "one ramp" if count == 1 else f"{count} ramps"
