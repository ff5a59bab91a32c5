"""Programs that are not seeded: what differs from run to run is not the rate's doing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lrscope.config import Config
from lrscope.curves import LossCurve, Plan, Run, RunState, Scan
from lrscope.search.rate.by_curves import ByCurves
from lrscope.search.rate.recommend import recommend
from lrscope.search.rate.scatter import in_order
from lrscope.search.space import log_grid

RATES = log_grid(1e-4, 1.0, 5)
T = np.arange(1, 101)


def unseeded(of_rate, seed=0, scatter=0.3):
    """Runs whose start and end scatter from run to run; `of_rate(lr)` is what the rate adds. Three ran to the end."""
    random = np.random.default_rng(seed)
    runs = []
    for i, lr in enumerate(RATES):
        last = 100 if i in (4, 10, 15) else 10
        loss = 0.2 + (3 + scatter * random.standard_normal()) * np.exp(-0.06 * T) + of_rate(lr)
        loss = loss + 0.01 * random.standard_normal(T.size)
        curve = LossCurve(T[:last], loss[:last], name="loss")
        state = RunState.COMPLETE if last == 100 else RunState.STOPPED
        runs.append(Run(Config(lr=lr), 0, {"loss": curve}, state, last))
    return Scan(Plan(RATES, horizon=100, seeded=False), runs)


def named(scan):
    return recommend(scan, "test", ByCurves())


@pytest.mark.parametrize("seed", range(5))
def test_chance_from_run_to_run_names_no_rate(seed):
    """Where the rate does nothing, none is named, whatever run happened to end lowest."""
    answer = named(unseeded(lambda lr: 0.0, seed))
    assert answer.lr is None
    assert "cannot be told apart" in answer.reason


@pytest.mark.parametrize("seed", range(5))
def test_a_rate_that_matters_is_named_through_the_scatter(seed):
    """Where ends differ with the rate, or values follow it along the axis, one is named."""
    assert named(unseeded(lambda lr: 0.3 * np.log10(lr / 0.01) ** 2, seed)).lr is not None
    assert named(unseeded(lambda lr: 0.02 * np.log10(lr / 0.01) ** 2, seed, scatter=0.001)).lr is not None


def test_a_run_that_diverged_shows_that_rates_differ():
    """One rate at which training diverges is not chance."""
    scan = unseeded(lambda lr: 0.0)
    runs = [*scan.runs[:-1], replace(scan.runs[-1], state=RunState.DIVERGED)]
    assert named(replace(scan, runs=runs)).lr is not None


def test_order_is_told_from_noise():
    """A slope and a bowl are in order; noise is not, in all but a few of a thousand draws."""
    x = np.linspace(-1, 1, 21)
    assert in_order(x)
    assert in_order(x**2)
    random = np.random.default_rng(0)
    assert np.mean([in_order(random.standard_normal(21)) for _ in range(1000)]) < 0.05
