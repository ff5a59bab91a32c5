"""Overfitting: claimed where validation grows worse while training does not, by a size that matters, and only then."""

from __future__ import annotations

import numpy as np
import pytest

from lrscope.curves.curve import LossCurve
from lrscope.diagnosis.base import Advice, Regime
from lrscope.diagnosis.diagnose import diagnose_curves
from lrscope.diagnosis.overfitting import find_rise

EPOCHS = np.arange(80)


def curves(**series):
    return {name: LossCurve(np.arange(1, len(y) + 1), y, name=name) for name, y in series.items()}


def noisy(y, size=0.005, seed=0):
    return y + size * np.random.default_rng(seed).normal(size=len(y))


TRAIN = noisy(np.exp(-EPOCHS / 30))
RISING = noisy(np.exp(-EPOCHS / 8) + 0.012 * np.maximum(EPOCHS - 25, 0), seed=1)


def test_overfitting_says_stop_and_where_to_go_back_to():
    """A validation loss that climbs while the training loss falls: stop, at the best step."""
    found = diagnose_curves(curves(train_loss=TRAIN, val_loss=RISING))
    assert (found.regime, found.advice) == (Regime.DESCENDING, Advice.STOP)
    assert found.reason.startswith("Overfitting: val_loss has risen by")
    assert 15 <= found.evidence["best_step"] <= 35
    assert found.gain_left is None


def test_where_training_rises_too_it_is_divergence():
    """A rise of both losses is no overfitting."""
    found = diagnose_curves(curves(train_loss=RISING, val_loss=RISING))
    assert found.regime is Regime.DIVERGING
    assert "Overfitting" not in found.reason


def test_validation_that_keeps_falling_is_fine():
    """A validation loss beside a training loss, both falling, is no overfitting."""
    assert "Overfitting" not in diagnose_curves(curves(train_loss=TRAIN, val_loss=TRAIN + 0.1)).reason


def test_a_score_that_gets_better_makes_it_over_confidence():
    """The loss rises, but the accuracy of the same data rises to the end: keep on, and choose by the accuracy."""
    accuracy = noisy(0.9 - 0.3 * np.exp(-EPOCHS / 30), 0.001, seed=2)
    found = diagnose_curves(
        curves(train_loss=TRAIN, val_loss=RISING, val_accuracy=accuracy), metric="val_loss"
    )
    assert found.advice is Advice.KEEP
    assert "over-confident" in found.reason
    falling = diagnose_curves(
        curves(train_loss=TRAIN, val_loss=RISING, val_accuracy=1 - accuracy), metric="val_loss"
    )
    assert falling.advice is Advice.STOP


def test_five_evaluations_that_rise_one_after_the_other_are_enough():
    """Of eleven evaluations the last five rise by a tenth of what was improved: that is said."""
    y = np.r_[1.0, 0.7, 0.5, 0.42, 0.4, 0.4, 0.42, 0.44, 0.46, 0.48, 0.5]
    assert find_rise(y) is not None
    assert find_rise(y[:8]) is None


def test_few_evaluations_beside_many_training_losses_are_heard():
    """The training loss is judged where evaluations are few, but a plain rise of the validation loss is told."""
    steps = np.arange(1, 601)
    train = LossCurve(steps, noisy(np.exp(-steps / 300), seed=3), name="loss")
    val = np.r_[1.0, 0.7, 0.5, 0.42, 0.4, 0.4, 0.42, 0.44, 0.46, 0.48, 0.5, 0.52]
    found = diagnose_curves(
        {"loss": train, "val_loss": LossCurve(np.arange(1, 13) * 50, val, name="val_loss")}
    )
    assert found.advice is Advice.STOP


@pytest.mark.slow
@pytest.mark.parametrize("count", [30, 60])
def test_level_validation_is_seldom_called_overfitting(count):
    """Looked at after every evaluation, at most 5 % of 120 level validation losses are ever called rising, with
    noise from 0.3 to 10 % and memory up to 0.5.
    """
    rng = np.random.default_rng(count)
    claimed = 0
    for i in range(120):
        memory, noise = (0.0, 0.5)[i % 2], (0.003, 0.01, 0.03, 0.1)[i // 2 % 4]
        e = rng.normal(size=count)
        for j in range(1, count):
            e[j] = memory * e[j - 1] + e[j] * np.sqrt(1 - memory**2)
        y = 0.4 + np.exp(-np.arange(count) / (count * rng.uniform(0.03, 0.1))) + noise * e
        claimed += any(find_rise(y[:seen]) is not None for seen in range(8, count + 1))
    assert claimed <= 6


def test_one_best_value_by_luck_is_no_rise():
    """A level validation loss whose lowest value lies early is level."""
    y = noisy(0.4 + np.exp(-EPOCHS / 6), 0.02, seed=4)
    y[20] -= 0.06
    assert find_rise(y) is None
