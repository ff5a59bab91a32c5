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

CLEAR_GAP_T_VALUE = 2.5  # not fitted (control notes, section 1)
FEWEST_GAPS = 8


def read_gap(gap: LossCurve, span: tuple[int, int], before: Verdict) -> Verdict | None:
    """A verdict from the gaps within `span`, given what loss and updates said. None where fewer than eight
    are finite.

    With t the mean gap over its autocorrelation-corrected standard error:

    - above 2.5 the weights bounce about a better place: lower. It cannot tell a noise floor from a zig-zag,
      which want the same;
    - below -2.5 the average lags behind a descent. Raise if both halves of the span say so and, where they
      were recorded, the cosines say that steps stop short (t above 2.5): an average over a third of the run
      lags behind any descent that was quick at first, also one whose steps are as long as they should be.
      Else keep;
    - in between, keep.

    A rise of the loss stands only where the gap does not contradict it. Both losses of a gap are of one batch,
    so a run of hard batches, which is what most rises of a mini-batch loss are, does not move it.
    """
    inside = gap.loss[(gap.step >= span[0]) & (gap.step <= span[1])]
    inside = inside[np.isfinite(inside)]
    if inside.size < FEWEST_GAPS:
        return None
    mean = level(inside)
    t = (
        mean.value / mean.error
        if mean.error > 0
        else (math.copysign(math.inf, mean.value) if mean.value else 0.0)
    )
    seen = f"gap {mean.value:+.3g}, {abs(t):.1f} standard errors"
    evidence = {**before.evidence, "gap": mean.value, "gap_t": t, "gap_points": float(inside.size)}
    sure = min(0.99, 0.5 + 0.15 * min(abs(t), 3.3))
    broken = "not_finite_at_end" in before.evidence
    if before.regime is Regime.DIVERGING and (broken or t > CLEAR_GAP_T_VALUE):
        return Verdict(
            before.regime, before.advice, before.reason, before.confidence, evidence, before.warnings
        )
    if t > CLEAR_GAP_T_VALUE:
        regime = before.regime if before.regime in (Regime.ZIGZAG, Regime.DESCENDING) else Regime.PLATEAU
        return Verdict(
            regime,
            Advice.LOWER,
            f"The averaged weights are better than the present ones ({seen}): "
            "gradient noise limits the loss at this rate; lower it.",
            sure,
            evidence,
            before.warnings,
        )
    if t < -CLEAR_GAP_T_VALUE and before.regime is Regime.DIVERGING:
        return Verdict(
            Regime.UNDECIDED,
            Advice.KEEP,
            f"The loss has risen, but on the same batches the present weights beat their average ({seen}), "
            "which a divergence would not let them: hard batches, most likely; keep the rate and look again.",
            0.6,
            evidence,
            before.warnings,
        )
    if t < -CLEAR_GAP_T_VALUE:
        half = inside.size // 2
        parts = [level(inside[:half]), level(inside[half:])]
        stops_short = evidence.get("cos_t", math.inf) > CLEAR_GAP_T_VALUE
        repeated = stops_short and all(
            p.value < 0 and (p.error == 0 or p.value / p.error < -CLEAR_GAP_T_VALUE) for p in parts
        )
        return Verdict(
            Regime.TOO_SLOW if repeated else Regime.DESCENDING,
            Advice.RAISE if repeated else Advice.KEEP,
            f"The average lags behind the present weights ({seen}): training still goes somewhere"
            + ("; a higher rate would be faster." if repeated else "; keep the rate."),
            sure,
            evidence,
            before.warnings,
        )
    reason = (
        f"The present weights and their average are about as good ({seen}): neither a lower nor a higher "
        "rate is called for."
    )
    stands = Regime.UNDECIDED if before.regime is Regime.DIVERGING else before.regime
    return Verdict(stands, Advice.KEEP, reason, min(before.confidence, 0.8), evidence, before.warnings)
