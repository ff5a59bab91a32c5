"""When a run may be left for good, and at what risk that it would have won.

No test on the past of a curve can vouch for its future. What can be vouched for is a comparison with other scans: how
far behind, at its worst, was the rate that won in the end? In scans that went to the end a winner is never far behind
for the number of doublings that are still to come, so the measure is

    behind = (reading of the run - reading of the leader) / (start - reading of the leader) / doublings left

at looks after 1/256, 1/128 … 1/2 of a run. The limit is the conformal quantile, over scans, of the winner's worst
`behind` (`statistics.sequential.conformal_limit`): a scan that could have been one of those it was calibrated on
leaves its winner, at any of its looks, with a probability of at most the stated risk. That is the whole guarantee, and
its assumption. For a training of another kind it is a rule of thumb with a measured record
(`benchmarks/scan_replay/early_stopping.py`).

Batches may be noisier than those of the calibration, so a run is left only where its losses are also told apart from
the leader's, by a confidence sequence over the steps since the last look.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from lrscope.curves import Run, RunKey, Scan
from lrscope.search.rate.cliff import start_value
from lrscope.search.rate.ranking import common_metric, gone, judge_by, paired, rank, reading
from lrscope.statistics.sequential import BURN_IN, confidence_sequence

LOOKS = 8
"""Looks before the end: at 1/256, 1/128 … 1/2 of a run. The limits hold for these, and for fewer."""

LIMITS: Mapping[float, float] = {0.1: 0.183, 0.2: 0.176}
"""Risk → limit: the larger of two, from twelve published scans (each at the worst of three ways of judging it: 0.110
and 0.093) and from 200 synthetic ones, by ``python benchmarks/scan_replay/early_stopping.py FOLDER``. Twelve scans
cannot vouch for a risk below 1/13."""


def looks(horizon: int) -> list[int]:
    """The steps at which runs may be left."""
    return [step for k in range(LOOKS, 0, -1) if (step := horizon >> k) >= 1]


def behind(scan: Scan, keys: Sequence[RunKey], step: int) -> dict[RunKey, float]:
    """How far each run is behind the leader at `step`, as a share of what the leader has gained, for each doubling of
    steps that is left.

    Runs that have nothing to be judged by are left out, and so is everybody where the leader has gained nothing; a run
    that diverged or failed is infinitely far behind.
    """
    horizon = scan.plan.horizon or step
    runs = [run for key in keys if (run := scan.run(key)) is not None]
    order = rank(runs, step, scan.plan)
    left = math.log2(horizon / step) if step < horizon else 0.0
    if not order.keys or left <= 0 or order.by.metric is None:
        return {}
    start = order.by.sign * start_value(scan, order.by.metric)
    lead = order.values[0]
    if not start - lead > 0:
        return {}
    found = {}
    for run in runs:
        value = reading(run, order.by, step)
        if gone(run, step):
            found[run.key] = math.inf
        elif not math.isnan(value):
            found[run.key] = (value - lead) / (start - lead) / left
    return found


def out_of_race(scan: Scan, keys: Sequence[RunKey], step: int, risk: float = 0.1) -> list[RunKey]:
    """Those of `keys` that may be left at `step`, worst first.

    Parameters
    ----------
    scan : Scan
    keys : sequence of RunKey
        Runs of one seed that are in the race, all of which have come to `step`.
    step : int
        One of `looks`.
    risk : float, default 0.1
        Chance, over all looks, of leaving the run that would have won: 0.1 or 0.2.
    """
    limit = LIMITS[risk]
    far = behind(scan, keys, step)
    if not far:
        return []
    leader = scan.run(min(far, key=lambda key: (far[key], key)))
    out = []
    for key, value in far.items():
        run = scan.run(key)
        if (
            value > limit
            and run is not None
            and leader is not None
            and _told_apart(scan, run, leader, step, risk)
        ):
            out.append(key)
    return sorted(out, key=lambda key: (-far[key], key))


def _told_apart(scan: Scan, run: Run, leader: Run, step: int, risk: float) -> bool:
    """Whether a run's losses lie above the leader's since the last look, allowing for noise.

    The risk is halved from look to look, so that all of them together stay within it.
    """
    if gone(run, step):
        return True
    by = judge_by(scan.plan, common_metric([run, leader], step, scan.plan))
    if by.metric is None:
        return False
    apart = by.sign * paired(run, leader, by.metric, step, window=0.5)
    apart = apart[np.isfinite(apart)]
    if apart.size < BURN_IN:  # too few to judge noise by
        return True
    look = max(0, round(math.log2((scan.plan.horizon or step) / step)))
    found = confidence_sequence(apart, risk / 2 ** (LOOKS + 1 - min(look, LOOKS)), tightest=apart.size)
    return bool(found.low[-1] > 0)
