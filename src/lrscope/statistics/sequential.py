"""Statements that stay true however often one looks: a running mean with an interval valid at every moment, and a limit
that something never crosses, at a stated risk over all looks together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lrscope.errors import UsageError
from lrscope.statistics.autocorrelation import autocorrelation_time

BURN_IN = 20
"""Values before the first interval: the sequence is asymptotic, and a variance from fewer is a guess."""


@dataclass(frozen=True, eq=False)
class ConfidenceSequence:
    """Running means with their intervals.

    Parameters
    ----------
    mean, low, high : array, shape (n,)
        After each value; the interval is infinite before the twentieth.
    """

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def confidence_sequence(
    values: ArrayLike, error: float = 0.05, *, tightest: int = 50, memory: float | None = None
) -> ConfidenceSequence:
    r"""Intervals for the mean of a stream, all of which hold it at once with probability ``1 - error``.

    After t values with mean m and variance s^2 the interval is ``m ± s sqrt(tau) w``, with ``w^2 = 2 (t r^2 + 1) / (t^2
    r^2) log(sqrt(t r^2 + 1) / error)``: the asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and
    Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences", Annals of Statistics 52 (2024),
    Theorem 2.2. `tau` is the integrated autocorrelation time, and `r` is chosen so that the interval is tightest after
    `tightest` values (same paper, on the choice of rho). So one may look after every value, and stop when one likes.

    Assumes that values have one mean and a finite variance. The guarantee is asymptotic: of skewed or remembering
    streams up to twice `error` are missed, nearly all of them at their first intervals.

    Parameters
    ----------
    values : array, shape (n,)
        Finite values in order, in any unit.
    error : float, default 0.05
        Chance that any of the intervals, ever, misses.
    tightest : int, default 50
        Where the interval is tightest.
    memory : float, optional
        Integrated autocorrelation time, where it is known. Default: it is estimated from the values.

    Raises
    ------
    UsageError
        If the values are not one-dimensional and finite, or `error` or `tightest` is out of range.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or not np.isfinite(x).all():
        raise UsageError(f"values must be finite and one-dimensional, not of shape {x.shape}.")
    if not 0 < error < 1 or tightest < 1:
        raise UsageError(f"error must be in (0, 1) and tightest at least 1, not {error!r} and {tightest!r}.")
    t = np.arange(1, x.size + 1)
    if not x.size:
        return ConfidenceSequence(x, x, x)
    base = x[0]
    mean = np.cumsum(x - base) / t
    variance = np.maximum(np.cumsum((x - base) ** 2) / t - mean**2, 0.0) * t / np.maximum(t - 1, 1)
    tau = autocorrelation_time(x) if memory is None else memory
    r2 = (-2 * math.log(error) + math.log(-2 * math.log(error) + 1)) / tightest
    width = np.sqrt(2 * (t * r2 + 1) / (t * t * r2) * np.log(np.sqrt(t * r2 + 1) / error))
    half = np.sqrt(variance * tau) * width
    half[: BURN_IN - 1] = math.inf
    return ConfidenceSequence(mean + base, mean + base - half, mean + base + half)


def conformal_limit(scores: Sequence[float], error: float) -> float:
    r"""The limit that one more score stays within, with probability at least ``1 - error``.

    It is the k-th smallest of n scores, ``k = ceil((n + 1) (1 - error))``: Vovk, Gammerman and Shafer, "Algorithmic
    learning in a random world" (2005), section 2.2; Lei et al., JASA 113 (2018), eq. 7. Nothing is assumed of how
    scores are distributed, only that the new one is exchangeable with the others: it could have been any of them. A
    score that is the worst over all looks makes the statement hold at all looks together.

    Parameters
    ----------
    scores : sequence of float
        One for each case of the past.
    error : float
        Risk, in (0, 1).

    Returns
    -------
    float
        Infinite where n is below ``1 / error - 1``: so few cases cannot vouch for so small a risk.
    """
    if not 0 < error < 1:
        raise UsageError(f"error must be in (0, 1), not {error!r}.")
    place = math.ceil((len(scores) + 1) * (1 - error) - 1e-12)
    return math.inf if place > len(scores) else sorted(scores)[place - 1]
