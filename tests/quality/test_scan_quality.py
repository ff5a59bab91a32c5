"""How often a scan is right, on trainings of known truth: regret, intervals, the cliff."""

from __future__ import annotations

import math

import pytest

from lrscope.curves import Plan
from lrscope.search.planners.halving import HalvingPlanner
from lrscope.search.space import log_grid
from lrscope.testing.curves import KnownTraining, carry_out

RATES = log_grid(1e-4, 10.0)
TRAININGS = [
    KnownTraining(horizon=300, needed=needed, floor=floor, cliff=cliff, noise=0.03)
    for needed in (0.03, 0.3, 3.0)
    for floor in (0.1, 0.5, 5.0)
    for cliff in (0.2, 2.0)
]


@pytest.fixture(scope="module")
def answers():
    plan = Plan(rates=RATES, horizon=300, budget=4.0)
    return [(t, HalvingPlanner().name(carry_out(HalvingPlanner(), plan, t))) for t in TRAININGS]


def test_regret_is_small(answers):
    """For four full runs of 26 rates, the rate named ends within 5 % of the best in the mean."""
    regrets = []
    for training, answer in answers:
        best = training.clean(training.best(RATES), training.horizon)
        named = training.clean(answer.lr.value, training.horizon)
        regrets.append((named - best) / (training.start - best))
    assert sum(regrets) / len(regrets) < 0.05


def test_intervals_hold_the_best_and_are_narrow(answers):
    """Sixteen of eighteen intervals of 90 % hold the rate that ends lowest in truth; half span 1.5 decades at most."""
    held = sum(a.lr.low <= t.best(RATES) <= a.lr.high for t, a in answers)
    assert held >= 16
    widths = sorted(math.log10(a.lr.high / a.lr.low) for _, a in answers)
    assert widths[len(widths) // 2] <= 1.5


def test_intervals_stay_in_the_range(answers):
    """No interval reaches beyond the rates that were looked at."""
    assert all(RATES[0] <= a.lr.low <= a.lr.value <= a.lr.high <= RATES[-1] for _, a in answers)


def test_the_cliff_is_found(answers):
    """Each estimate lies within a grid step and a half of where training begins to fail in truth.

    That is where the loss grows, or already where the noise of the gradient holds it as high as it started.
    """
    for training, answer in answers:
        fails = min(training.cliff, training.start / training.floor)
        assert answer.cliff is not None
        assert abs(math.log10(answer.cliff.value / fails)) < 0.35
