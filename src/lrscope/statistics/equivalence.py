"""Is what is still to be gained small against what was gained? Asked the right way round.

"The slope is not significant" fires at once on noise, and never on a long clean curve. Here the burden lies
on the other side: a series is called level only when its data *exclude* that it still falls by as much as
matters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from lrscope.errors import UsageError
from lrscope.statistics.student import student_cdf, student_quantile
from lrscope.statistics.trend import Trend


@dataclass(frozen=True, slots=True)
class Equivalence:
    """Whether a series has, with confidence, levelled out.

    Parameters
    ----------
    level_out : bool
        The upper bound of the coming fall lies below `rho` times what was gained.
    falling : bool
        The lower bound of the coming fall lies above zero.
    rising : bool
        The upper bound lies below zero.
    fall, low, high : float
        The fall to come over the horizon at the present pace, and its bounds, in the unit of the series.
    share : float
        `fall` as a share of what was gained; NaN where nothing was.
    certainty : float
        Confidence at which the fall to come can be said to be below ``rho * gained``: above one minus the
        error rate, the series is called level.
    needed : float
        Points in the window that would decide with power 0.9, noise and pace being what they are.
    """

    level_out: bool
    falling: bool
    rising: bool
    fall: float
    low: float
    high: float
    share: float
    certainty: float
    needed: float


def equivalence(
    window: Trend,
    gained: float,
    *,
    rho: float = 0.05,
    error: float = 0.05,
    look: int = 1,
    stretch: float = 1.0,
) -> Equivalence:
    r"""Test whether what is still to be gained is below `rho` of what was gained.

    Null: the fall over the horizon is at least ``rho * gained``; alternative: it is less. With the window's
    fall F and its standard error s, both times `stretch`, the series has levelled out if ``F + q s < rho *
    gained``, q the Student quantile at ``1 - error / (look (look + 1))``. Spent so, all looks together err
    with probability `error` at most, however many there are (sum of 1 / (k (k + 1)) is 1), if looks are
    counted from 1. Adding a constant to the series, or multiplying it by a positive number, changes nothing.

    Assumes that the coming pace is that of the window: a shelf before another descent passes, and should. No
    test on the past can exclude that; make what follows from it reversible.

    Parameters
    ----------
    window : Trend
        The latest stretch of the series, smaller being better.
    gained : float
        How far the series has come down since its start, in its unit.
    rho : float, default 0.05
        What counts as nothing, as a share of `gained`.
    error : float, default 0.05
        Chance of calling a series level that still falls by ``rho * gained``, over all looks.
    look : int, default 1
        Which look at the growing series this is, from 1.
    stretch : float, default 1.0
        Horizon over window length.

    Raises
    ------
    UsageError
        If `rho`, `error`, `look` or `stretch` is out of range.
    """
    if not (rho > 0 and 0 < error < 1 and look >= 1 and stretch > 0):
        raise UsageError(
            f"rho and stretch must be positive, error in (0, 1) and look at least 1, but are {rho}, "
            f"{stretch}, {error}, {look}."
        )
    fall, spread = window.fall * stretch, window.fall_error * stretch
    bound = rho * gained
    if math.isnan(spread):
        return Equivalence(False, False, False, fall, math.nan, math.nan, math.nan, math.nan, math.inf)
    quantile = student_quantile(1 - error / (look * (look + 1) if look > 1 else 1), window.freedom)
    low, high = fall - quantile * spread, fall + quantile * spread
    if spread > 0:
        certainty = student_cdf((bound - fall) / spread, window.freedom)
        # errors of a fall over a window of n points go with n^(-1/2) at a fixed horizon of whole windows
        apart = max(bound, abs(fall) - spread)  # what is clearly more than nothing is seen sooner
        ratio = (student_quantile(0.9, 30) + quantile) * spread / apart if bound > 0 else math.inf
        needed = window.count * ratio * ratio
    else:
        certainty, needed = (1.0 if fall < bound else 0.0), float(window.count)
    return Equivalence(
        level_out=gained > 0 and high < bound,
        falling=low > 0,
        rising=high < 0,
        fall=fall,
        low=low,
        high=high,
        share=fall / gained if gained > 0 else math.nan,
        certainty=certainty,
        needed=needed,
    )
