"""The equivalence test: what it calls level, how often it errs, and what must not matter to it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrscope.errors import UsageError
from lrscope.statistics.equivalence import equivalence
from lrscope.statistics.trend import trend


def test_it_errs_as_rarely_as_it_says():
    """A series that falls by exactly rho of the gain is called level in at most 8 % of 400 tries (nominal 5
    %).
    """
    rng = np.random.default_rng(2)
    wrong = sum(
        equivalence(trend(0.05 * rng.normal(size=200) - np.linspace(0, 0.04, 200)), 1.0, rho=0.04).level_out
        for _ in range(400)
    )
    assert wrong <= 32


def test_all_looks_together_err_as_rarely():
    """Asked twenty times at growing length, a series that falls by rho is called level in at most 8 % of 150
    tries.
    """
    rng = np.random.default_rng(3)
    wrong = 0
    for _ in range(150):
        y = 0.05 * rng.normal(size=400)
        for look in range(1, 21):
            n = 20 * look
            piece = y[:n] - np.linspace(0, 0.04, n)
            if equivalence(trend(piece), 1.0, rho=0.04, look=look).level_out:
                wrong += 1
                break
    assert wrong <= 12


def test_level_and_falling_are_told_apart_with_enough_points():
    """The number of points it asks for is enough: level series are then called level in 80 % of 100 tries or
    more.
    """
    rng = np.random.default_rng(4)
    few = [equivalence(trend(0.2 * rng.normal(size=100)), 1.0, rho=0.1).needed for _ in range(50)]
    n = int(np.median(few))
    found = sum(equivalence(trend(0.2 * rng.normal(size=n)), 1.0, rho=0.1).level_out for _ in range(100))
    assert found >= 80


@settings(deadline=None)
@given(st.integers(0, 10_000), st.floats(-50, 50), st.floats(0.01, 100))
def test_unit_and_origin_do_not_matter(seed, shift, factor):
    """A constant added, or another unit, changes no answer."""
    y = np.random.default_rng(seed).normal(size=40)
    plain = equivalence(trend(y), 3.0, rho=0.3)
    moved = equivalence(trend(y * factor + shift), 3.0 * factor, rho=0.3)
    assert (plain.level_out, plain.falling, plain.rising) == (moved.level_out, moved.falling, moved.rising)
    assert moved.share == pytest.approx(plain.share, rel=1e-5, abs=1e-7)


def test_nothing_gained_is_never_level():
    """Without a gain there is no measure, and no verdict."""
    assert not equivalence(trend(np.zeros(10)), 0.0).level_out
    with pytest.raises(UsageError, match="rho"):
        equivalence(trend(np.zeros(10)), 1.0, rho=0)
