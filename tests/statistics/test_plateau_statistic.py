"""The plateau test: level is said where nothing more is coming, and not while a series still comes down."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrscope.errors import UsageError
from lrscope.statistics.plateau import MOST_POINTS, plateau_test


def descent(n: int, scale: float, noise: float, seed: int = 0) -> np.ndarray:
    return np.exp(-np.arange(n) / (scale * n)) + noise * np.random.default_rng(seed).normal(size=n)


def judge(values: np.ndarray, **settings: float) -> bool:
    return plateau_test(values, **{"start": float(values[0]), "rho": 0.06, **settings}).level


def test_a_noise_floor_is_level_and_a_descent_is_not() -> None:
    """A series that arrived in its first twentieth is called level in most of 40 draws, one that is on its way in at
    most the stated 10 %."""
    arrived = sum(judge(descent(200, 0.05, 0.01, seed)) for seed in range(40))
    falling = sum(judge(descent(200, 0.5, 0.05, seed)) for seed in range(40))
    assert arrived > 30
    assert falling <= 4


def test_a_series_that_climbs_again_is_not_level() -> None:
    """Losing half of what was gained in the latest stretch is no plateau, and is said to climb."""
    values = np.concatenate([descent(150, 0.1, 0.0), np.linspace(0.0, 0.5, 50)])
    found = plateau_test(values, start=1.0, rho=0.06)
    assert found.rises_back
    assert not found.level


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 99),
    n=st.integers(6, 300),
    scale=st.sampled_from([0.03, 0.2, 1.0]),
    shift=st.sampled_from([-8.0, 0.0, 64.0]),
    power=st.integers(-6, 6),
)
def test_neither_unit_nor_origin_matters(seed: int, n: int, scale: float, shift: float, power: int) -> None:
    """Adding a constant, or multiplying by a positive number, changes neither the stretch nor the word."""
    values = descent(n, scale, 0.02, seed)
    factor = 2.0**power
    plain = plateau_test(values, start=float(values[0]), rho=0.06)
    moved = plateau_test(values * factor + shift, start=float(values[0]) * factor + shift, rho=0.06)
    assert (moved.level, moved.begin) == (plain.level, plain.begin)
    assert moved.gained == pytest.approx(plain.gained * factor, rel=1e-6, abs=1e-9)


def test_each_look_asks_for_more() -> None:
    """At later looks the bound is the wider, so that all looks together err no more often than one."""
    values = descent(60, 0.1, 0.03)
    highs = [plateau_test(values, start=1.0, rho=0.06, look=look).latest.high for look in (1, 3, 9)]
    assert highs == sorted(highs)
    assert highs[0] < highs[-1]


def test_nothing_before_a_change_point_is_judged() -> None:
    """With a cut near the end the stretch begins there; with too little after it, the cut is passed over."""
    values = descent(400, 0.1, 0.02)
    assert plateau_test(values, start=1.0, rho=0.06, cut=350).begin == 350
    uncut = plateau_test(values, start=1.0, rho=0.06)
    assert plateau_test(values, start=1.0, rho=0.06, cut=395).begin == uncut.begin


def test_where_values_were_seen_counts() -> None:
    """The same values at steps ten times as far apart fall ten times as slowly, and the word is the same; a long series
    is averaged in blocks first."""
    values = descent(30_000, 0.05, 0.05)
    near = plateau_test(values, start=1.0, rho=0.06)
    far = plateau_test(values, 10 * np.arange(values.size), start=1.0, rho=0.06)
    assert near.level
    assert far.level
    assert far.length == pytest.approx(10 * near.length)
    assert near.window.count <= MOST_POINTS


def test_too_few_values_are_refused() -> None:
    """Five values give no test; the sentence says how many would."""
    with pytest.raises(UsageError, match="6 values or more; got 5"):
        plateau_test([5.0, 4.0, 3.0, 2.0, 1.0], start=5.0, rho=0.06)
