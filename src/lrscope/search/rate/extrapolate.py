"""How far behind the leader a run may still end at the horizon, told by the scan itself.

A run at a larger rate than the leader's is taken to stay as far behind as it was, or to go on closing the gap
if it was closing it. A run at a smaller rate is slower, and was stopped before its time: what is ahead of it
has been seen already, in a run at a higher rate, because the loss depends on rate times steps as long as the
noise of the gradient is small. Where that noise holds the faster run up, the slower one ends lower still, by
as much as the leader and its neighbours show.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lrscope.curves import Run
from lrscope.curves.readout import window_start
from lrscope.search.rate.ranking import Judge, fresh, points, reading
from lrscope.statistics.level import level


@dataclass(frozen=True, slots=True)
class Extrapolation:
    """The least by which a run may be expected to end behind the leader, with its standard error.

    Minus infinite where nothing tells. In the unit of the metric; negative where it may well end ahead.
    """

    gap: float
    error: float


def extrapolate(
    leader: Run, run: Run, now: Extrapolation, by: Judge, horizon: int | None, peers: Sequence[Run]
) -> Extrapolation:
    """What is to be expected of `run` at the horizon.

    Parameters
    ----------
    leader, run : Run
    now : Extrapolation
        The gap at the last step that both have reached.
    by : Judge
        What the two were compared by there.
    horizon : int or None
    peers : sequence of Run
        The runs of the leader's seed that trained; those at higher rates than `run` show what is ahead of it.
    """
    step = min(leader.step, run.step)
    if horizon is None or step >= horizon:
        return now
    if run.lr > leader.lr:
        return Extrapolation(now.gap * _closing(leader, run, by, step, horizon), now.error)
    return _in_flow(leader, run, by, horizon, peers)


def _closing(leader: Run, run: Run, by: Judge, step: int, horizon: int) -> float:
    """The share of the gap that is left when each doubling of steps closes it as the last one did; at most 1."""
    half = step // 2
    if by.metric is None or not all(fresh(one, by.metric, half) for one in (leader, run)):
        return 1.0
    before = reading(run, by, half) - reading(leader, by, half)
    now = reading(run, by, step) - reading(leader, by, step)
    if not (math.isfinite(before) and before > now > 0):
        return 1.0
    return float((now / before) ** math.log2(horizon / step))


def _in_flow(leader: Run, run: Run, by: Judge, horizon: int, peers: Sequence[Run]) -> Extrapolation:
    """Where the run will be when it has gone through what a run at a higher rate has gone through."""
    unknown = Extrapolation(-math.inf, 0.0)
    donor = _donor(run, horizon, peers, by)
    if donor is None or by.metric is None:
        return unknown
    steps, _ = points(donor, by.metric, donor.step)
    at = int(np.searchsorted(steps, horizon * run.lr / donor.lr))
    then = int(steps[min(at, steps.size - 1)])
    gap = reading(donor, by, then) - reading(leader, by, leader.step)
    gap -= _floor_slope(leader, peers, by) * (donor.lr - run.lr)
    if not math.isfinite(gap):
        return unknown
    return Extrapolation(gap, math.hypot(_scatter(donor, by, then), _scatter(leader, by, leader.step)))


def _donor(run: Run, horizon: int, peers: Sequence[Run], by: Judge) -> Run | None:
    """The run nearest above that has gone, in rate times steps, as far as `run` will have at the horizon."""
    fit = [
        other
        for other in peers
        if other.lr > run.lr
        and other.step >= (at := round(horizon * run.lr / other.lr))
        and by.metric is not None
        and fresh(other, by.metric, max(at, 1))
    ]
    return min(fit, key=lambda other: other.lr, default=None)


def _scatter(run: Run, by: Judge, step: int) -> float:
    """Standard error of a run's reading at `step`; 0 where it rests on a single report."""
    steps, values = points(run, by.metric or "", step)
    if not steps.size:
        return 0.0
    found = level(values[window_start(steps) :]).error
    return found if math.isfinite(found) else 0.0


def _floor_slope(leader: Run, peers: Sequence[Run], by: Judge) -> float:
    """By how much a run ends higher for each unit of learning rate, where rate times steps are the same.

    The noise of the gradient holds a run above the bottom, by an amount that grows in proportion to the rate.
    Taken from the leader and its nearest neighbour on each side, the smaller of the two, because close to
    the cliff it grows faster; zero or more.
    """
    below = max((run for run in peers if run.lr < leader.lr), key=lambda run: run.lr, default=None)
    above = min((run for run in peers if run.lr > leader.lr), key=lambda run: run.lr, default=None)
    found = []
    for slow, fast in ((below, leader), (leader, above)):
        if slow is not None and fast is not None:
            ratio = slow.lr / fast.lr
            step = min(slow.step, int(fast.step / ratio))
            risen = reading(fast, by, max(1, round(step * ratio))) - reading(slow, by, step)
            if math.isfinite(risen):
                found.append(risen / (fast.lr - slow.lr))
    return max(0.0, max(found, default=0.0))
