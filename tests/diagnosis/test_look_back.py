"""Gaps and cosines are looked for far enough back, and where they disagree with the loss, nothing is cut."""

from __future__ import annotations

import numpy as np

from lrscope.curves.curve import LossCurve
from lrscope.diagnosis.base import Advice, Regime
from lrscope.diagnosis.diagnose import diagnose_curves
from lrscope.diagnosis.look_back import widened

STEP = np.arange(1, 201)


def gaps(mean: float, seed: int = 0) -> LossCurve:
    at = np.arange(16, 201, 8)
    return LossCurve(at, mean + 0.01 * np.random.default_rng(seed).normal(size=at.size), name="gap")


def hard_batches() -> LossCurve:
    """A descent whose last batches happen to be hard ones."""
    loss = 2 * np.exp(-STEP / 40) + 0.5 + 0.05 * np.random.default_rng(1).normal(size=STEP.size)
    loss[-40:] += np.linspace(0.2, 1.2, 40)
    return LossCurve(STEP, loss, name="loss")


def test_a_short_stretch_reaches_back_to_as_many_as_are_needed():
    """A stretch with three gaps is widened to hold eight; one that holds enough is left alone."""
    curve = gaps(0.0)
    assert widened(curve, (180, 200), 8) == (int(curve.step[-8]), 200)
    assert widened(curve, (16, 200), 8) == (16, 200)


def test_gaps_at_another_rate_are_not_looked_at():
    """After the rate was cut at step 150, gaps from before tell nothing: the stretch stays as it was."""
    lr = LossCurve(STEP, np.where(STEP < 150, 0.1, 0.01), name="lr")
    assert widened(gaps(0.0), (180, 200), 8, lr) == (180, 200)
    drifting = LossCurve(STEP, 0.1 * (1 - STEP / 1000), name="lr")
    assert widened(gaps(0.0), (180, 200), 8, drifting)[0] < 180


def test_a_rise_of_hard_batches_is_refuted_by_the_gap_and_a_true_one_is_not():
    """The loss alone cries divergence; with a negative gap the advice is to keep, with a positive one to lower."""
    loss = hard_batches()
    assert diagnose_curves({"loss": loss}).advice is Advice.LOWER
    assert diagnose_curves({"loss": loss, "gap": gaps(-0.1)}).advice is Advice.KEEP
    assert diagnose_curves({"loss": loss, "gap": gaps(0.1)}).regime is Regime.DIVERGING


def test_raising_needs_gap_and_cosine_to_agree():
    """A lagging average alone, beside steps that are as long as they should be, is no reason to raise."""
    loss = LossCurve(STEP, 2 * np.exp(-STEP / 200) + 0.5, name="loss")
    noise = 0.1 * np.random.default_rng(2).normal(size=STEP.size)
    advice = {
        mean: diagnose_curves(
            {"loss": loss, "gap": gaps(-0.1), "cos": LossCurve(STEP, mean + noise, name="cos")}
        )
        for mean in (0.0, 0.3)
    }
    assert advice[0.0].advice is Advice.KEEP
    assert advice[0.3].advice is Advice.RAISE
