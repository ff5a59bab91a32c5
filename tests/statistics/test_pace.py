"""The pace of a descent, per doubling: what goes on, what has broken off, and what must not matter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrscope.errors import UsageError
from lrscope.statistics.pace import pace, positions

T = np.arange(1, 401)


def noisy(y, size, seed=0):
    return y + size * np.random.default_rng(seed).normal(size=len(y))


@settings(max_examples=40, deadline=None)
@given(st.floats(0.05, 0.5), st.integers(30, 3000), st.floats(-3, 10), st.floats(0, 50))
def test_no_power_law_is_ever_level(exponent, count, floor, delay):
    """Whatever its exponent up to a half, its length, its floor and its beginning, a power law still falls."""
    found = pace(floor + (np.arange(1, count + 1) + delay) ** -exponent)
    assert found.falling
    assert not found.level


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_a_power_law_that_stops_is_level(share):
    """Stopped at a twentieth, a fifth or half of its length, it is level, with little noise and with some."""
    stopped = 3 + np.minimum(T, share * T.size) ** -0.3
    for size in (0.0, 0.002):
        found = pace(noisy(stopped, size))
        assert found.level
        assert found.certainty > 0.95
        assert found.last < 0.5 * found.expected


def test_the_loss_of_a_random_start_does_not_matter():
    """A language model from 11 to 3.3 at a ninth of its run, of which the last doubling brought 0.2, still falls:
    far less than a twentieth of all that was improved is left, and that is no plateau.
    """
    course = 2.6 + 8.4 * (1 + T / 4) ** -0.6
    found = pace(noisy(course, 0.01))
    assert found.falling
    assert found.outlook.gain > 0


@settings(max_examples=25, deadline=None)
@given(st.sampled_from([0.1, 1.0]), st.floats(-100, 100), st.floats(1e-3, 1e3))
def test_unit_and_origin_do_not_matter(end, shift, factor):
    """A constant added, or another unit, changes no verdict and scales the pace."""
    course = noisy(5 + np.minimum(T, end * T.size) ** -0.3, 0.01)
    one, other = pace(course), pace(course * factor + (shift + 100) * factor)
    assert (one.level, one.falling) == (other.level, other.falling)
    assert other.last == pytest.approx(one.last * factor, rel=1e-3, abs=1e-6 * factor)


def test_errors_that_fall_over_decades_are_judged_by_their_logarithm():
    """An error that halves with each doubling still falls at a thousandth of its first value."""
    found = pace(1.0 / np.arange(1, 2001))
    assert (found.axis, found.falling) == ("log", True)
    assert found.outlook.gain == pytest.approx(1 / 4000, rel=0.1)
    assert found.outlook.high < 1 / 2000  # never below zero


def test_values_of_any_size_are_judged():
    """From 1e300 to 1e-300 within eight points, and back, nothing overflows."""
    down = np.geomspace(1e300, 1e-300, 8)
    assert pace(down).falling
    assert pace([*down, *down[::-1]]).seen >= 0


def test_a_decay_is_level_once_it_is_over():
    """At half a time constant a decay falls, at twelve it is level."""
    assert pace(1 + np.exp(-0.5 * T / T.size)).falling
    assert pace(1 + np.exp(-12 * T / T.size)).level


def test_a_short_shelf_is_not_level():
    """What has stood for a fifth of its length is not called level, noise or not."""
    shelf = 3 + np.minimum(T, 0.8 * T.size) ** -0.3
    assert not pace(shelf).level
    assert not pace(noisy(shelf, 0.003)).level


def test_a_rise_is_a_rise():
    """A curve that turns up again is neither level nor falling."""
    found = pace(noisy(1 + np.exp(-T / 20) + np.maximum(T - 200, 0) / 400, 0.01))
    assert found.rising
    assert not found.level


def test_steps_count_from_the_beginning_of_the_log():
    """A resumed log begins at its own first step; the first point is one spacing from zero."""
    assert positions([9100, 9150, 9200]).tolist() == [50, 100, 150]


def test_misuse_of_the_pace():
    """Seven values, or one that is not finite, are refused."""
    with pytest.raises(UsageError, match="8"):
        pace(T[:7])
    with pytest.raises(UsageError, match="finite"):
        pace([*range(9), np.nan])
