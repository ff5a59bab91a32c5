"""The learning rates of a scan: evenly spaced in log lr, on round numbers that two scans share."""

from __future__ import annotations

import math

from lrscope.errors import UsageError


def log_grid(low: float = 1e-5, high: float = 10.0, per_decade: int = 5) -> tuple[float, ...]:
    """Rates from `low` to `high`, `per_decade` in each factor of ten.

    Both ends belong to the grid. The spacing is exactly ``1 / per_decade`` decades where that divides the range,
    and the nearest even spacing where it does not. Values are rounded to four significant digits, because
    they are typed into other programs.

    Parameters
    ----------
    low, high : float
        Ends of the range, ``0 < low < high``. Default 1e-5 to 10: wide enough for SGD and Adam alike.
    per_decade : int
        Rates a factor of ten, at least 1. Default 5: neighbours differ by a factor of 1.58, about the width in
        which results are within seed noise of each other on published scans.

    Raises
    ------
    UsageError
        If an end is not a positive finite number, the ends are out of order, or `per_decade` is below 1.
    """
    for name, value in (("low", low), ("high", high)):
        if not (isinstance(value, int | float) and math.isfinite(value) and value > 0):
            raise UsageError(f"{name} must be a positive learning rate, not {value!r}.")
    if low >= high:
        raise UsageError(f"low must be below high, but low is {low:g} and high is {high:g}.")
    if per_decade < 1:
        raise UsageError(f"per_decade must be at least 1, not {per_decade!r}.")
    intervals = max(1, round(math.log10(high / low) * per_decade))
    ratio = math.log10(high / low) / intervals
    inner = [float(f"{low * 10 ** (i * ratio):.4g}") for i in range(1, intervals)]
    return (float(low), *inner, float(high))
