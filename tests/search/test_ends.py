"""Runs that end by themselves, and runs that train alike for a while."""

from __future__ import annotations

import numpy as np
import pytest
from scripted import RATES, ScriptedSource, decay, sit

from lrscope.config import Config
from lrscope.curves import LossCurve, Plan, Run, RunState, Scan
from lrscope.search.planners.flow import FlowPlanner
from lrscope.search.planners.halving import HalvingPlanner
from lrscope.search.rate.by_curves import ByCurves
from lrscope.search.rate.nothing import ignored_rate, silent_until
from lrscope.search.rate.recommend import recommend
from lrscope.search.rate.rungs import ReportPace
from lrscope.search.space import log_grid
from lrscope.testing.curves import carry_out

HORIZON = 200
GRID = log_grid(1e-3, 1.0, 4)


class Stopping:
    """Trainings that stop by themselves, the sooner the higher their rate, and keep what they had come to."""

    def run(self, key, to_step):
        end = int(min(HORIZON, 12 / key.lr))
        t = np.arange(1, min(to_step, end) + 1)
        floor = 0.1 + 0.02 * np.log10(key.lr / 0.1) ** 2
        loss = floor + 3 * np.exp(-key.lr * t)
        done = min(to_step, end)
        state = RunState.COMPLETE if done in (end, HORIZON) else RunState.PAUSED
        return Run(key.config, key.seed, {"loss": LossCurve(t, loss, name="loss")}, state, done)


@pytest.mark.parametrize("planner", [FlowPlanner, HalvingPlanner])
@pytest.mark.parametrize("budget", [2.0, 4.0])
def test_a_run_that_ended_by_itself_is_judged_by_its_end(planner, budget):
    """No rate is named that another whole run beats, however early that one ended."""
    scan = carry_out(planner(), Plan(GRID, horizon=HORIZON, budget=budget), Stopping())
    answer = planner().name(scan)
    ends = {run.lr: run.curves["loss"].loss[-1] for run in scan.runs if run.state is RunState.COMPLETE}
    if answer.lr.value in ends:
        assert ends[answer.lr.value] <= min(ends.values()) + 1e-3


def test_by_curves_too_early_ends_count():
    """The run that ended at a third of the length, lower than all others ended, is the one that leads."""
    t = np.arange(1, 101)
    ends = {0.01: 100, 0.1: 100, 0.3: 33, 1.0: 33}
    lows = {0.01: 0.5, 0.1: 0.3, 0.3: 0.2, 1.0: 0.4}
    runs = [
        Run(
            Config(lr=lr), 0,
            {"loss": LossCurve(t[:n], (lows[lr] + np.exp(-0.3 * t))[:n], name="loss")},
            RunState.COMPLETE, n,
        )
        for lr, n in ends.items()
    ]  # fmt: skip
    answer = recommend(Scan(Plan(tuple(ends), horizon=100), runs), "test", ByCurves())
    assert answer.lr.value == 0.3


def warming(until, horizon_value=decay):
    """Alike until a step, whatever the rate; then as they are."""
    return lambda lr, seed, step: 2.0 - 0.01 * step if step <= until else horizon_value(lr, seed, step)


def test_a_warm_up_is_not_taken_for_an_ignored_rate():
    """Runs that train alike for their first third are looked at again at half of a run; then a rate is named."""
    outcome = sit(ScriptedSource(warming(5)))
    assert outcome.recommendation.lr is not None
    reasons = [d.reason for d in outcome.decisions if d.kind == "advance"]
    assert any("whether that is a warm-up" in reason for reason in reasons)


def test_rates_that_stay_alike_to_half_of_a_run_are_ignored():
    """Two rates that agree as far are enough; before that nothing is said."""

    def runs(*steps):
        t = np.arange(1, 101)
        return [
            Run(Config(lr=lr), 0, {"loss": LossCurve(t[:n], 1.0 / t[:n], name="loss")}, RunState.PAUSED, n)
            for lr, n in zip((0.01, 0.1, 1.0), steps, strict=True)
        ]

    assert ignored_rate(runs(10, 10, 10)) is not None
    assert ignored_rate(runs(10, 10, 10), 100) is None
    assert ignored_rate(runs(10, 10, 60), 100) is None
    assert "ignore its learning rate" in ignored_rate(runs(10, 50, 60), 100)


def test_nothing_is_looked_at_before_rates_differ():
    """The first report that is worth asking for comes after the last one at which all were alike."""
    t = np.arange(1, 41)
    runs = [
        Run(Config(lr=lr), 0, {"loss": LossCurve(t, np.where(t <= 20, 1.0, lr), name="loss")}, step=40)
        for lr in RATES[:3]
    ]
    assert silent_until(runs) == 20
    assert silent_until(runs[:1]) == 0
    assert ReportPace(every=1, silent=20).first == 21
    assert ReportPace(every=8, offset=8, silent=20).first == 24
    assert ReportPace(every=8, offset=3).first == 3
