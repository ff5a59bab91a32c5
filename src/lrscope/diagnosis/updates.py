"""What the updates tell that the loss does not: too slow, noise floor, or zig-zag.

The cosine between a gradient and the update before it (u = old weights minus new, what the step took away):
positive, the last step could have been longer; negative, it overshot. Rows in which any column is not finite
are left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lrscope.curves.curve import LossCurve
from lrscope.diagnosis.base import Advice, Regime, Verdict
from lrscope.diagnosis.look_back import widened
from lrscope.statistics.level import level

CLEAR_T_VALUE = 3.0  # t-values beyond this are acted upon; not fitted (control notes, section 1)
_FEWEST = 16


def cosines(curves: Mapping[str, LossCurve]) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
    """Steps and cosines, from a column `cos`, or from `grad_dot_update`, `grad_norm` and `update_norm`.

    ``cos_t = <g_t, u_(t-1)> / (|g_t| |u_(t-1)|)``: the update's norm is that of the step before. None where
    the columns do not suffice.
    """
    found = _column(curves, "cos")
    if found is not None:
        good = np.isfinite(found.loss)
        return found.step[good], np.clip(found.loss[good], -1, 1)
    dot, grad, update = (_column(curves, name) for name in ("grad_dot_update", "grad_norm", "update_norm"))
    if dot is None or grad is None or update is None:
        return None
    steps, here, there = np.intersect1d(dot.step, grad.step, return_indices=True)
    before = np.searchsorted(update.step, steps) - 1
    kept = before >= 0
    steps, here, there, before = steps[kept], here[kept], there[kept], before[kept]
    with np.errstate(all="ignore"):
        cos = dot.loss[here] / (grad.loss[there] * update.loss[before])
    good = np.isfinite(cos)
    return steps[good], np.clip(cos[good], -1, 1)


def is_plain_sgd(curves: Mapping[str, LossCurve], lr: LossCurve | None) -> bool | None:
    """Whether ``|u_t| = lr |g_t|`` at every step, as only plain gradient descent has it; None where it cannot
    be seen.
    """
    grad, update = _column(curves, "grad_norm"), _column(curves, "update_norm")
    if grad is None or update is None:
        return None
    steps, a, b = np.intersect1d(grad.step, update.step, return_indices=True)
    with np.errstate(all="ignore"):
        ratio = update.loss[b] / grad.loss[a]
        if lr is not None and len(lr):
            at = np.clip(np.searchsorted(lr.step, steps, side="right") - 1, 0, len(lr) - 1)
            ratio = ratio / lr.loss[at]
    ratio = ratio[np.isfinite(ratio) & (ratio > 0)]
    if ratio.size < _FEWEST:
        return None
    middle = float(np.median(ratio))
    alike = float(np.mean(np.abs(ratio / middle - 1) < 0.01)) > 0.9
    return alike and (lr is None or abs(middle - 1) < 0.01)


def read_updates(
    curves: Mapping[str, LossCurve],
    span: tuple[int, int],
    loss: Verdict,
    plain_sgd: bool | None,
    lr: LossCurve | None = None,
) -> Verdict | None:
    r"""A verdict from cosines within `span`, given what the loss said. None where there are no cosines.

    With t the mean cosine over its autocorrelation-corrected error:

    - broken off stays so, and diverging too unless t > 3: while gradients agree with the steps before them,
      a rise of the loss is a run of hard batches;
    - t > 3: every step stops short of where it should. With a loss that is not level, too slow: raise;
    - t < -3 and a loss that is level: noise floor or zig-zag. At stationarity and with plain gradient
      descent,
      ``E<g_t, g_(t-1)> / E|g|^2 = -lr * curvature / 2`` (gradient-weighted), so ``a_eff = -2 * that ratio``:
      below 1 a noise floor, from 1 to 2 a zig-zag, at 2 the edge. With momentum or Adam only the sign carries
      over: then a mean below
      -0.5 is called zig-zag with less confidence, and the rest noise floor;
    - t < -3 and a loss that still falls: the edge of stability, keep. Never acted on alone.

    a_eff is an average over directions: a moderate value can hide one that zig-zags.
    """
    found = cosines(curves)
    if found is None:
        return None
    steps, cos = found
    span = widened(LossCurve(steps, cos), span, _FEWEST, lr)
    inside = cos[(steps >= span[0]) & (steps <= span[1])]
    if inside.size < _FEWEST:
        return None
    mean = level(inside)
    t = mean.value / mean.error if mean.error > 0 else math.copysign(math.inf, mean.value)
    seen = f"cosine {mean.value:+.2f}, {abs(t):.0f} standard errors"
    a_eff = _curvature_gauge(curves, span, mean.value)
    evidence = {
        **loss.evidence,
        "cos": mean.value,
        "cos_t": t,
        "cos_points": float(inside.size),
        "a_eff": a_eff,
    }
    if loss.regime is Regime.DIVERGING and (t <= CLEAR_T_VALUE or "not_finite_at_end" in loss.evidence):
        return Verdict(loss.regime, loss.advice, loss.reason, loss.confidence, evidence, loss.warnings)
    if loss.regime is Regime.DIVERGING:
        return Verdict(
            Regime.UNDECIDED,
            Advice.KEEP,
            f"The loss has risen, but each gradient points along the step before it ({seen}), so the "
            "steps do not overshoot: hard batches, most likely; keep the rate and look again.",
            0.6,
            evidence,
        )
    if t > CLEAR_T_VALUE and loss.regime is not Regime.PLATEAU:
        return Verdict(
            Regime.TOO_SLOW,
            Advice.RAISE,
            f"Each gradient still points along the step before it ({seen}): the steps stop short, a higher rate would "
            "be faster.",
            _sure(t),
            evidence,
        )
    if t > CLEAR_T_VALUE:
        return Verdict(
            Regime.TOO_SLOW,
            Advice.RAISE,
            f"The loss looks level, but gradients still agree with the steps before them ({seen}): a slow descent "
            "or a shelf, not a noise floor; a higher rate would be faster.",
            0.9 * _sure(t),
            evidence,
        )
    if loss.regime is Regime.DESCENDING:
        return Verdict(
            Regime.DESCENDING,
            Advice.KEEP,
            f"It still falls, and the steps are about as long as they should be ({seen}): keep the rate.",
            loss.confidence,
            evidence,
        )
    if t < -CLEAR_T_VALUE:
        return _overshooting(loss, mean.value, t, a_eff, plain_sgd, evidence)
    return Verdict(loss.regime, loss.advice, loss.reason, loss.confidence, evidence, loss.warnings)


def _overshooting(
    loss: Verdict, cos: float, t: float, a_eff: float, plain_sgd: bool | None, evidence: dict[str, float]
) -> Verdict:
    seen = f"cosine {cos:+.2f}, {abs(t):.0f} standard errors"
    if loss.regime is Regime.UNDECIDED and loss.evidence.get("fall_in_standard_errors", 0.0) > 2:
        return Verdict(loss.regime, loss.advice, loss.reason, loss.confidence, evidence, loss.warnings)
    if plain_sgd:
        words = f"rate times curvature is about {a_eff:.2g}"
        if a_eff > 1:
            return Verdict(
                Regime.ZIGZAG,
                Advice.LOWER,
                f"The steps cross the valley and come back ({seen}; {words}, above 1): lower the rate.",
                _sure(t),
                evidence,
            )
        return Verdict(
            Regime.PLATEAU,
            Advice.LOWER,
            f"A noise floor: the steps overshoot on average ({seen}), but do not cross the valley "
            f"({words}, below 1): a lower rate, or averaged weights, would reach deeper.",
            min(_sure(t), max(loss.confidence, 0.8)),
            evidence,
        )
    unsure = (
        "lr x curvature is gauged for plain gradient descent only; with momentum or Adam the sign of the "
        "cosine carries over.",
    )
    if cos < -0.5:
        return Verdict(
            Regime.ZIGZAG,
            Advice.LOWER,
            f"Most of each step is taken back by the next ({seen}): a zig-zag; lower the rate.",
            0.8 * _sure(t),
            evidence,
            unsure,
        )
    return Verdict(
        Regime.PLATEAU,
        Advice.LOWER,
        f"The steps overshoot on average ({seen}) and the loss does not fall: it is at its noise floor for "
        "this rate; lower it.",
        0.9 * min(_sure(t), max(loss.confidence, 0.8)),
        evidence,
        unsure,
    )


def _curvature_gauge(curves: Mapping[str, LossCurve], span: tuple[int, int], mean_cos: float) -> float:
    """-2 E<g_t, g_(t-1)> / E|g|^2, from the dot products where they are logged, else from the mean cosine."""
    dot, grad, update = (_column(curves, name) for name in ("grad_dot_update", "grad_norm", "update_norm"))
    if dot is None or grad is None or update is None:
        return -2 * mean_cos
    steps, d, g = np.intersect1d(dot.step, grad.step, return_indices=True)
    before = np.searchsorted(update.step, steps) - 1
    kept = (steps >= span[0]) & (steps <= span[1]) & (before >= 0)
    rate = np.full(steps.shape, np.nan)
    grad_before = np.searchsorted(grad.step, steps) - 1
    usable = kept & (grad_before >= 0)
    with np.errstate(all="ignore"):
        rate[usable] = update.loss[before[usable]] / grad.loss[grad_before[usable]]
        product, square = dot.loss[d] / rate, grad.loss[g] ** 2
        good = usable & np.isfinite(product) & np.isfinite(square)
        if good.sum() < _FEWEST:
            return -2 * mean_cos
        return float(-2 * product[good].mean() / square[good].mean())


def _sure(t: float) -> float:
    return min(0.99, 0.5 + 0.12 * min(abs(t), 4.0))


def _column(curves: Mapping[str, LossCurve], name: str) -> LossCurve | None:
    for key, curve in curves.items():
        if key == name or key.rsplit("/", 1)[-1] == name:
            return curve
    return None
