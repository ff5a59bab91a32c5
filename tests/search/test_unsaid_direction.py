"""A metric whose better side nobody said: learned from the runs once, kept, and told."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scripted import ScriptedSource, sit

from lrscope.config import Config
from lrscope.curves import LossCurve, Plan, Run, RunState, Scan
from lrscope.search.planners.halving import HalvingPlanner
from lrscope.search.rate.cliff import DivergenceWatch
from lrscope.search.rate.unsaid import assumed, learn_direction
from lrscope.training.store.memory import MemoryStore

RATES = tuple(10.0 ** (k / 3) for k in range(-12, 0))


def score(lr: float, seed: int, step: int) -> dict[str, float]:
    """A score that rises at every rate, most at 0.05 or so."""
    return {"quux": lr / (0.05 + lr**2) * (1 - math.exp(-step / 8)) + 0.001 * seed}


def scan_of(values: dict[float, object], name: str = "quux", **plan: object) -> Scan:
    """One run a rate, complete."""
    runs = [
        Run(
            Config(lr=lr),
            0,
            {name: LossCurve(np.arange(1, len(v) + 1), v, name=name)},
            RunState.COMPLETE,
            len(v),
        )
        for lr, v in values.items()
    ]
    return Scan(Plan(rates=tuple(values), horizon=8, **plan), runs)


UP = {10.0**-k: np.linspace(0, 1, 8) for k in range(6, 0, -1)}


def test_a_scan_by_an_unknown_score_names_the_best_rate():
    """Where every run raises the metric, more is taken to be better, and the answer says so and why."""
    found = sit(ScriptedSource(score), planner=HalvingPlanner(), rates=RATES).recommendation
    assert found.goal == "max"
    assert found.lr is not None
    assert found.lr.value == pytest.approx(10 ** (-2 / 3))
    assert sum("`quux` is not a metric that lrscope knows; more was taken" in w for w in found.warnings) == 1


def test_what_was_learned_holds_in_the_next_sitting():
    """The direction is on record with the scan, and a second sitting starts with it."""
    store = MemoryStore()
    first = sit(ScriptedSource(score), store, planner=HalvingPlanner(), rates=RATES)
    again = sit(ScriptedSource(score), store, planner=HalvingPlanner(), rates=RATES)
    assert again.scan.plan.directions == first.scan.plan.directions != ()
    assert again.recommendation.lr == first.recommendation.lr


def test_once_learned_it_does_not_turn():
    """Later runs that move the other way change nothing."""
    plan = learn_direction(scan_of(UP))
    assert plan.goal_of("quux") == "max"
    down = {lr: 5.0 - values for lr, values in UP.items()}
    later = replace(scan_of(down), plan=plan)
    assert learn_direction(later) == plan


def test_runs_that_diverged_do_not_count():
    """A run that was lost moves the wrong way and says nothing of the better side."""
    scan = scan_of(UP)
    lost = replace(scan, runs=[replace(run, state=RunState.DIVERGED) for run in scan.runs])
    assert learn_direction(lost) == scan.plan


@pytest.mark.parametrize(
    ("name", "plan"),
    [("acc", {}), ("loss", {}), ("quux", {"goal": "min"}), ("quux", {"goal": "min", "metric": "quux"})],
)
def test_a_name_and_a_user_win_always(name: str, plan: dict[str, str]):
    """Data is not asked where the name says which way is better or the user does, and then nothing is told."""
    scan = scan_of(UP, name, **plan)
    assert learn_direction(scan) == scan.plan
    assert list(assumed(scan.plan, name)) == []


def test_what_the_user_said_belongs_to_the_metric_they_named():
    """A metric that stands in for the named one goes by its own name."""
    plan = Plan(rates=(0.1,), metric="quux", goal="max")
    assert plan.goal_of("quux") == "max"
    assert plan.goal_of("loss") == "min"
    assert Plan(rates=(0.1,), goal="max").goal_of("loss") == "max"


def test_an_assumption_is_told():
    """Where neither name nor user nor data says, less is taken to be better, and one sentence says so."""
    assert list(assumed(Plan(rates=(0.1,)), "quux", "quux", None)) == [
        "`quux` is not a metric that lrscope knows; less was taken to be better. If more is better, give --goal max."
    ]


def stopped(name: str, values: np.ndarray, **settings: str) -> bool:
    """Whether the watch ends a run that reports these values."""
    watch = DivergenceWatch(**settings)
    return any(watch(step, name, float(value)) is not None for step, value in enumerate(values, 1))


RISEN = np.concatenate([np.full(10, 1.0), np.full(40, 100.0)]) + np.linspace(0, 0.1, 50)


def test_an_unknown_metric_does_not_diverge_by_rising():
    """What rises may be a score: a run is lost by it only where the user said that less is better."""
    assert not stopped("quux", RISEN)
    assert not stopped("quux", RISEN, metric="quux")
    assert stopped("quux", RISEN, metric="quux", goal="min")
    assert stopped("quux", RISEN, goal="min")
    assert stopped("loss", RISEN)


def test_losses_of_an_agent_may_rise():
    """Where rewards are reported, a loss that rises is no divergence, but one that is not finite is."""
    watch = DivergenceWatch()
    for step, value in enumerate(RISEN, 1):
        assert watch(step, "rollout/ep_rew_mean", 1.0) is None
        assert watch(step, "train/value_loss", float(value)) is None
    assert watch(60, "train/value_loss", math.inf) is not None
