"""Where a curve stands: one answer for planners, rankings, models and reports.

A run is judged by its end, or by the best that it reached; either way by a mean over the last tenth of the steps so far
and not by a single value, because one minibatch says little.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lrscope.vocabulary import Goal

Steps = NDArray[np.int64]
Values = NDArray[np.float64]

WINDOW_SHARE = 0.1
"""Share of the steps so far over which a reading averages: short enough to be where the run is now, long enough to
average out some of the batch noise."""

LONG_CURVE = 4096
"""Points from which on the best of a running mean is not looked for at every single one of them."""


def window_start(steps: Steps, share: float = WINDOW_SHARE) -> int:
    """Index of the first point of the trailing window: the last `share` of the steps, at least one point."""
    return min(int(np.searchsorted(steps, (1 - share) * float(steps[-1]), side="right")), steps.size - 1)


def readout(steps: Steps, values: Values, *, goal: Goal, objective: str = "last") -> float:
    """Where a curve stands at its last step, in the metric's own unit.

    For objective "last", the mean over the trailing window; not finite where a value in the window is not. For "best",
    the best that this mean has been over any window of finite values: what was reached stays reached, whatever came
    after it.

    Parameters
    ----------
    steps : array of int64, shape (n,)
        Ascending.
    values : array of float64, shape (n,)
        NaN and infinities are allowed.
    goal : {"min", "max"}
        Whether less or more is better.
    objective : {"last", "best"}

    Returns
    -------
    float
        NaN where there are no points; the worst infinity where there is no finite reading.
    """
    if not steps.size:
        return math.nan
    worst = math.inf if goal == "min" else -math.inf
    if objective == "last":
        with np.errstate(invalid="ignore"):
            value = float(values[window_start(steps) :].mean())
        return value if math.isfinite(value) else worst
    means = running_means(steps, values)
    if not means.size:
        return worst
    return float(means.min() if goal == "min" else means.max())


def running_means(steps: Steps, values: Values) -> Values:
    """Means over the trailing window at each point (a hundred times a window on long curves), where all values in it
    are finite."""
    finite = np.isfinite(values)
    if not finite.any():
        return np.empty(0)
    last = _looks(steps.size)
    first = np.minimum(
        np.searchsorted(steps, (1 - WINDOW_SHARE) * steps[last].astype(np.float64), side="right"), last
    )
    end = last + 1
    base = float(values[finite][0])  # sums of differences lose less to rounding
    total = np.concatenate([[0.0], np.cumsum(np.where(finite, values - base, 0.0))])
    holes = np.concatenate([[0], np.cumsum(~finite)])
    means = base + (total[end] - total[first]) / (end - first)
    whole: Values = means[holes[end] == holes[first]]
    return whole


def _looks(size: int) -> NDArray[np.int64]:
    """Where a running mean is looked at: everywhere on short curves, a hundred times a window on long ones."""
    if size <= LONG_CURVE:
        return np.arange(size)
    count = math.ceil(math.log(size / LONG_CURVE) * 100 / WINDOW_SHARE)
    late = np.geomspace(LONG_CURVE, size - 1, count).astype(np.int64)
    return np.unique(np.concatenate([np.arange(LONG_CURVE), late, [size - 1]]))
