"""Ways to draw a curve: whether it needs a smoothed line, that line, and copies of fewer points.

What was observed stays as it was (`curves` keeps it raw); everything here makes something new from it.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Steps = NDArray[np.int64]

SMOOTHING_WINDOWS = 30
"""A smoothed line is a mean over a thirtieth of the curve."""

SMOOTHING_NOTE = f"thin: as observed; thick: mean over 1/{SMOOTHING_WINDOWS} of the curve"

_NOISE_SHARE = 0.015  # scatter above this share of the curve's range is worth smoothing: it shows as a band
_FEWEST_NOISY_POINTS = 60


def noisy(loss: Floats) -> bool:
    """Whether point-to-point scatter hides the curve.

    The scatter is a robust standard deviation of second differences (1.48 times their median size, over the
    root of 6), which a steady fall leaves alone; it counts from 1.5 % of the curve's 5 to 95 % range.
    """
    finite = loss[np.isfinite(loss)]
    if finite.size < _FEWEST_NOISY_POINTS:
        return False
    low, high = np.quantile(finite, [0.05, 0.95])
    scatter = 1.4826 * float(np.median(np.abs(np.diff(finite, 2)))) / np.sqrt(6)
    return bool(high > low and scatter > _NOISE_SHARE * (high - low))


def smooth(step: Steps, loss: Floats) -> tuple[Steps, Floats, int]:
    """A centred mean over a thirtieth of the curve (at least 5 points), and the number of points averaged.

    The window shrinks towards both ends so that it stays centred, and no end is pulled towards the middle:
    to three points at the start, where curves are steep, and to a quarter at the end, where they are flat
    and a last batch should not bend the line. Non-finite values are left out.
    """
    keep = np.isfinite(loss)
    x, y = step[keep], loss[keep]
    half = max(5, y.size // SMOOTHING_WINDOWS) // 2
    total = np.concatenate(([0.0], np.cumsum(y)))
    at = np.arange(y.size)
    reach = np.minimum(half, np.minimum(at, y.size - 1 - at))
    behind = np.where(at < y.size // 2, 1, max(1, half // 4))
    low = np.maximum(0, at - np.maximum(reach, behind))
    high = np.minimum(y.size, at + np.maximum(reach, 1) + 1)
    return x, (total[high] - total[low]) / np.maximum(1, high - low), 2 * half + 1


def thin(step: Steps, loss: Floats, limit: int) -> tuple[Steps, Floats]:
    """At most `limit` points (4 or more) that keep the first, the last, and the extremes of each stretch.

    The curve is cut into equal stretches by index; of each, the lowest and the highest value stay, in
    order, and a non-finite value in place of the highest. So a spike never vanishes.
    """
    n = loss.size
    if n <= limit:
        return step, loss
    edges = np.linspace(1, n - 1, (limit - 2) // 2 + 1).astype(int)
    kept = {0, n - 1}
    for a, b in pairwise(edges.tolist()):
        if b > a:
            part = loss[a:b]
            bad = np.flatnonzero(~np.isfinite(part))
            top = int(bad[0]) if bad.size else int(np.argmax(part))
            low = int(np.argmin(np.where(np.isfinite(part), part, np.inf)))
            kept |= {a + top, a + low}
    index = np.array(sorted(kept))
    return step[index], loss[index]


def spread(n: int, limit: int) -> NDArray[np.int64]:
    """At most `limit` of the indices 0 to n - 1, for lines that are smooth already: half of them evenly
    spaced and half in the ratio, so that they serve a linear and a log axis of steps alike."""
    if n <= limit:
        return np.arange(n)
    even = np.linspace(0, n - 1, limit // 2)
    ratio = np.geomspace(1, n, limit // 2) - 1
    return np.unique(np.concatenate((even, ratio)).round().astype(np.int64))
