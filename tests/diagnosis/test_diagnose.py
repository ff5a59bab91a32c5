"""The entry: verdicts on curves whose state is known, and what must not matter to them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from noisy_quadratic import TRUTHS, draw_quadratic

from lrscope.curves.curve import LossCurve
from lrscope.diagnosis.base import Advice, Regime
from lrscope.diagnosis.diagnose import diagnose_curves
from lrscope.diagnosis.series import epoch_length
from lrscope.errors import UsageError

N = 600
T = np.arange(N)


def curves(**series):
    return {name: LossCurve(np.arange(1, len(y) + 1), y, name=name) for name, y in series.items()}


def noisy(y, size=0.02, seed=0):
    return y + size * np.random.default_rng(seed).normal(size=len(y))


SHAPES = {
    Regime.DESCENDING: noisy(np.exp(-T / N)),
    Regime.PLATEAU: noisy(np.exp(-T / 60)),
    Regime.DIVERGING: noisy(np.exp(-T / 100) + np.maximum(T - 450, 0) / 100),
}


@pytest.mark.parametrize("regime", SHAPES)
def test_a_loss_alone_tells_three_states(regime):
    """Falling, level and diverging curves are named as they are, with numbers, confidence and a sentence."""
    found = diagnose_curves(curves(loss=SHAPES[regime]))
    assert found.regime is regime
    assert found.advice is (Advice.KEEP if regime is Regime.DESCENDING else Advice.LOWER)
    assert 0.8 <= found.confidence <= 1
    assert found.reason.endswith(".")
    assert found.evidence["points"] == N
    assert found.segments[0].start == 1
    assert found.segments[-1].stop == N
    assert found.segments[-1].regime is regime


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(list(SHAPES)), st.floats(-1000, 1000), st.floats(1e-3, 1e3))
def test_unit_and_origin_do_not_matter_to_a_verdict(regime, shift, factor):
    """A constant added, also below zero, or another unit, changes no verdict; a negated metric to be
    maximised is the same.
    """
    y = SHAPES[regime]
    plain = diagnose_curves(curves(loss=y))
    for other, goal in ((y * factor + shift, "min"), (-y * factor - shift, "max")):
        found = diagnose_curves(curves(loss=other), goal=goal)
        assert (found.regime, found.advice) == (plain.regime, plain.advice)
        assert found.evidence["noise"] == pytest.approx(plain.evidence["noise"] * factor, rel=0.01)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.one_of(st.floats(-1e12, 1e12), st.sampled_from([math.nan, math.inf, -math.inf])), max_size=60)
)
def test_no_curve_breaks_it(values):
    """Whatever the values, there is a verdict with a sentence, and never zig-zag or too slow from a loss
    alone.
    """
    found = diagnose_curves(curves(loss=values))
    assert found.regime not in (Regime.ZIGZAG, Regime.TOO_SLOW)
    assert found.reason
    assert 0 <= found.confidence <= 1


def test_plateau_alone_says_what_it_cannot_tell():
    """A plateau seen in the loss alone says that zig-zag looks alike, and what to log."""
    reason = diagnose_curves(curves(loss=SHAPES[Regime.PLATEAU])).reason
    assert "zig-zag" in reason
    assert "grad_dot_update" in reason


def test_what_as_many_steps_again_would_bring():
    """On a line it is as much as the line has come down; on a plateau, next to nothing."""
    found = diagnose_curves(curves(loss=np.linspace(30, 20, 501)))
    assert found.gain_left.value == pytest.approx(10, rel=0.02)
    assert "by step 1,001" in found.reason
    level = diagnose_curves(curves(loss=SHAPES[Regime.PLATEAU]))
    assert level.gain_left.low <= 0.01 <= level.gain_left.high + 0.03


def test_a_forecast_stays_within_what_the_metric_can_be():
    """A positive loss that falls in a straight line is never promised to go below zero, an accuracy never above
    one.
    """
    loss = diagnose_curves(curves(loss=np.linspace(1.0, 0.2, 200))).gain_left
    assert loss.high <= 0.2 + 1e-9
    accuracy = diagnose_curves(curves(accuracy=np.linspace(0.1, 0.9, 200))).gain_left
    assert accuracy.high <= 0.1 + 1e-9


def test_too_few_points_say_how_many_would_do():
    """Three points are undecided, and eight are asked for; noise that hides everything asks for more than
    there are, or for a better measurement where no log would be long enough.
    """
    few = diagnose_curves(curves(loss=[3.0, 2.0, 1.0]))
    assert (few.regime, few.evidence["points_needed"]) == (Regime.UNDECIDED, 8)
    loud = diagnose_curves(curves(loss=noisy(1 - T / N, 5.0)))
    assert loud.regime is Regime.UNDECIDED
    assert loud.evidence["points_needed"] > N
    assert "Average the metric" in loud.reason


def test_nobody_is_promised_millions_of_points():
    """Whatever the noise, no more than twenty lengths of the log are asked for."""
    for seed in range(10):
        found = diagnose_curves(curves(loss=noisy(np.exp(-T / N), 10.0**seed, seed)))
        assert found.evidence.get("points_needed", 0) <= 40 * N
        assert "%" not in found.reason.replace("80 %", "")


def test_no_plateau_in_the_first_epochs():
    """A level curve of four epochs is undecided; of forty it is a plateau. The epochs may come from a
    column.
    """
    y = SHAPES[Regime.PLATEAU]
    early = diagnose_curves(curves(loss=y), epoch_steps=150)
    assert early.regime is Regime.UNDECIDED
    assert "epochs" in early.reason
    assert diagnose_curves(curves(loss=y), epoch_steps=15).regime is Regime.PLATEAU
    assert diagnose_curves(curves(loss=y, epoch=T // 150)).regime is Regime.UNDECIDED
    assert epoch_length(curves(epoch=np.arange(101) / 50)) == pytest.approx(50)


def test_nan_in_the_middle_and_at_the_end():
    """NaN in the middle is left out with a warning; at the end it is divergence."""
    y = SHAPES[Regime.DESCENDING].copy()
    y[100:110] = np.nan
    middle = diagnose_curves(curves(loss=y))
    assert middle.regime is Regime.DESCENDING
    assert any("10 values" in w for w in middle.warnings)
    y[-5:] = np.nan
    assert diagnose_curves(curves(loss=y)).regime is Regime.DIVERGING


def test_a_recovering_spike_is_no_divergence():
    """A spike that is coming down again is not called divergence."""
    y = noisy(np.exp(-T / 100) + np.where(T > 500, 2 * np.exp(-(T - 500) / 40), 0))
    assert diagnose_curves(curves(loss=y)).regime is not Regime.DIVERGING


@pytest.mark.parametrize("regime", TRUTHS)
def test_updates_tell_five_states(regime):
    """On a noisy quadratic with the recorder's columns all five states are told; the gap agrees on the
    advice.
    """
    rng = np.random.default_rng(12)
    logged = draw_quadratic(regime, 500, rng).run(500, rng)
    gap = logged.pop("gap")
    found = diagnose_curves(logged)
    assert found.regime is regime
    if regime in (Regime.PLATEAU, Regime.ZIGZAG):
        assert (found.evidence["a_eff"] > 1) == (regime is Regime.ZIGZAG)
    with_gap = diagnose_curves({**logged, "gap": gap})
    wrong = {Regime.TOO_SLOW: Advice.LOWER, Regime.ZIGZAG: Advice.RAISE, Regime.PLATEAU: Advice.RAISE}
    assert with_gap.advice is not wrong.get(regime)


def test_the_gauge_is_rate_times_curvature():
    """At stationarity with one curvature, a_eff is lr x curvature to 10 %, from 0.2 to 1.9 (control notes,
    section 2).
    """
    from noisy_quadratic import Quadratic

    for a in (0.2, 0.5, 1.0, 1.5, 1.9):
        rng = np.random.default_rng(3)
        logged = Quadratic(np.ones(8), 1.0, a, np.full(8, 20.0)).run(1500, rng)
        found = diagnose_curves({k: v for k, v in logged.items() if k != "gap"})
        assert found.evidence["a_eff"] == pytest.approx(a, rel=0.1, abs=0.05)


def test_with_momentum_only_the_sign_counts():
    """Without plain gradient descent, a moderate negative cosine is a noise floor, with a warning that the
    gauge does not carry over.
    """
    logged = curves(loss=SHAPES[Regime.PLATEAU], cos=noisy(np.full(N, -0.3), 0.1))
    found = diagnose_curves(logged, plain_sgd=False)
    assert found.regime is Regime.PLATEAU
    assert any("momentum" in w for w in found.warnings)


def test_misuse_of_diagnose():
    """Unknown metrics, nothing to judge, and bad options are refused with a sentence that says what there
    is.
    """
    with pytest.raises(UsageError, match="loss"):
        diagnose_curves(curves(loss=[1.0]), metric="other")
    with pytest.raises(UsageError, match="No curve"):
        diagnose_curves(curves(lr=[1.0]))
    with pytest.raises(UsageError, match="goal"):
        diagnose_curves(curves(loss=[1.0]), goal="down")
    with pytest.raises(UsageError, match="epoch_steps"):
        diagnose_curves(curves(loss=[1.0]), epoch_steps=-1)


def test_a_sparse_validation_loss_leaves_the_word_to_the_training_loss():
    """Five validation values against six hundred training losses: the latter are judged, and that is said."""
    few = LossCurve(np.arange(1, 6) * 100, SHAPES[Regime.DESCENDING][:5] + 0.1, name="val_loss")
    both = {**curves(loss=SHAPES[Regime.DESCENDING]), "val_loss": few}
    found = diagnose_curves(both)
    assert (found.metric, found.regime) == ("loss", Regime.DESCENDING)
    assert "val_loss has only 5 value(s)" in found.warnings[0]
    assert diagnose_curves(both, metric="val_loss").metric == "val_loss"


def test_a_range_test_is_no_training():
    """A rate that does nothing but rise over decades: no state is named, however the loss ends."""
    rates = np.geomspace(1e-6, 1, N)
    ramp = curves(loss=noisy(2.3 - np.tanh(T / 200) + 5 * np.maximum(T / N - 0.8, 0)), lr=rates)
    found = diagnose_curves(ramp)
    assert (found.regime, found.advice) == (Regime.UNDECIDED, Advice.UNDECIDED)
    assert "range test" in found.reason
    warm = np.minimum(T / 50, 1.0) * 0.1 + 1e-6
    assert diagnose_curves(curves(loss=SHAPES[Regime.DESCENDING], lr=warm)).regime is Regime.DESCENDING


def test_a_metric_to_be_maximised_gets_better():
    """The words fit either goal: an accuracy that gets better does not fall."""
    found = diagnose_curves(curves(accuracy=1 - SHAPES[Regime.DESCENDING]))
    assert found.regime is Regime.DESCENDING
    assert "still gets better" in found.reason


def test_one_infinity_at_the_end_is_an_end():
    """A missing value is NaN; an infinity was computed, and training has broken off, whatever was missing before."""
    values = SHAPES[Regime.DESCENDING].copy()
    values[100], values[-1] = math.nan, math.inf
    assert diagnose_curves(curves(loss=values)).regime is Regime.DIVERGING
