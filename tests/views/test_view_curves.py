"""Ways to read a curve: its end, a smoothed line, a thinned copy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lrscope.views.shared import reading, smoothing

CURVES = arrays(np.float64, st.integers(1, 500), elements=st.floats(-1e6, 1e6))
ROUGH = arrays(np.float64, st.integers(1, 900), elements=st.floats(allow_nan=True, allow_infinity=True))


def steps(loss):
    return np.arange(1, loss.size + 1)


@given(ROUGH, st.integers(4, 300))
def test_thinning_keeps_the_ends_the_lowest_value_and_every_extreme_worth_seeing(loss, limit):
    """However far a curve is thinned, its first and last points stay, its least value stays, and so does
    either its greatest value or something that is not finite in the same stretch."""
    step, kept = smoothing.thin(steps(loss), loss, limit)
    assert kept.size <= max(limit, 1) or loss.size <= limit
    assert (step[0], step[-1]) == (1, loss.size)
    assert np.all(np.diff(step) > 0)
    np.testing.assert_array_equal(kept, loss[step - 1])
    finite = loss[np.isfinite(loss)]
    if finite.size:
        assert np.nanmin(np.where(np.isfinite(kept), kept, np.inf)) == finite.min()
    if finite.size == loss.size:
        assert kept.max() == loss.max()
    else:
        assert not np.isfinite(kept).all()


@given(CURVES)
def test_a_smoothed_line_stays_within_the_curve(loss):
    """A mean is never below the least nor above the greatest of what it averages."""
    _, smooth, _ = smoothing.smooth(steps(loss), loss)
    assert smooth.size == loss.size
    room = 1e-9 * max(1.0, float(np.abs(loss).sum()))
    assert smooth.min() >= loss.min() - room
    assert smooth.max() <= loss.max() + room


def test_smoothing_leaves_a_straight_line_alone():
    """A centred window bends nothing: inside, a straight line comes out as it went in."""
    line = np.linspace(5, 1, 400)
    _, smooth, window = smoothing.smooth(steps(line), line)
    np.testing.assert_allclose(smooth[1:-window], line[1:-window], rtol=1e-12)
    assert abs(smooth[-1] - line[-1]) < abs(line[-window] - line[-1])
    assert window % 2 == 1


@given(st.integers(1, 10**6), st.integers(4, 2000))
def test_indices_are_spread_from_end_to_end(n, limit):
    """At most as many as asked, in order, none twice, with both ends."""
    at = smoothing.spread(n, limit)
    assert at.size <= max(n if n <= limit else limit, 1)
    assert (at[0], at[-1]) == (0, n - 1)
    assert np.all(np.diff(at) > 0)


def test_noise_is_told_from_shape():
    """A clean decay needs no smoothing, whatever its scale; the same with scatter on it does."""
    clean = np.exp(-np.linspace(0, 5, 500))
    rough = clean + np.random.default_rng(0).normal(size=500) * 0.05
    for scale in (1e-9, 1.0, 1e9):
        assert not smoothing.noisy(clean * scale)
        assert smoothing.noisy(rough * scale)
    assert not smoothing.noisy(np.ones(500))
    assert not smoothing.noisy(np.linspace(3, 1, 64))


@pytest.mark.parametrize("goal", ["min", "max"])
def test_the_end_of_a_curve_is_the_mean_over_its_last_tenth(goal):
    """By steps, not by points, and one value at least; a value that is not finite there leaves no level."""
    loss = np.arange(100.0)
    assert reading.end_level(steps(loss), loss, goal) == loss[90:].mean()
    assert reading.end_level(np.array([1, 2, 1000]), np.array([9.0, 8.0, 3.0]), goal) == 3.0
    assert reading.end_level(steps(loss), np.append(loss[:99], np.nan), goal) is None
    assert reading.end_level(steps(loss[:0]), loss[:0], goal) is None


@given(CURVES)
def test_the_best_level_follows_its_plain_twin(loss):
    """The best level is the best, over all steps, of the mean over the last tenth so far."""
    step = steps(loss)
    levels = [reading.end_level(step[:n], loss[:n], "min") for n in range(1, loss.size + 1)]
    for goal, best in (("min", min(levels)), ("max", max(levels))):
        level = reading.end_level(step, loss, goal, "best")
        assert level == pytest.approx(best, rel=1e-9, abs=1e-9 * (1 + float(np.abs(loss).sum())))
