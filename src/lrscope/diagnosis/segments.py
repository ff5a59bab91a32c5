"""A curve cut into stretches of about one pace, each with its state."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from lrscope.diagnosis.base import Regime, Segment
from lrscope.diagnosis.divergence import LOST_SHARE
from lrscope.diagnosis.series import FEWEST_POINTS, Series
from lrscope.statistics.autocorrelation import block_means
from lrscope.statistics.changepoint import change_points
from lrscope.statistics.trend import trend

LEVEL_SHARE = 0.05  # of the whole improvement: a stretch that can have fallen by no more is level
_MOST_BLOCKS = 2000


def segments(series: Series, latest: Regime, since: int) -> tuple[Segment, ...]:
    """The curve in stretches of about one pace.

    The last has the state that the loss has by its verdict, `latest`, and where that is a plateau, so have all that
    begin at step `since` or later: the verdict was read from them.
    """
    n = int(series.value.size)
    if n < 3:
        return ()
    cuts = change_points(series.value) if n >= 2 * FEWEST_POINTS else []
    improvement = series.start - float(np.min(block_means(series.value, 50)))
    out = []
    for start, stop in pairwise([0, *cuts, n]):
        if stop - start < 3:
            continue
        at = series.step[start:stop].astype(np.float64)
        line = trend(block_means(series.value[start:stop], _MOST_BLOCKS), block_means(at, _MOST_BLOCKS))
        low, high = line.fall_within(0.9) if not math.isnan(line.fall_error) else (-math.inf, math.inf)
        if stop == n or (latest is Regime.PLATEAU and at[0] >= since):
            regime = latest
        elif low > 0:
            regime = Regime.DESCENDING
        elif high < LEVEL_SHARE * improvement and low > -0.1 * improvement:
            regime = Regime.PLATEAU
        elif high < 0 and -line.fall > LOST_SHARE * improvement:
            regime = Regime.DIVERGING
        else:
            regime = Regime.UNDECIDED
        out.append(
            Segment(int(at[0]), int(at[-1]), regime, line.level * series.sign, line.slope * series.sign)
        )
    return tuple(out)
