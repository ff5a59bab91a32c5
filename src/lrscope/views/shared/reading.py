"""Where a curve stands at its end."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Steps = NDArray[np.int64]

TAIL = 0.1
"""A curve's end is read as the mean over this last share of its steps, as planners do when they compare
runs."""


def end_level(
    step: Steps, loss: Floats, goal: str, objective: Literal["last", "best"] = "last"
) -> float | None:
    """Where a curve stands at its end, in the metric's own unit.

    For "last" the mean over the last tenth of the steps (one value at least), because a single minibatch says
    little; for "best" the best that this mean has been on the way. None where it is not finite.
    """
    if not loss.size:
        return None
    if objective == "last":
        tail = min(int(np.searchsorted(step, (1 - TAIL) * step[-1], side="right")), loss.size - 1)
        with np.errstate(all="ignore"):
            level = float(loss[tail:].mean())
        return level if np.isfinite(level) else None
    count = np.arange(1, loss.size + 1)
    first = np.minimum(np.searchsorted(step, (1 - TAIL) * step, side="right"), count - 1)
    keep = np.isfinite(loss)
    if not keep.any():
        return None
    origin = float(loss[keep][0])  # sums of differences lose less to rounding
    total = np.concatenate(([0.0], np.cumsum(np.where(keep, loss - origin, 0.0))))
    holes = np.concatenate(([0], np.cumsum(~keep)))
    means = origin + (total[count] - total[first]) / (count - first)
    means = means[holes[count] == holes[first]]
    if not means.size:
        return None
    return float(means.min() if goal == "min" else means.max())


def averaged(step: Steps) -> bool:
    """Whether the end of a curve with these steps is read from more than one value."""
    return step.size > 1 and bool(step[-2] > (1 - TAIL) * step[-1])
