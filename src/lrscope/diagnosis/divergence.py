"""Has training broken off, or does its loss stand above what it had reached?"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lrscope.diagnosis.base import Advice, Regime, Verdict
from lrscope.diagnosis.series import Series
from lrscope.statistics.autocorrelation import block_means
from lrscope.statistics.estimate import two_digits
from lrscope.statistics.trend import Trend

LOST_SHARE = 0.3  # of what training had improved by: a rise above the best of less is no divergence
_NOISE_ERRORS = 6.0  # and it has to be so many times the noise of the recent level


def read_broken(series: Series) -> Verdict | None:
    """The last values are not finite, and such values are nothing usual in this log."""
    n, count = int(series.value.size), series.broken_tail
    if count < 1 or (count == 1 and series.broken - 1 > 0.05 * n):
        return None
    return Verdict(
        Regime.DIVERGING,
        Advice.LOWER,
        f"The last {f'{count} values are' if count > 1 else 'value is'} not finite: training has broken off. Go "
        "back to a checkpoint from before, at a lower rate.",
        0.99,
        {"not_finite_at_end": float(count), "points": float(n)},
    )


def read_divergence(series: Series, latest: Trend, evidence: dict[str, float]) -> Verdict | None:
    """It stands above its own best level by more than noise allows and by 30 % of what had been improved, and
    does not come down. `latest` is its line over the latest stretch.
    """
    y, n = series.value, int(series.value.size)
    m = max(4, n // 25)
    if n < 2 * m:
        return None
    groups = block_means(y, n // m)
    recent = float(np.median(y[-m:]))
    typical = [float(np.median(g)) for g in np.array_split(y, n // m)] if n // m <= 200 else list(groups)
    best = min(typical)
    rise, drop = recent - best, max(series.start - best, 0.0)
    quiet = 1.25 * jump_noise(y) * math.sqrt(min(latest.memory, m) / m)
    evidence["rise_above_best"] = rise
    limit = max(_NOISE_ERRORS * quiet, LOST_SHARE * drop)
    # A metric that only ever rose has no drop to compare with: then it must rise from block to block, too.
    tenths = [float(np.median(part)) for part in np.array_split(y[n // 3 :], min(10, n // 4))]
    grows = sum(b > a for a, b in pairwise(tenths)) >= 0.85 * (len(tenths) - 1) and recent > series.start
    if rise <= limit or (drop <= _NOISE_ERRORS * quiet and not grows):
        return None
    low, _ = latest.fall_within(0.9) if not math.isnan(latest.fall_error) else (0.0, 0.0)
    if low > 0.2 * rise:
        return None  # a spike that is coming down again
    best_level, level = best * series.sign, recent * series.sign
    return Verdict(
        Regime.DIVERGING,
        Advice.LOWER,
        f"It stands at {level:.4g}, {two_digits(rise)} worse than its own best level ({best_level:.4g}), and does not "
        "recover. Lower the rate, from an earlier checkpoint.",
        min(0.99, 0.8 + 0.19 * (1 - limit / rise if math.isfinite(rise) else 1.0)),
        evidence,
    )


def jump_noise(y: NDArray[np.float64]) -> float:
    """Noise of one point, from differences between neighbours, so that a trend is none."""
    jumps = np.abs(np.diff(y))
    return max(
        1.4826 * float(np.median(jumps)), 0.2 * float(np.mean(np.minimum(jumps, np.quantile(jumps, 0.99))))
    ) / math.sqrt(2)
