"""A number together with its uncertainty and the method that gave both."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with an interval.

    It stands in for its value wherever a float is asked for: ``float(estimate)``, ``math.log(estimate)``,
    ``f"{estimate:.2g}"``. Printed without a format it shows the interval too.

    Parameters
    ----------
    value : float
        The point estimate.
    low, high : float
        Ends of the interval, ``low <= value <= high``; NaN where no interval could be had.
    level : float
        Nominal coverage of the interval, in (0, 1).
    method : str
        How value and interval were obtained, in words that a reader of the result can look up.
    """

    value: float
    low: float
    high: float
    level: float
    method: str

    def __float__(self) -> float:
        return float(self.value)

    def __str__(self) -> str:
        text = two_digits(self.value)
        if math.isnan(self.low) or math.isnan(self.high):
            return text
        return f"{text} ({100 * self.level:.0f} %: {two_digits(self.low)} to {two_digits(self.high)})"

    def __format__(self, spec: str) -> str:
        """With a format the value alone, as a float; without one, as `str` shows it."""
        return format(float(self), spec) if spec else str(self)


def two_digits(value: float) -> str:
    """A number to two significant digits, as people write it: 0.04, 25, 3.2e-4."""
    if not math.isfinite(value) or value == 0:
        return f"{float(value):g}"
    rounded = float(f"{value:.1e}")
    if 1e-3 <= abs(rounded) < 1e4:
        return f"{rounded:.6g}"
    mantissa, _, exponent = f"{rounded:.1e}".partition("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"
