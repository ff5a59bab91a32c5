"""The level at which a noisy series stands, with a standard error that allows for memory from point to point.

Neighbouring losses of a training run are not independent: a momentum buffer, a run of hard batches or a slow
drift ties them together, and the plain ``sd / sqrt(n)`` is then too small by a factor of two or more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lrscope.errors import UsageError
from lrscope.statistics.autocorrelation import autocorrelation_time as autocorrelation_time


@dataclass(frozen=True, slots=True)
class Level:
    """A mean with its standard error.

    Parameters
    ----------
    value : float
        The mean; NaN of no points, and not finite where a point is not.
    error : float
        Standard error of the mean; NaN where fewer than two finite points leave it unknown.
    count : int
        Points averaged.
    memory : float
        Integrated autocorrelation time: so many points carry the information of one independent point.
    """

    value: float
    error: float
    count: int
    memory: float = 1.0


def level(values: ArrayLike) -> Level:
    r"""Mean of a series and its standard error, corrected for autocorrelation and a straight drift.

    With residuals e about the least-squares line, their standard deviation s (n - 2 degrees of freedom) and
    autocorrelations r_k, the error is ``s * sqrt(tau / n)`` with ``tau = 1 + 2 * sum(r_k)``. The sum is cut
    off by Geyer's rule (Statistical Science 7, 1992, eq. 3.3): it ends before the first pair r_2k + r_2k+1
    that is not positive. Each r_k is first raised by its small-sample bias, ``(1 + r_k) / n`` to first order.

    Assumes that what is left after the line is stationary over the window. Where memory is longer than about
    a fifth of the window, the error still comes out too small. `tau` is never taken below 1: a series that
    zig-zags has a smaller error than is given here.

    Parameters
    ----------
    values : array, shape (n,)
        The series in order, in any unit; the answer has the same unit.

    Returns
    -------
    Level

    Raises
    ------
    UsageError
        If `values` is not one-dimensional.

    Examples
    --------
    >>> level([2.0, 4.0, 2.0, 4.0]).value
    3.0
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1:
        raise UsageError(f"values must be one-dimensional, but have shape {x.shape}.")
    n = int(x.size)
    if n == 0:
        return Level(math.nan, math.nan, 0)
    if not np.isfinite(x).all():
        with np.errstate(invalid="ignore"):
            return Level(float(x.mean()), math.nan, n)
    scale = float(np.abs(x).max())
    if scale == 0.0:
        return Level(0.0, 0.0 if n > 1 else math.nan, n)
    unit = x / scale  # squares of losses near 1e200 would overflow
    mean = min(max(float(unit.mean()), float(unit.min())), float(unit.max())) * scale
    if n == 1:
        return Level(mean, math.nan, 1)
    residual, freedom = _about_line(unit)
    spread = math.sqrt(float(residual @ residual) / freedom)
    memory = autocorrelation_time(residual)
    return Level(mean, spread * scale * math.sqrt(memory / n), n, memory)


def _about_line(x: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    n = x.size
    centred = x - x.mean()
    if n < 5:  # a line through three or four points leaves too little to judge scatter by
        return centred, n - 1
    t = np.arange(n, dtype=np.float64) - (n - 1) / 2
    return centred - t * float(t @ centred) / float(t @ t), n - 2
