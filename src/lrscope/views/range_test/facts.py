"""What a picture of ramps draws: raw losses against the climbing rate, the line through their mean, the rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lrscope.search.outcome import Outcome
from lrscope.search.range_test.audit import Reading
from lrscope.search.range_test.planner import climbs_of
from lrscope.search.range_test.ramp_curve import line, mean_climb
from lrscope.search.rate.ranking import judge_by, points
from lrscope.training.source.function.ramp import Ramp

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RampFacts:
    """Ramps.

    Parameters
    ----------
    ramps : sequence of (rates, losses)
        As observed, up to where each run came.
    lr, line : array, shape (n,)
        The smooth line through the mean of all ramps; empty where there is none.
    readings : sequence of Reading
        Empty where nothing could be read off.
    low, high : float
        Window of the losses: from the lowest to as far above the start as was gained.
    """

    ramps: Sequence[tuple[Floats, Floats]]
    lr: Floats
    line: Floats
    readings: Sequence[Reading]
    low: float
    high: float


def collect_ramp(outcome: Outcome) -> RampFacts | None:
    """The facts; None of a scan that has no ramps, or where no loss was seen."""
    plan, answer = outcome.scan.plan, outcome.recommendation
    if not plan.ramp or plan.horizon is None or answer.metric is None:
        return None
    by = judge_by(plan, answer.metric)
    rate = Ramp(plan.rates[0], plan.rates[-1], plan.horizon)
    ramps = []
    for run in outcome.scan.runs:
        steps, losses = points(run, answer.metric, run.step)
        if steps.size:
            ramps.append((np.array([rate(int(done)) for done in (0, *steps[:-1])]), losses))
    if not ramps:
        return None
    climbs = climbs_of(outcome.scan, by)
    if not climbs:
        seen = np.concatenate([losses[np.isfinite(losses)] for _, losses in ramps])
        low, high = (float(seen.min()), float(seen.max())) if seen.size else (0.0, 1.0)
        return RampFacts(ramps, np.empty(0), np.empty(0), (), low, high)
    mean = mean_climb(climbs)
    smoothed = line(mean)[0]
    ends = sorted(
        (by.sign * float(mean.start + 0.6 * (mean.start - smoothed.min())), by.sign * float(smoothed.min()))
    )
    pad = 0.06 * (ends[1] - ends[0]) or 1.0
    return RampFacts(
        ramps, 10.0**mean.log_lr, by.sign * smoothed, answer.readings, ends[0] - pad, ends[1] + pad
    )
