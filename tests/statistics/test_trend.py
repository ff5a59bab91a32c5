"""The robust trend: exact on lines, honest on noise with memory and heavy tails, blind to unit and origin."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrscope.errors import UsageError
from lrscope.statistics.student import normal_quantile, student_cdf, student_quantile
from lrscope.statistics.trend import trend


def noise(rng, n, memory, tail):
    x = rng.normal(size=n + 50) if tail is None else rng.standard_t(tail, size=n + 50)
    for i in range(1, x.size):
        x[i] += memory * x[i - 1]
    return x[50:]


@pytest.mark.parametrize("tail", [None, 4, 2])
@pytest.mark.parametrize(("memory", "n"), [(0.0, 20), (0.0, 200), (0.6, 200), (-0.4, 60)])
def test_intervals_hold_the_truth(memory, n, tail):
    """90 % intervals of the fall hold the true fall in at least 83 % of 200 series, also with t2 noise and
    memory.
    """
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(200):
        low, high = trend(noise(rng, n, memory, tail) - 0.01 * np.arange(n)).fall_within(0.9)
        hits += low <= 0.01 * (n - 1) <= high
    assert hits >= 166


def test_one_wild_point_moves_it_little():
    """A value a thousand noises off moves the slope by less than one standard error."""
    y = np.random.default_rng(1).normal(size=100) - 0.1 * np.arange(100)
    plain = trend(y)
    y[97] += 1000
    assert abs(trend(y).slope - plain.slope) < plain.error


@settings(deadline=None)
@given(
    st.lists(st.floats(-10, 10), min_size=6, max_size=30),
    st.floats(-100, 100),
    st.floats(0.01, 100),
)
def test_unit_and_origin_do_not_matter(values, shift, factor):
    """Fall and error stretch with the values and ignore a constant."""
    values = [round(v, 3) for v in values]
    plain = trend(values)
    moved = trend(np.asarray(values) * factor + shift)
    assert moved.fall == pytest.approx(plain.fall * factor, rel=1e-4, abs=1e-6 * factor * 10 + 1e-9)
    if plain.noise > 1e-3:
        assert moved.fall_error == pytest.approx(plain.fall_error * factor, rel=1e-3)


def test_a_line_has_no_error():
    """On a line the slope is exact, the error nothing, and its t infinite."""
    line = trend([5.0, 4.0, 3.0, 2.0, 1.0], [0, 2, 4, 6, 8])
    assert (line.slope, line.fall, line.error) == (-0.5, 4.0, 0.0)
    assert line.t == -math.inf
    assert trend([1.0, 1.0, 1.0]).t == 0.0


def test_misuse_is_refused():
    """Too few points, other lengths and NaN are refused with a sentence."""
    with pytest.raises(UsageError, match="three points"):
        trend([1.0, 2.0])
    with pytest.raises(UsageError, match="three points"):
        trend([1.0, 2.0, 3.0], [1.0, 2.0])
    with pytest.raises(UsageError, match="finite"):
        trend([1.0, math.nan, 2.0])


@pytest.mark.parametrize(
    ("level", "freedom", "value"),
    [
        (0.95, 1, 6.313752),
        (0.975, 2, 4.302653),
        (0.95, 3, 2.353363),
        (0.99, 5, 3.364930),
        (0.9, 30, 1.310415),
    ],
)
def test_quantiles_of_student(level, freedom, value):
    """Quantiles agree with the printed tables to four digits, on both sides, and turn normal in the end."""
    assert student_quantile(level, freedom) == pytest.approx(value, rel=1e-4)
    assert student_quantile(1 - level, freedom) == pytest.approx(-value, rel=1e-4)
    assert student_quantile(level, 1e9) == pytest.approx(normal_quantile(level))
    if freedom >= 3:
        assert student_cdf(value, freedom) == pytest.approx(level, abs=0.012)
    with pytest.raises(UsageError, match="between 0 and 1"):
        student_quantile(1.0, 3)
