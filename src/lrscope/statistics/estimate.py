"""A number together with its uncertainty and the method that gave both."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with an interval.

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
