"""The replay of plateau rules: where they cut, and how it is judged."""

from __future__ import annotations

import numpy as np
import pytest

from lrscope.curves.curve import LossCurve
from lrscope.diagnosis.backtest import backtest, default_rules, what_came
from lrscope.diagnosis.plateau_rules import TorchPlateau
from lrscope.errors import UsageError


def curve(y, name="loss"):
    return LossCurve(np.arange(len(y)), y, name=name)


def test_a_cut_on_a_shelf_is_premature_and_one_on_the_floor_is_not():
    """A curve with a shelf of twenty epochs half way down: patience 5 cuts on the shelf, with half still to
    come; patience 25 on the floor.
    """
    y = np.r_[np.linspace(2, 1, 20), np.full(20, 1.0), np.linspace(1, 0.1, 20), np.full(60, 0.1)]
    hasty, patient = backtest(
        curve(y), {"5": lambda: TorchPlateau(patience=5), "25": lambda: TorchPlateau(patience=25)}
    )
    assert hasty.premature
    assert hasty.left_at_cut == pytest.approx(0.47, abs=0.02)
    assert not patient.premature
    assert patient.late
    assert patient.delay == pytest.approx(26 / 119, abs=0.03)


def test_never_cutting_a_flat_curve_is_missed():
    """A rule that never cuts has missed a curve that stood for most of the run, and one that still falls it
    has not.
    """
    rules = {"never": lambda: TorchPlateau(patience=10_000)}
    assert backtest(curve(np.r_[np.linspace(1, 0, 10), np.zeros(50)]), rules)[0].missed
    assert not backtest(curve(np.linspace(1, 0, 60)), rules)[0].missed


def test_all_rules_meet_odd_curves():
    """NaN, inf, negative and maximised metrics are replayed by all six rules, and the traps are named."""
    y = -np.exp(-np.arange(60) / 8.0) * -1 - 3
    y[7], y[20] = np.nan, np.inf
    found = {r.rule: r for r in backtest(curve(y))}
    assert len(found) == len(default_rules()) == 6
    assert any("negative" in n for n in found["torch ReduceLROnPlateau"].notes)
    assert found["torch ReduceLROnPlateau"].missed
    assert not found["lrscope"].missed
    assert not any("negative" in n for n in found["keras ReduceLROnPlateau"].notes)
    up = backtest(curve(1 - np.exp(-np.arange(80) / 8.0), "val_accuracy"))
    assert {r.rule: r for r in up}["lrscope"].cuts


def test_a_first_nan_is_never_beaten_in_keras():
    """With a NaN in the first epoch Keras's rule cuts a perfect descent for ever; this is said."""
    y = np.linspace(5, 1, 50)
    y[0] = np.nan
    keras = {r.rule: r for r in backtest(curve(y))}["keras ReduceLROnPlateau"]
    assert len(keras.cuts) >= 4
    assert any("never beaten" in note for note in keras.notes)


def test_what_came_later():
    """The share still to come goes from 1 to 0, level from where less than 2 % is left; a rising curve
    improved nothing.
    """
    truth = what_came(curve(np.r_[np.linspace(1, 0, 51), np.zeros(50)]))
    assert truth.left[0] == pytest.approx(1)
    assert truth.left[25] == pytest.approx(0.5, abs=0.02)
    assert abs(truth.flat_from - 50) <= 2
    assert not what_came(curve(np.linspace(0, 1, 30))).improved


def test_misuse_of_the_backtest():
    """One point, or a judge of other steps, is refused."""
    with pytest.raises(UsageError, match="two points"):
        backtest(curve([1.0]))
    with pytest.raises(UsageError, match="same steps"):
        backtest(curve([1.0, 2.0]), judged_by=curve([1.0, 2.0, 3.0]))
