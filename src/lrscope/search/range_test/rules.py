"""The rules by which finders read a rate off a ramp: free functions of one signature, on a smoothed curve.

Three finders say "steepest" and mean the slope in step, in the rate, or in its logarithm. Here every slope is per
decade, ``d loss / d log10(lr)``, which on a ramp of even factors is the slope per step too.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Rule = Callable[[NDArray[np.float64], NDArray[np.float64]], float]
"""From log10 of the rates, ascending, shape (n,), and the loss there, shape (n,), to log10 of the rate named."""


def steepest(log_lr: NDArray[np.float64], loss: NDArray[np.float64]) -> float:
    """Where the loss falls fastest per decade, up to its lowest point (Smith, WACV 2017, in words; the "steepest" of
    most finders)."""
    low = max(int(np.argmin(loss)), 1)
    slope = np.gradient(loss, log_lr)[: low + 1]
    return float(log_lr[int(np.argmin(slope))])


def valley(log_lr: NDArray[np.float64], loss: NDArray[np.float64]) -> float:
    """The middle of the longest stretch of falling losses, points that rise in between left out (fastai's default).

    The stretch is a longest decreasing subsequence; the rate named lies half-way along its indices from first to
    last.
    """
    first, last = _longest_fall(loss)
    return float(log_lr[(first + last) // 2])


def tenth_of_minimum(log_lr: NDArray[np.float64], loss: NDArray[np.float64]) -> float:
    """A tenth of the rate at which the loss is lowest (in words, fastai's "minimum")."""
    return float(log_lr[int(np.argmin(loss))] - 1.0)


def tenth_of_lost(log_lr: NDArray[np.float64], loss: NDArray[np.float64]) -> float:
    """A tenth of the rate at which all that had been gained is lost again: the loss is back where it began.

    fastai's "minimum" means this in effect: it reads the lowest point of a mean with a long memory, which goes on
    falling until the loss rises above its own average. Here the same point is read off a line without lag. Where the
    loss does not come back, the last rate of the ramp stands for it; where it never fell, it is lost where it rises.
    """
    low = int(np.argmin(loss))
    back = np.flatnonzero(loss[low:] >= loss[0] if loss[low] < loss[0] else loss[low:] > loss[0])
    return float(log_lr[low + int(back[0]) if back.size else -1] - 1.0)


RULES: dict[str, Rule] = {
    "lost / 10": tenth_of_lost,
    "minimum / 10": tenth_of_minimum,
    "steepest": steepest,
    "valley": valley,
}
"""By their names in tables; the first is the one that names the rate."""


def _longest_fall(loss: NDArray[np.float64]) -> tuple[int, int]:
    """First and last index of a longest strictly decreasing subsequence, found in n log n by patience sorting."""
    tops: list[
        float
    ] = []  # the highest loss at which a fall of each length can end, negated and so ascending
    ends: list[int] = []
    before: list[int] = []
    for i, value in enumerate((-loss).tolist()):
        place = int(np.searchsorted(tops, value)) if tops else 0
        before.append(ends[place - 1] if place else -1)
        if place == len(tops):
            tops.append(value)
            ends.append(i)
        else:
            tops[place], ends[place] = value, i
    last = first = ends[-1]
    while before[first] >= 0:
        first = before[first]
    return first, last
