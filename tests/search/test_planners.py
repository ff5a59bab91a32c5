"""Both planners keep the contract, and halving does what it is for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lrscope
from lrscope.config import at_rate
from lrscope.curves import Plan, Scan
from lrscope.errors import UsageError
from lrscope.search.planners.flow import FlowPlanner
from lrscope.search.planners.grid import FullGridPlanner, coarse_to_fine
from lrscope.search.planners.halving import HalvingPlanner
from lrscope.search.rate.budget import check_budget
from lrscope.search.rate.rungs import ReportPace, halving_steps, longest, pace_of
from lrscope.search.space import log_grid
from lrscope.testing.curves import KnownTraining, carry_out, spent
from lrscope.testing.planner_suite import PlannerSuite


class TestHalving(PlannerSuite):
    def planner(self):
        return HalvingPlanner()


class TestFlow(PlannerSuite):
    def planner(self):
        return FlowPlanner()


class TestFullGrid(PlannerSuite):
    def planner(self):
        return FullGridPlanner()


GRID = log_grid(1e-3, 10.0)


@settings(max_examples=30, deadline=None)
@given(
    budget=st.floats(0.1, 50),
    horizon=st.integers(3, 600),
    every=st.sampled_from([1, 7, 50]),
    seeds=st.integers(1, 3),
    noise=st.sampled_from([0.0, 0.1]),
)
def test_any_budget_is_kept_and_used(budget, horizon, every, seeds, noise):
    """Whatever the horizon, the reporting interval and the seeds, halving keeps the budget and comes to an
    end."""
    plan = Plan(rates=GRID, horizon=horizon, budget=budget, seeds=tuple(range(seeds)))
    training = KnownTraining(horizon=horizon, noise=noise, every=min(every, horizon))
    scan = carry_out(HalvingPlanner(), plan, training)
    assert spent(scan) <= budget + 1e-9
    assert HalvingPlanner().name(scan).reason


def test_four_full_runs_take_the_leader_to_the_horizon():
    """At the default budget the rate named was run to the end, and half the rates far less."""
    scan = carry_out(HalvingPlanner(), Plan(rates=log_grid(), horizon=1000), KnownTraining(horizon=1000))
    answer = HalvingPlanner().name(scan)
    assert scan.run(at_rate(answer.lr.value)).step == 1000
    assert sum(run.step < 200 for run in scan.runs) > len(scan.runs) / 2


def test_the_scout_is_charged_first():
    """A run that was let through to learn the horizon counts, and the rest fits into what it left."""
    plan = Plan(rates=GRID, horizon=400, budget=2.0, scout=at_rate(0.001))
    scan = carry_out(HalvingPlanner(), plan, KnownTraining())
    assert 1.5 < spent(scan) <= 2.0
    assert HalvingPlanner().name(scan).lr.value != 0.001


def test_no_rung_is_shorter_than_a_report():
    """A training that reports every 50 steps is never asked for less, once that has shown."""
    scan = carry_out(HalvingPlanner(), Plan(rates=GRID, horizon=400), KnownTraining(every=50))
    trained = [run for run in scan.runs if run.state != "diverged" and run.lr != 0.001]  # 0.001 found it out
    assert all(len(run.metric("loss")) for run in trained)
    assert all(run.step % 50 == 0 for run in trained)


def test_the_first_rung_can_tell_rates_apart():
    """The loss of step 1 comes before the first update and is the same for all, so nobody is left for it; where all
    rates cannot be taken further, fewer set out."""

    def train(lr, seed):
        x = 1.0
        for _ in range(400):
            yield x * x
            x -= lr * 2 * x

    result = lrscope.scan(train, low=1e-3, high=10.0, steps=400, budget=0.15)
    reached = [run.step for run in result.runs if run.lr != 0.001]
    assert min(reached) >= 2
    assert 0.2 < result.lr.value < 1.0


def test_pace_shows_at_the_second_report():
    """Reports at 1, 101, 201 … are not taken for reports at every step."""
    training = KnownTraining(horizon=1000, every=100)
    run = training.run(at_rate(0.01), 1000)
    shifted = replace(
        run, curves={"loss": type(run.curves["loss"])([1, 101, 201, 301], [2, 1, 1, 1])}, step=128
    )
    shown = pace_of(replace(shifted, step=512), 400)
    assert shown == ReportPace(100, 1)
    assert pace_of(replace(shifted, step=16), 4) is None


def test_runs_in_one_piece_are_refined_around_the_best():
    """Where each run counts whole, the grid is visited coarse to fine and the best one's neighbours come
    next."""
    plan = Plan(rates=GRID, horizon=1, budget=8, pausable=False)
    training = KnownTraining(horizon=1, needed=0.01)
    scan = carry_out(HalvingPlanner(), plan, training)
    assert len(scan.runs) == 8
    best = GRID.index(HalvingPlanner().name(scan).lr.value)
    assert abs(best - GRID.index(training.best(GRID))) <= 1


def test_further_seeds_confirm_the_leaders():
    """With two seeds the leading rates are run again, within the budget."""
    plan = Plan(rates=GRID, horizon=400, budget=6.0, seeds=(0, 1))
    scan = carry_out(HalvingPlanner(), plan, KnownTraining(noise=0.05))
    again = [run for run in scan.runs if run.seed == 1]
    assert len(again) >= 2
    assert all(run.step == 400 for run in again)
    assert "second seed" not in " ".join(HalvingPlanner().name(scan).warnings)


@pytest.mark.parametrize(
    "plan",
    [
        Plan(rates=GRID[:2]),
        Plan(rates=GRID, horizon=1, budget=2.0),
        Plan(rates=GRID, pausable=False, budget=2.9),
        Plan(rates=GRID, horizon=10, budget=0.2),
        Plan(rates=GRID, horizon=100, budget=1.0, scout=at_rate(0.001)),
        Plan(rates=GRID, budget=float("nan")),
    ],
)
def test_too_small_a_budget_is_told(plan):
    """What cannot try four rates is refused, and the sentence says what would do."""
    with pytest.raises(UsageError, match=r"budget|rates"):
        check_budget(plan)


def test_a_sufficient_budget_passes():
    """The plan that the message asks for is accepted."""
    check_budget(Plan(rates=GRID, horizon=10, budget=0.4))
    check_budget(Plan(rates=GRID, horizon=1, budget=4))
    check_budget(Plan(rates=GRID[:3], horizon=1, budget=3))


@given(st.integers(1, 60), st.integers(1, 5000), st.integers(1, 20000), st.booleans())
def test_the_longest_rung_is_affordable_and_longest(count, horizon, left, finish):
    """The rung that is chosen can be paid with all that follows, and one step more could not."""
    step = longest(count, 0, left, horizon, finish)
    if count > 1 and step is not None:
        assert halving_steps(count, 0, step, horizon, finish) <= left
        assert step == horizon or halving_steps(count, 0, step + 1, horizon, finish) > left


@given(st.integers(1, 100))
def test_coarse_to_fine_visits_all(size):
    """Every rate once."""
    assert sorted(coarse_to_fine(range(size))) == list(range(size))


def test_an_unknown_horizon_asks_for_nothing():
    """The session learns the horizon first."""
    assert HalvingPlanner().ask(Scan(Plan(rates=GRID))) == []
