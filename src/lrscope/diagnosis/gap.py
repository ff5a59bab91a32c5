"""The gap: the loss at the weights minus the loss at their running average, on one batch, before the step.

It asks the decision itself: would having averaged (that is, decayed) over the last third of the run beat the
present weights? Sampling noise cancels, for both losses see the same batch. On 720 forked trainings it told
best of all statistics whether lowering helps (AUC 0.95) and whether raising does (0.98); see
`benchmarks/diagnosis`.
"""

from __future__ import annotations

import math

import numpy as np

from lrscope.curves.curve import LossCurve
from lrscope.diagnosis.base import Advice, Regime, Verdict
from lrscope.statistics.level import level

CLEAR = 2.5  # not fitted (control notes, section 1)
FEWEST = 8


def read_gap(gap: LossCurve, span: tuple[int, int], loss: Verdict) -> Verdict | None:
    """A verdict from the gaps within `span`, given what came before. None where fewer than eight are finite.

    With t the mean gap over its autocorrelation-corrected standard error: above 2.5 the weights bounce about
    a better place, lower; below -2.5 the average lags behind a descent: keep, and raise if both halves of the
    span say so. It cannot tell a noise floor from a zig-zag, which want the same.
    """
    inside = gap.loss[(gap.step >= span[0]) & (gap.step <= span[1])]
    inside = inside[np.isfinite(inside)]
    if inside.size < FEWEST:
        return None
    mean = level(inside)
    t = (
        mean.value / mean.error
        if mean.error > 0
        else (math.copysign(math.inf, mean.value) if mean.value else 0.0)
    )
    evidence = {**loss.evidence, "gap": mean.value, "gap_t": t, "gap_points": float(inside.size)}
    sure = min(0.99, 0.5 + 0.15 * min(abs(t), 3.3))
    if loss.regime is Regime.DIVERGING:
        return Verdict(loss.regime, loss.advice, loss.reason, loss.confidence, evidence, loss.warnings)
    if t > CLEAR:
        regime = loss.regime if loss.regime in (Regime.ZIGZAG, Regime.DESCENDING) else Regime.PLATEAU
        return Verdict(
            regime,
            Advice.LOWER,
            f"The averaged weights are better than the present ones (gap {mean.value:+.3g}, t {t:+.1f}): "
            f"noise limits the loss at this rate; "
            "lower it.",
            sure,
            evidence,
            loss.warnings,
        )
    if t < -CLEAR:
        half = inside.size // 2
        parts = [level(inside[:half]), level(inside[half:])]
        repeated = all(p.value < 0 and (p.error == 0 or p.value / p.error < -CLEAR) for p in parts)
        return Verdict(
            Regime.TOO_SLOW if repeated else Regime.DESCENDING,
            Advice.RAISE if repeated else Advice.KEEP,
            f"The average lags behind the present weights (gap {mean.value:+.3g}, t {t:+.1f}): training "
            f"still goes somewhere"
            + ("; a higher rate would be faster." if repeated else "; keep the rate."),
            sure,
            evidence,
            loss.warnings,
        )
    reason = (
        f"The present weights and their average are about as good (gap {mean.value:+.3g}, t {t:+.1f}): "
        f"neither a lower nor a higher "
        "rate is called for."
    )
    return Verdict(loss.regime, Advice.KEEP, reason, min(loss.confidence, 0.8), evidence, loss.warnings)
