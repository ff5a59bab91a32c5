"""Change points: found where they are, rarely where they are not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrscope.errors import UsageError
from lrscope.statistics.autocorrelation import autocorrelation, autocorrelation_time, block_means
from lrscope.statistics.changepoint import change_points


@pytest.mark.parametrize("tail", [None, 4])
@pytest.mark.parametrize("memory", [0.0, 0.5])
def test_a_straight_line_is_rarely_cut(memory, tail):
    """At a stated false-split rate of 5 %, at most 6 of 50 noisy lines are cut, with memory and heavy tails
    too.
    """
    rng = np.random.default_rng(6)
    cut = 0
    for _ in range(50):
        x = rng.normal(size=300) if tail is None else rng.standard_t(tail, size=300)
        for i in range(1, 300):
            x[i] += memory * x[i - 1]
        cut += bool(change_points(x + np.linspace(4, 0, 300), blocks=100))
    assert cut <= 6


def test_a_bend_is_found_where_it_is():
    """A descent that levels out is cut once, within 5 % of the length of the bend."""
    y = np.r_[np.linspace(5, 1, 300), np.ones(300)] + 0.2 * np.random.default_rng(7).normal(size=600)
    cuts = change_points(y)
    assert len(cuts) == 1
    assert abs(cuts[0] - 300) <= 30


def test_a_jump_is_found_and_a_spike_is_none():
    """A step of ten noises is found to the block; a single wild value is no change."""
    rng = np.random.default_rng(8)
    y = np.r_[np.zeros(100), np.full(100, 1.0)] + 0.1 * rng.normal(size=200)
    assert any(abs(c - 100) <= 2 for c in change_points(y))
    flat = 0.1 * rng.normal(size=200)
    flat[77] = 50.0
    assert change_points(flat) == []


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(-100, 100), st.floats(0.01, 100))
def test_unit_and_origin_do_not_matter_to_cuts(seed, shift, factor):
    """Cuts are those of the shape, whatever its unit and origin."""
    rng = np.random.default_rng(seed)
    y = np.r_[np.linspace(3, 0, 40), np.zeros(40)] + 0.1 * rng.normal(size=80)
    assert change_points(y * factor + shift) == change_points(y)


def test_short_constant_and_bad_series():
    """Too short and constant series have no change; NaN is refused."""
    assert change_points([1.0, 2.0]) == []
    assert change_points(np.ones(100)) == []
    with pytest.raises(UsageError, match="finite"):
        change_points([1.0, np.nan])
    with pytest.raises(UsageError, match="false_splits"):
        change_points(np.ones(30), false_splits=2)


def test_autocorrelation_of_known_series():
    """An alternating series has r_1 near -1, noise with memory 0.5 near 0.5 and a time near 3; a constant has
    none.
    """
    assert autocorrelation(np.tile([1.0, -1.0], 100))[1] == pytest.approx(-1, abs=0.02)
    x = np.random.default_rng(9).normal(size=20_000)
    for i in range(1, x.size):
        x[i] += 0.5 * x[i - 1]
    assert autocorrelation(x)[1] == pytest.approx(0.5, abs=0.03)
    assert autocorrelation_time(x) == pytest.approx(3, abs=0.4)
    assert autocorrelation(np.ones(5)).tolist() == [1, 0, 0, 0, 0]
    with pytest.raises(UsageError):
        autocorrelation([])


def test_block_means_keep_the_mean():
    """Means of equal blocks have the mean of the whole; a short series stays itself."""
    x = np.arange(100.0)
    assert block_means(x, 10).mean() == pytest.approx(x.mean())
    assert block_means(x, 1000) is not None
    assert block_means(x, 1000).tolist() == x.tolist()
    with pytest.raises(UsageError):
        block_means(x, 0)
