"""Whether a series has, with confidence, levelled out: what is still to come is small against what was gained.

The latest stretch is judged by the equivalence test: first the latest 15 %, and longer stretches only while noise
leaves the question open. A longer look back has to agree at twice the pace, so that a short pause is no plateau.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lrscope.errors import UsageError
from lrscope.statistics.autocorrelation import block_means
from lrscope.statistics.equivalence import Equivalence, equivalence
from lrscope.statistics.trend import Trend, trend

FEWEST_VALUES = 6  # in a stretch: fewer give no standard error worth the name
WINDOW_SHARES = (0.15, 0.3, 0.5)  # of the series: the latest, and longer only as its noise demands
LONGER_SHARE = 0.4  # a second, longer look back must not have fallen at more than twice that pace
ERROR_RATE = 0.1  # chance of a false word, spent over all looks
PLAIN_T = 3.0  # a fall or rise of so many standard errors needs no longer stretch to be seen
RISE_SHARE = 0.3  # of what was gained: a series that loses as much again is not level
MOST_POINTS = 2000  # in a stretch: more are averaged in blocks first


@dataclass(frozen=True, slots=True)
class PlateauTest:
    """What the latest stretch of a series says.

    Parameters
    ----------
    window : Trend
        The straight trend of the stretch that was judged.
    begin : int
        Index at which that stretch begins.
    length : float
        Its length, in the unit of `at`.
    gained : float
        How far the series had come down from its start to the level of the stretch, in its own unit.
    latest, longer : Equivalence
        The test on that stretch, and on the longer look back.
    """

    window: Trend
    begin: int
    length: float
    gained: float
    latest: Equivalence
    longer: Equivalence

    @property
    def rises_back(self) -> bool:
        """Whether, going on like this, it loses more than 30 % of what was gained."""
        return self.latest.rising and -self.latest.high > RISE_SHARE * self.gained

    @property
    def level(self) -> bool:
        """Whether it has levelled out; says nothing where `gained` is within the noise."""
        return self.latest.level_out and self.longer.level_out and not self.rises_back


def plateau_test(
    values: ArrayLike,
    at: ArrayLike | None = None,
    *,
    start: float,
    rho: float,
    look: int = 1,
    cut: int | None = None,
) -> PlateauTest:
    """Judge the latest stretch of a series by what as long again at its pace would bring.

    Parameters
    ----------
    values : array, shape (n,)
        Finite, smaller being better, n at least 6.
    at : array, shape (n,), optional
        Where they were seen, strictly increasing; 0, 1, 2, … unless told.
    start : float
        Where the series began, from which the gain counts.
    rho : float
        What counts as nothing: the share of the gain that as long again may still bring.
    look : int, default 1
        Which look at the growing series this is; the error rate of 0.1 holds over all looks together.
    cut : int, optional
        Index of the last change point: the stretch begins no earlier, if enough of the series is left.

    Raises
    ------
    UsageError
        If there are fewer than six values, or `rho` or `look` is out of range.
    """
    y = np.asarray(values, dtype=np.float64)
    n = int(y.size)
    if n < FEWEST_VALUES:
        raise UsageError(f"A plateau test needs {FEWEST_VALUES} values or more; got {n}.")
    x = np.arange(n, dtype=np.float64) if at is None else np.asarray(at, dtype=np.float64)
    whole = float(x[-1] - x[0])
    for share in WINDOW_SHARES:
        begin = _begin(n, share, cut)
        window, length = _window(y, x, begin)
        gained = start - window.level
        latest = equivalence(
            window, max(gained, 0.0), rho=rho, error=ERROR_RATE, look=look, stretch=whole / length
        )
        if latest.level_out or window.t < -PLAIN_T:
            break
    back, length_back = _window(y, x, _begin(n, LONGER_SHARE, cut))
    longer = equivalence(back, max(gained, 0.0), rho=2 * rho, error=ERROR_RATE, stretch=whole / length_back)
    return PlateauTest(window, begin, length, gained, latest, longer)


def _begin(n: int, share: float, cut: int | None) -> int:
    begin = n - max(FEWEST_VALUES, math.ceil(share * n))
    if cut is not None and cut > begin and n - cut >= max(20, n // 10):
        begin = cut
    return begin


def _window(y: NDArray[np.float64], x: NDArray[np.float64], begin: int) -> tuple[Trend, float]:
    values, at = y[begin:], x[begin:]
    if values.size > MOST_POINTS:
        values, at = block_means(values, MOST_POINTS), block_means(at, MOST_POINTS)
    return trend(values, at), float(at[-1] - at[0])
