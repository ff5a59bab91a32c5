"""Where a noisy curve changes its course: the fewest straight pieces that explain it.

Optimal partitioning (Jackson et al., IEEE Signal Processing Letters 12, 2005) with the pruning of Killick,
Fearnhead and Eckley (JASA 107, 2012), on at most a few hundred block means, so that a million points cost as
much as a thousand.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lrscope.errors import UsageError
from lrscope.statistics.autocorrelation import block_means
from lrscope.statistics.student import normal_quantile


def change_points(
    values: ArrayLike, *, false_splits: float = 0.05, shortest: int = 8, blocks: int = 200
) -> list[int]:
    r"""Indices at which a new straight piece begins; empty where one line is enough.

    Minimises ``sum over pieces of RSS / s^2 + penalty * pieces`` over straight lines of their own level and
    slope. s is the long-run noise of a block, from lines through short stretches, memory from block to block
    counted in. A split of a straight line in normal noise lowers RSS / s^2 by a chi-square with 3 degrees of
    freedom (two of the line, one of the place), at each of about ``2 log2 n`` places that are effectively
    independent; the penalty is the Bonferroni quantile of that, by Wilson and Hilferty's formula. So the
    chance of any split of a curve that has none is about `false_splits` for any length; memory of more than
    some ten blocks is taken for movement.

    A smoothly bending curve is cut into as many straight pieces as its noise lets one see; that is intended.

    Parameters
    ----------
    values : array, shape (n,)
        Finite values in order, in any unit.
    false_splits : float, default 0.05
        Chance of at least one split where the truth is one straight line.
    shortest : int, default 8
        Fewest blocks in a piece, at least 3.
    blocks : int, default 200
        Values are averaged to at most so many blocks before the search.

    Returns
    -------
    list of int
        Increasing indices into `values`, without 0 and n.

    Raises
    ------
    UsageError
        If values are not one-dimensional and finite, or `false_splits` is not in (0, 1).
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or not np.isfinite(x).all():
        raise UsageError("values must be one-dimensional and finite.")
    if not 0 < false_splits < 1:
        raise UsageError(f"false_splits must lie between 0 and 1, but is {false_splits}.")
    shortest = max(int(shortest), 3)
    y = block_means(x, blocks)
    m = int(y.size)
    if m < 2 * shortest:
        return []
    y = y - y[0]
    top = float(np.abs(y).max())
    if top == 0.0:
        return []
    y = _tamed(y / top)
    noise = _noise(y)
    tests = 2 * math.log2(m)
    penalty = _chi_square_3(1 - false_splits / tests)
    cuts = _partition(y, noise, penalty, shortest)
    edges = np.linspace(0, x.size, m + 1).astype(int)
    return [int(edges[c]) for c in cuts]


def _noise(y: NDArray[np.float64]) -> float:
    """Long-run standard deviation of a block about the course, from lines through short neighbouring
    stretches.

    A kink spoils a stretch or two and a slow bend none, so the 70th percentile over stretches sees noise only;
    the median would fall short of the mean variance where tails are heavy or memory is long, for there a few
    stretches hold most of the noise. Within a
    stretch, memory is read from the lag-1 correlation, raised by 4 / n for the line that was taken out.
    """
    m = int(y.size)
    length = min(max(m // 6, 16), 32, m)
    starts = np.arange(0, m - length + 1, max(length // 2, 1))
    variances, lags = [], []
    for start in starts:
        residual = _residuals(y[start : start + length], [])
        power = float(residual @ residual)
        variances.append(power / (length - 2))
        lags.append(float(residual[1:] @ residual[:-1]) / power if power else 0.0)
    r = min(max(float(np.median(lags)) + 4 / length, 0.0), 0.8)
    variance = float(np.quantile(variances, 0.7)) * (1 + r) / (1 - r) * (1 + 2.0 / length)
    return max(math.sqrt(variance), 1e-9)


def _chi_square_3(level: float) -> float:
    z = normal_quantile(level)
    k = 3.0
    return k * (1 - 2 / (9 * k) + z * math.sqrt(2 / (9 * k))) ** 3


def _tamed(y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spikes pulled to within three standard deviations of the median of the five blocks about them."""
    second = np.diff(y, 2) / math.sqrt(6)  # a straight trend cancels
    noise = max(1.4826 * float(np.median(np.abs(second))), 1e-9)
    padded = np.pad(y, 2, mode="edge")
    middle = np.median(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=1)
    tamed: NDArray[np.float64] = np.clip(y, middle - 3 * noise, middle + 3 * noise)
    return tamed


class _Lines:
    """Residual sums of squares of straight lines through any piece, from running sums."""

    def __init__(self, y: NDArray[np.float64]) -> None:
        t = np.arange(y.size, dtype=np.float64)
        self.sums = [np.concatenate([[0.0], np.cumsum(v)]) for v in (y, y * y, t * y)]

    def rss(self, start: NDArray[np.int64], stop: int) -> NDArray[np.float64]:
        sy, syy, sty = (s[stop] - s[start] for s in self.sums)
        n = (stop - start).astype(np.float64)
        middle = (start + stop - 1) / 2
        stt = n * (n * n - 1) / 12
        cross = sty - middle * sy
        rss: NDArray[np.float64] = syy - sy * sy / n - cross * cross / np.maximum(stt, 1e-300)
        return np.maximum(rss, 0.0)


def _partition(y: NDArray[np.float64], noise: float, penalty: float, shortest: int) -> list[int]:
    m = int(y.size)
    lines = _Lines(y)
    best = np.full(m + 1, math.inf)
    best[0] = -penalty
    last = np.zeros(m + 1, dtype=np.int64)
    alive = np.array([0], dtype=np.int64)
    for stop in range(shortest, m + 1):
        fresh = stop - shortest
        if fresh and math.isfinite(best[fresh]):
            alive = np.append(alive, fresh)
        cost = best[alive] + lines.rss(alive, stop) / noise**2
        i = int(np.argmin(cost))
        best[stop], last[stop] = float(cost[i]) + penalty, alive[i]
        alive = alive[cost <= best[stop]]
    cuts: list[int] = []
    stop = int(last[m])
    while stop > 0:
        cuts.append(stop)
        stop = int(last[stop])
    return cuts[::-1]


def _residuals(y: NDArray[np.float64], cuts: list[int]) -> NDArray[np.float64]:
    out = np.empty_like(y)
    for start, stop in zip([0, *cuts], [*cuts, y.size], strict=True):
        t = np.arange(stop - start) - (stop - start - 1) / 2
        piece = y[start:stop] - y[start:stop].mean()
        out[start:stop] = piece - t * float(t @ piece) / float(t @ t)
    return out
