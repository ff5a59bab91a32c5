"""The balance controller: the sign of the gap decides, its noise and the age of the run say when."""

from __future__ import annotations

import numpy as np
import pytest

from lrscope.control import Action, Gap
from lrscope.control.gap import gap_of


def feed(gaps, rule=Gap(), start=16, every=4):  # noqa: B008 - frozen
    state, decisions = rule.init(0.1), []
    for i, gap in enumerate(gaps):
        state, decision = rule.update(state, start + every * i, 1.0, gap=float(gap))
        if decision is not None:
            decisions.append(decision)
    return state, decisions


def test_a_positive_gap_lowers_and_a_negative_one_raises():
    """By a quarter down, by a half up; the reason says which, and the numbers are there."""
    rng = np.random.default_rng(0)
    noise = 0.01 * rng.normal(size=4)
    _, (down,) = feed(0.1 + noise)
    _, (up,) = feed(-0.1 + noise)
    assert (down.action, down.factor, down.lr) == (Action.LOWER, 0.75, pytest.approx(0.075))
    assert (up.action, up.factor, up.lr) == (Action.RAISE, 1.5, pytest.approx(0.15))
    assert "noise" in down.reason
    assert "progress" in up.reason
    assert down.numbers["gap"] == pytest.approx(0.1, abs=0.02)
    assert down.numbers["t"] > down.numbers["threshold"]


def test_a_gap_of_noise_alone_seldom_moves_the_rate():
    """Gaps around zero: in 50 runs of 60 looks each, fewer than two changes a run, and they go both ways."""
    rng = np.random.default_rng(1)
    moves = [d.factor for _ in range(50) for d in feed(0.1 * rng.normal(size=60))[1]]
    assert len(moves) < 100
    assert 0.2 < np.mean([m > 1 for m in moves]) < 0.8


def test_changes_are_spaced_by_the_age_of_the_run():
    """At step 10,000 a drop needs 300 steps since the last change, a raise 150."""
    gaps = 0.1 + 0.001 * np.random.default_rng(2).normal(size=200)
    for sign, wait in ((1, 300), (-1, 150)):
        steps = [d.step for d in feed(sign * gaps, start=10_000, every=8)[1]]
        assert len(steps) > 2
        assert min(np.diff(steps)) >= wait


def test_momentum_is_waited_for():
    """With an optimiser that remembers 10 steps, 40 pass between changes even early on."""
    gaps = 0.1 + 0.001 * np.random.default_rng(3).normal(size=40)
    steps = [d.step for d in feed(gaps, Gap(memory=10.0), start=40)[1]]
    assert min(np.diff(steps)) >= 40


def test_gaps_are_wanted_often_at_first_and_at_the_given_pace_later():
    """From step 16 on every 2nd step until 64, then every 8th, every 16th after 1024, every 32nd after 4096."""
    rule = Gap()
    state = rule.init(0.1)
    assert not any(rule.wants_gap(state, step) for step in range(16))
    assert [s for s in range(16, 25) if rule.wants_gap(state, s)] == [16, 18, 20, 22, 24]
    assert [s for s in range(65, 90) if rule.wants_gap(state, s)] == [72, 80, 88]
    assert [s for s in range(1025, 1070) if rule.wants_gap(state, s)] == [1040, 1056]
    assert [s for s in range(4097, 4170) if rule.wants_gap(state, s)] == [4128, 4160]


@pytest.mark.parametrize(
    ("here", "long", "short", "gap"),
    [
        (1.5, 1.0, 0.8, 0.5),  # worse than the long average: by so much, whatever the short one is
        (1.0, 1.5, 1.2, -0.2),  # ahead of both: of the better one
        (1.0, 1.2, 1.5, -0.2),
        (1.0, 1.5, 0.8, 0.0),  # behind the short one: no reason to go faster, nor a lag that asks for slower
        (1.0, 1.0, 0.5, 0.0),
    ],
)
def test_weights_are_ahead_only_as_far_as_they_are_ahead_of_both_averages(here, long, short, gap):
    """The short average counts where the long one lags behind, and is not asked elsewhere."""
    asked = []
    found = gap_of(here, long, lambda: asked.append(1) or short)
    assert found == pytest.approx(gap)
    assert bool(asked) == (here < long)
