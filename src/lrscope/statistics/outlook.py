"""What will a falling series bring next? By a mean over the shapes that its latest stretch allows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lrscope.errors import UsageError
from lrscope.statistics.autocorrelation import block_means
from lrscope.statistics.student import normal_quantile
from lrscope.statistics.trend import Trend, trend

DESCENT_RATIO = 0.1  # a next doubling that brings less than this share of the last one is no descent any more
FEWEST_OUTLOOK_POINTS = 6
_POWERS = (1.0, 0.5, 0.0, -0.25, -0.5, -1.0, -2.0)  # of t: straight in t, in log t (0), and power laws
_DECAYS = (1.0, 2.0, 3.0, 4.5, 6.5, 9.0, 14.0)  # of exp(-k t / T), T the length of the series
_OUTLIER_ERRORS = 3.0  # residuals count no further than so many standard deviations
_MOST_OUTLOOK_BLOCKS = 256
_NORMAL = np.array([normal_quantile((i + 0.5) / 60) for i in range(60)])

Shape = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is still to come.

    Parameters
    ----------
    gain, low, high : float
        Fall over the stretch ahead, in the unit of the series: the middle of what is likely, and the ends of its
        80 % interval.
    ratio : float
        What the next doubling brings as a share of what the last one brought, from 0 to 2.
    goes_on : float
        Probability that `ratio` is at least a tenth, if the series falls at all.
    """

    gain: float
    low: float
    high: float
    ratio: float
    goes_on: float


def outlook(values: ArrayLike, at: ArrayLike, ahead: float = 1.0) -> Outlook:
    r"""Extrapolate the second half of a series by ``ahead`` times its length.

    Through the points with t > T / 2 go lines in phi(t), for phi a power of t (its logarithm among them) and
    an exponential decay, 14 shapes in all. A shape's weight is ``RSS^(-m / 2)``, m the points over their memory;
    each gives ``slope * (phi(T + ahead T) - phi(T))`` with its standard error, and the answer is their mixture.
    Noise that hides the shape so widens the interval by what the shapes differ in.

    Assumes that the course goes on in its shape: a shelf before another descent, or the end of a schedule,
    cannot be seen from the past.

    Parameters
    ----------
    values : array, shape (n,)
        Finite values in order, n >= 6, smaller being better.
    at : array, shape (n,)
        Positive, increasing positions; `positions` in `pace` counts steps from the beginning of the log.
    ahead : float, default 1.0
        How far to look, in lengths of the series; 1 is a doubling.

    Raises
    ------
    UsageError
        If there are fewer than six points, or `ahead` is not positive.
    """
    y, t = np.asarray(values, dtype=np.float64), np.asarray(at, dtype=np.float64)
    if y.size < FEWEST_OUTLOOK_POINTS or not ahead > 0:
        raise UsageError(
            f"An outlook needs six points and a positive stretch ahead, not {y.size} and {ahead}."
        )
    begin = min(int(np.searchsorted(t, t[-1] / 2, side="right")), y.size - FEWEST_OUTLOOK_POINTS)
    y, t = block_means(y[begin:], _MOST_OUTLOOK_BLOCKS), block_means(t[begin:], _MOST_OUTLOOK_BLOCKS) / t[-1]
    lines, residuals = [], []
    for shape in _shapes():
        phi = shape(t)
        line = trend(y, phi)
        lines.append((line, shape(np.array([0.5, 1.0, 2.0, 1.0 + ahead]))))
        residuals.append(y - line.level - line.slope * (phi - phi.mean()))
    weights = _weights([line for line, _ in lines], np.array(residuals))
    gains = np.concatenate([_gains(line, marks) for line, marks in lines])
    order = np.argsort(gains)
    chance = np.cumsum(np.repeat(weights / _NORMAL.size, _NORMAL.size)[order])
    low, middle, high = (float(gains[order][np.searchsorted(chance, p)]) for p in (0.1, 0.5, 0.9))
    ratios = np.array([(marks[2] - marks[1]) / (marks[1] - marks[0]) for _, marks in lines])
    return Outlook(
        gain=middle,
        low=low,
        high=high,
        ratio=float(weights @ ratios),
        goes_on=float(weights @ (ratios >= DESCENT_RATIO)),
    )


def _shapes() -> Iterator[Shape]:
    for power in _POWERS:
        yield np.log if power == 0 else lambda t, p=power: (t**p - 1) / p  # type: ignore[misc]
    for rate in _DECAYS:
        yield lambda t, k=rate: -np.exp(k * (1 - t))  # type: ignore[misc]


def _weights(lines: list[Trend], residuals: NDArray[np.float64]) -> NDArray[np.float64]:
    noise = min(line.noise for line in lines)
    if noise > 0:
        residuals = np.clip(residuals, -_OUTLIER_ERRORS * noise, _OUTLIER_ERRORS * noise)
    largest = float(np.abs(residuals).max())
    rss = np.square(residuals / largest if largest > 0 else residuals).sum(axis=1)  # 1e200 squared overflows
    best = int(rss.argmin())
    if rss[best] == 0:
        return np.asarray((rss == 0) / np.count_nonzero(rss == 0), dtype=np.float64)
    points = max(residuals.shape[1] / lines[best].memory - 2, 1.0)
    weights = np.exp(-0.5 * points * np.log(rss / rss[best]))
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def _gains(line: Trend, marks: NDArray[np.float64]) -> NDArray[np.float64]:
    error = 0.0 if math.isnan(line.error) else line.error
    return np.asarray((-line.slope + error * _NORMAL) * (marks[3] - marks[1]), dtype=np.float64)
