"""Intervals that hold at every look, and limits that hold for one more case."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrscope.errors import UsageError
from lrscope.statistics.sequential import BURN_IN, confidence_sequence, conformal_limit


@pytest.mark.parametrize(
    ("draw", "allowed"), [("normal", 0.06), ("heavy", 0.06), ("skewed", 0.1), ("remembering", 0.1)]
)
def test_all_intervals_hold_the_mean_at_once(draw, allowed):
    """Looking after each of 400 values, about 5 % of streams are ever missed by intervals of 95 %; of skewed and of
    remembering ones up to 10 %."""
    missed = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        values = {
            "normal": lambda r: r.standard_normal(400),
            "heavy": lambda r: r.standard_t(4, 400),
            "skewed": lambda r: r.exponential(size=400) - 1.0,
            "remembering": lambda r: np.convolve(r.standard_normal(404), np.ones(5) / 5, "valid"),
        }[draw](rng)
        found = confidence_sequence(values, 0.05)
        missed += bool(np.any((found.low > 0) | (found.high < 0)))
    assert missed <= allowed * 400


def test_an_interval_of_one_look_would_not_do():
    """The usual interval, looked at after every value, misses several times as often."""
    missed = 0
    for seed in range(200):
        values = np.random.default_rng(seed).standard_normal(400)
        t = np.arange(1, 401)
        mean = np.cumsum(values) / t
        missed += bool(np.any(np.abs(mean[BURN_IN:]) > 1.96 / np.sqrt(t[BURN_IN:])))
    assert missed > 0.2 * 200


def test_the_interval_narrows_and_finds_a_difference():
    """A mean of half a standard deviation is told from zero within two hundred values, nearly always."""
    found = [
        confidence_sequence(0.5 + np.random.default_rng(seed).standard_normal(200)).low[-1] > 0
        for seed in range(50)
    ]
    assert np.mean(found) > 0.9
    sequence = confidence_sequence(np.random.default_rng(0).standard_normal(300))
    assert math.isinf(sequence.high[BURN_IN - 2])
    assert sequence.high[299] - sequence.low[299] < 0.5 * (sequence.high[30] - sequence.low[30])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(-1e6, 1e6), st.floats(1e-3, 1e3))
def test_unit_and_zero_move_with_the_interval(seed, offset, scale):
    """A constant and a factor change nothing else."""
    values = np.random.default_rng(seed).standard_normal(60)
    plain, moved = confidence_sequence(values), confidence_sequence(offset + scale * values)
    allowed = 1e-6 * (abs(offset) + scale)
    assert np.allclose(moved.low[BURN_IN:], offset + scale * plain.low[BURN_IN:], atol=allowed)


@pytest.mark.parametrize("error", [0.1, 0.2, 0.5])
def test_one_more_score_stays_within_the_limit(error):
    """With the stated probability, whatever the distribution: here over 4000 draws of 20 scores."""
    rng = np.random.default_rng(1)
    for draw in (lambda n: rng.exponential(size=n), lambda n: rng.standard_cauchy(size=n)):
        outside = 0
        for _ in range(4000):
            *past, new = draw(21)
            outside += new > conformal_limit(past, error)
        assert outside / 4000 <= error + 0.02
        assert outside / 4000 >= error - 1 / 21 - 0.02


def test_too_few_cases_vouch_for_nothing():
    """The limit is infinite, so nothing is ever beyond it."""
    assert math.isinf(conformal_limit([1.0] * 8, 0.1))
    assert conformal_limit([1.0] * 9, 0.1) == 1.0
    assert math.isinf(conformal_limit([], 0.5))


def test_wrong_use_is_told():
    """With what was given."""
    for values, error in (([1.0, math.nan], 0.1), ([1.0], 0.0), ([[1.0]], 0.1)):
        with pytest.raises(UsageError):
            confidence_sequence(values, error)
    with pytest.raises(UsageError):
        conformal_limit([1.0], 1.0)
    assert confidence_sequence([]).mean.size == 0
