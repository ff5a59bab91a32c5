"""Stuck at chance is told from a plateau of learning."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lrscope.curves.curve import LossCurve
from lrscope.diagnosis.base import Advice, Regime
from lrscope.diagnosis.diagnose import diagnose_curves


def judged(metric=None, **series):
    return diagnose_curves(
        {name: LossCurve(np.arange(1, len(y) + 1), y, name=name) for name, y in series.items()}, metric=metric
    )


def around(level, count=40, size=3e-4, seed=0):
    return level + size * np.random.default_rng(seed).normal(size=count)


@pytest.mark.parametrize("classes", [2, 10, 100])
@pytest.mark.parametrize("first", [0.0, 0.02, 0.5])
def test_a_loss_at_ln_k_has_not_begun_to_learn(classes, first):
    """Level at ln 2, ln 10 or ln 100, also after a first value that was higher: try both ways, no "lower"."""
    loss = around(math.log(classes))
    loss[0] += first
    found = judged(loss=loss)
    assert (found.regime, found.advice) == (Regime.PLATEAU, Advice.UNDECIDED)
    assert f"ln {classes}" in found.reason
    assert found.evidence["classes"] == classes


def test_an_accuracy_above_chance_overrules_it():
    """A loss that happens to stand at ln 2 beside an accuracy of 0.7 of ten classes has learnt something."""
    loss = math.log(2) + 1.6 * np.exp(-np.arange(40) / 3) + around(0, 40, 1e-3)
    assert "has not begun" not in judged("loss", loss=loss, accuracy=around(0.78, 40, 0.01)).reason


def test_an_accuracy_at_one_over_k_is_stuck():
    """An accuracy of 0.1 throughout is that of guessing among ten classes."""
    found = judged("accuracy", accuracy=around(0.1, 40, 0.002))
    assert found.advice is Advice.UNDECIDED
    assert "10 classes" in found.reason


def test_other_losses_at_the_same_value_are_plateaus():
    """A squared error has no chance level: at 0.6931 it is level like any other."""
    mse = math.log(2) + 1.5 * np.exp(-np.arange(60) / 5) + around(0, 60, 1e-3)
    assert judged(val_mse=mse).advice is Advice.LOWER


def test_a_loss_that_falls_through_ln_k_is_descending():
    """A curve on its way down is not stuck, wherever it is."""
    assert judged(loss=np.linspace(2.6, math.log(10), 60)).regime is Regime.DESCENDING


def test_before_eight_epochs_it_is_too_early_to_say():
    """Three epochs at ln 50 are three epochs: undecided, as for any plateau."""
    loss = around(math.log(50), 150)
    logged = {
        "loss": LossCurve(np.arange(150), loss, name="loss"),
        "epoch": LossCurve(np.arange(150), np.arange(150) // 50, name="epoch"),
    }
    assert diagnose_curves(logged).regime is Regime.UNDECIDED
