"""A range test as plain facts: raw losses against the climbing rate, the line through their mean, the rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lrscope.search.outcome import Outcome
from lrscope.search.range_test.audit import Reading
from lrscope.search.range_test.planner import climbs_of
from lrscope.search.range_test.ramp_curve import line, mean_climb
from lrscope.search.rate.ranking import judge_by, points
from lrscope.training.source.function.ramp import Ramp
from lrscope.views.scan.facts import Facts
from lrscope.views.scan.facts import collect as collect_scan

Floats = NDArray[np.float64]

RULE_COLOURS = ("#c2410c", "#1d4ed8", "#6d28d9", "#047857")
"""Of the rules, in their order; the first is the one that names the rate."""

_ROOM_PAST_START = 0.6  # of the improvement, above the losses where a ramp begins
_PAD_SHARE = 0.06


@dataclass(frozen=True, slots=True)
class RangeTestFacts:
    """A range test that was run: what it shares with a scan, and its ramps, None where no loss was seen."""

    scan: Facts
    ramps: RampFacts | None


@dataclass(frozen=True, eq=False)
class RampFacts:
    """Ramps.

    Parameters
    ----------
    metric : str
        The losses that were read.
    ramps : sequence of (rates, losses)
        As observed, up to where each run came.
    lr, line : array, shape (n,)
        The smooth line through the mean of all ramps; empty where there is none.
    readings : sequence of Reading
        Empty where nothing could be read off.
    low, high : float
        Window of the losses: from the lowest to somewhat above the start.
    """

    metric: str
    ramps: Sequence[tuple[Floats, Floats]]
    lr: Floats
    line: Floats
    readings: Sequence[Reading]
    low: float
    high: float


def collect(outcome: Outcome) -> RangeTestFacts:
    """Outcome → facts."""
    scan = collect_scan(outcome)
    # Every ramp climbs through all rates: none of them is the run at the rate that was named.
    scan = replace(scan, runs=tuple(replace(run, named=False) for run in scan.runs))
    return RangeTestFacts(scan, _ramps(outcome))


def _ramps(outcome: Outcome) -> RampFacts | None:
    plan, answer = outcome.scan.plan, outcome.recommendation
    if plan.horizon is None or answer.metric is None:
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
        return RampFacts(answer.metric, ramps, np.empty(0), np.empty(0), (), low, high)
    mean = mean_climb(climbs)
    smoothed = line(mean)[0]
    best = float(smoothed.min())
    low, high = sorted(by.sign * v for v in (mean.start + _ROOM_PAST_START * (mean.start - best), best))
    pad = _PAD_SHARE * (high - low) or 1.0
    return RampFacts(
        answer.metric, ramps, 10.0**mean.log_lr, by.sign * smoothed, answer.readings, low - pad, high + pad
    )
