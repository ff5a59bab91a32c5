"""The straight trend of a noisy series, with a standard error that allows for memory and for outliers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lrscope.errors import UsageError
from lrscope.statistics.autocorrelation import autocorrelation_time
from lrscope.statistics.student import student_quantile

_HUBER_TUNING = 1.345  # 95 % efficient on normal noise (Huber 1981, section 4.5)


@dataclass(frozen=True, slots=True)
class Trend:
    """A robust straight line through a series.

    Parameters
    ----------
    slope : float
        Change of the value per unit of `at`.
    error : float
        Standard error of the slope; NaN where fewer than five points leave it unknown.
    fall : float
        How far the line falls from its first point to its last, ``-slope * (at[-1] - at[0])``: positive while
        the value decreases.
    fall_error : float
        Standard error of `fall`.
    level : float
        Value of the line in the middle of the window (at the mean of `at`).
    noise : float
        Robust standard deviation of one point about the line.
    memory : float
        Integrated autocorrelation time of the residuals: so many points carry the information of one.
    freedom : float
        Degrees of freedom of the error, ``count / memory - 2``, at least 3.
    count : int
        Points used.
    """

    slope: float
    error: float
    fall: float
    fall_error: float
    level: float
    noise: float
    memory: float
    freedom: float
    count: int

    @property
    def t(self) -> float:
        """Slope over its error; infinite on a line without noise, 0 where there is no slope at all."""
        if math.isnan(self.error):
            return math.nan
        if self.error == 0:
            return math.copysign(math.inf, self.slope) if self.slope else 0.0
        return self.slope / self.error

    def fall_within(self, level: float) -> tuple[float, float]:
        """Two-sided interval of `fall` with nominal coverage `level`."""
        z = student_quantile((1 + level) / 2, self.freedom)
        return self.fall - z * self.fall_error, self.fall + z * self.fall_error


def trend(values: ArrayLike, at: ArrayLike | None = None) -> Trend:
    r"""Huber's straight line through a series, with an autocorrelation-corrected standard error.

    Least squares are reweighted until residuals e beyond 1.345 robust standard deviations s count no more
    than that: psi = clip(e / s). The slope's error is ``s * sd(psi) / mean(psi') * sqrt(tau / S)`` with ``S =
    sum (at - mean)^2`` and tau the integrated autocorrelation time of psi (Geyer's rule, at least 1). On
    short windows tau is taken no smaller than the first-order ``(1 + r) / (1 - r)`` with r the lag-1
    correlation raised by ``1 / n``, which loses less to the bias of many estimated lags. Errors are to be
    read with Student's t and `freedom` degrees of freedom.

    Assumes noise that is stationary over the window, and a trend that is about straight. Curvature is counted
    as noise, which widens the error.

    Parameters
    ----------
    values : array, shape (n,)
        Finite values in order, n >= 3, in any unit.
    at : array, shape (n,), or None
        Where they were seen, strictly increasing; None means 0, 1, 2, …

    Raises
    ------
    UsageError
        If shapes differ, fewer than three points are given, or one is not finite.

    Examples
    --------
    >>> trend([5.0, 4.0, 3.0, 2.0, 1.0]).slope
    -1.0
    """
    y = np.asarray(values, dtype=np.float64)
    n = int(y.size)
    x = np.arange(n, dtype=np.float64) if at is None else np.asarray(at, dtype=np.float64)
    if y.ndim != 1 or x.shape != y.shape or n < 3:
        raise UsageError(f"A trend needs three points and as many places, but values have shape {y.shape}.")
    if not (np.isfinite(y).all() and np.isfinite(x).all()):
        raise UsageError("A trend needs finite values; leave out NaN and inf first.")
    span = float(x[-1] - x[0])
    x = (x - x.mean()) / span  # so that slope and fall have the unit of the values
    offset = float(np.median(y))
    y = y - offset
    scale = float(np.abs(y).max())
    if scale == 0.0:
        return Trend(0.0, 0.0, 0.0, 0.0, offset, 0.0, 1.0, max(n - 2.0, 1.0), n)
    y = y / scale
    slope, centre, residual, noise = _line(x, y)
    if noise <= 1e-12:  # nothing but rounding is left
        return Trend(
            slope * scale / span, 0.0, -slope * scale, 0.0, offset + centre * scale, 0.0, 1.0, n - 2.0, n
        )
    psi = np.clip(residual / noise, -_HUBER_TUNING, _HUBER_TUNING)
    inside = float(np.mean(np.abs(residual) < _HUBER_TUNING * noise))
    memory = autocorrelation_time(psi)
    if n >= 5:
        centred = psi - psi.mean()
        power = float(centred @ centred)
        r = (float(centred[1:] @ centred[:-1]) / power if power else 0.0) + 1 / n
        r = min(r, 0.95)
        memory = min(max(memory, (1 + r) / (1 - r)), n / 2)
    spread = noise * math.sqrt(float(psi @ psi) / (n - 2)) / max(inside, 0.1)
    error = spread * math.sqrt(memory / float(x @ x)) if n >= 5 else math.nan
    return Trend(
        slope=slope * scale / span,
        error=error * scale / span,
        fall=-slope * scale,
        fall_error=error * scale,
        level=offset + centre * scale,
        noise=noise * scale,
        memory=memory,
        freedom=max(n / memory - 2, 3.0),  # below that, memory is mostly a bend of the curve
        count=n,
    )


def _line(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float, NDArray[np.float64], float]:
    """Slope, value at x = 0, residuals and their robust scale, by reweighting."""
    weight = np.ones_like(x)
    slope = centre = 0.0
    residual = y
    noise = 0.0
    for _ in range(12):
        total = float(weight.sum())
        middle = float(weight @ x) / total
        mean = float(weight @ y) / total
        dx = x - middle
        new = float((weight * dx) @ (y - mean)) / float((weight * dx) @ dx)
        centre = mean - new * middle
        settled = abs(new - slope) <= 1e-9 * max(abs(new), 1e-12)
        slope = new
        residual = y - centre - slope * x
        size = np.abs(residual)
        # A tight half with a few loud points has a median near zero; the mean then keeps the scale honest.
        noise = max(1.4826 * float(np.median(size)), 0.2 * float(size.mean()))
        if noise <= 1e-12 or settled:
            break
        weight = np.minimum(1.0, _HUBER_TUNING * noise / np.maximum(size, 1e-300))
    return slope, centre, residual, noise
