"""Runs as people have them, in small: what each is told, and above all what it is not told."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lrscope.curves.curve import LossCurve
from lrscope.diagnosis.backtest import backtest
from lrscope.diagnosis.base import Advice, Regime
from lrscope.diagnosis.diagnose import diagnose_curves
from lrscope.diagnosis.patience import patience_for


def log(step=None, **series):
    """Curves by name, at the same steps."""
    count = len(next(iter(series.values())))
    step = np.arange(1, count + 1) if step is None else step
    return {name: LossCurve(step, y, name=name) for name, y in series.items()}


def noisy(y, size, seed=0):
    return y + size * np.random.default_rng(seed).normal(size=len(y))


def language_model(count=24, every=250, floor=2.5, noise=0.004):
    """Held-out losses of a language model from ln(vocabulary) on, as they fall over its first thousands of steps."""
    step = np.arange(count) * every + 1
    return step, noisy(floor + 8.3 * (1 + step / 60) ** -0.5, noise)


@pytest.mark.parametrize("count", [10, 16, 24, 60, 200])
def test_a_language_model_descends_at_every_length(count):
    """From 10.8 to 3.3 and below, at every length of the log: keep, and about how much more comes by which step."""
    step, y = language_model(count)
    found = diagnose_curves(log(step, val_loss=y))
    assert (found.regime, found.advice) == (Regime.DESCENDING, Advice.KEEP)
    assert "more by step" in found.reason
    assert 0 < found.gain_left.value < 0.5 * (y[0] - y[-1])


def test_losses_of_single_batches_of_a_language_model_descend_too():
    """Three thousand noisy training losses, most of whose fall was over in the first hundred steps."""
    step = np.arange(1, 3001)
    y = noisy(2.6 + 8.2 * (1 + step / 40) ** -0.45, 0.05)
    assert diagnose_curves(log(loss=y)).advice is Advice.KEEP


def test_backtest_and_verdict_agree_on_a_language_model():
    """Where the diagnosis sees a descent, no cut before its end is in time, and none is missed."""
    step, y = language_model(60)
    for replay in backtest(LossCurve(step, y, name="val_loss")):
        assert not replay.missed
        assert replay.premature == bool(replay.cuts)


def test_patience_spares_the_own_pace_of_a_descent():
    """A per cent of the fall from a random start is ten times what a language model gains per report: its own pace
    is what must not be cut.
    """
    step, y = language_model(60)
    found = patience_for(LossCurve(step, y, name="val_loss"))
    assert found.fall < 0.002 * (y[0] - y[-1])
    assert "its own descent" in found.reason


def test_a_jumping_metric_of_nine_points_is_too_short():
    """A perplexity that trebles and comes back within nine points: spiky and too short, without a per cent."""
    found = diagnose_curves(
        log(np.arange(9100, 9550, 50), ppl=[11900, 32700, 39900, 22350, 24650, 9800, 3520, 2110, 2300])
    )
    assert found.regime is Regime.UNDECIDED
    assert "too few to judge" in found.reason
    assert "%" not in found.reason


def test_a_level_validation_loss_beside_a_falling_training_loss_is_no_overfitting():
    """Forty epochs, validation level since the eighth in noise, training down to a tenth: no stop."""
    epochs = np.arange(40)
    for seed in range(12):
        found = diagnose_curves(
            log(
                epochs,
                loss=noisy(np.exp(-epochs / 15), 0.005, seed),
                val_loss=noisy(0.39 + np.exp(-epochs / 1.8), 0.017, seed + 50),
            )
        )
        assert found.advice is not Advice.STOP
        assert found.metric == "val_loss"


@pytest.mark.parametrize("share", [0.25, 0.35])
def test_what_ends_flat_is_not_descending_for_sure(share):
    """A descent that stopped a quarter or a third of the run ago, in little noise: no sure descent, and the last
    segment has the verdict's state.
    """
    count = 300
    t = np.minimum(np.arange(1, count + 1), (1 - share) * count)
    for seed in range(8):
        found = diagnose_curves(log(loss=noisy(1 + np.exp(-3 * t / count), 0.003, seed)))
        assert found.regime is not Regime.DESCENDING
        assert found.segments[-1].regime is found.regime


def test_a_divergence_has_no_forecast_of_a_fall():
    """What does not come down is not promised to come down."""
    t = np.arange(400)
    y = noisy(np.exp(-t / 60) + np.where(t > 300, 0.8, 0.0), 0.02)
    found = diagnose_curves(log(loss=y))
    assert found.regime is Regime.DIVERGING
    assert found.gain_left is None


def test_a_cross_entropy_is_never_promised_below_zero():
    """However steep, the forecast of a positive metric ends at zero at the lowest."""
    t = np.arange(1, 61)
    found = diagnose_curves(log(cross_entropy=2.5 - 2.4 * t / 60))
    assert found.gain_left.high <= 0.11
    assert math.isfinite(found.gain_left.low)
