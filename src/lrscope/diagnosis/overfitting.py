"""Training and validation together: a validation loss that rises while the training loss falls is no
divergence.
"""

from __future__ import annotations

import math

from lrscope.diagnosis.base import Advice, Regime, Verdict
from lrscope.diagnosis.regimes import Reading, read_loss
from lrscope.diagnosis.series import Series


def read_overfitting(train: Series, validation: Reading, series: Series) -> Verdict | None:
    """Name overfitting, where that is what the two curves show; None where it is not.

    It is where the validation metric rises for sure (or stands above its own best by more than noise, as
    divergence does) over the stretch that was judged, while the training loss over the same steps does not
    rise. The regime is then that of the training loss, for the rate is judged by what it does to the loss
    that it descends; the advice is to stop, at the best validation point.
    """
    rises = validation.test is not None and validation.test.rising
    if not rises and validation.verdict.regime is not Regime.DIVERGING:
        return None
    if series.broken_tail or train.broken_tail:
        return None
    own = read_loss(train)
    if own.test is None or own.verdict.regime is Regime.DIVERGING or own.test.rising:
        return None
    best = int(series.value.argmin())
    at = int(series.step[best])
    regime = own.verdict.regime if own.verdict.regime is not Regime.UNDECIDED else Regime.DESCENDING
    evidence = {
        **validation.verdict.evidence,
        "best_step": float(at),
        "rise_since_best": float(series.value[-1] - series.value[best]),
        "train_share_left": own.test.share,
        "overfitting": 1.0,
    }
    course = "still falls" if own.test.falling else "does not rise"
    confidence = own.verdict.confidence if math.isfinite(own.verdict.confidence) else 0.5
    return Verdict(
        regime,
        Advice.STOP,
        f"Overfitting, not divergence: the validation metric has grown worse since step {at:,} while the "
        f"training loss {course}; stop and "
        "go back to that step, or regularise. A different rate is not the cure.",
        min(0.95, confidence),
        evidence,
    )
