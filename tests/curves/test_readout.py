"""Where a curve stands."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrscope.config import Config
from lrscope.curves import LossCurve, Plan, Run, RunState, Scan
from lrscope.curves.readout import readout
from lrscope.search.rate.ranking import judge, reading

FINITE = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60)


def curve(values):
    return np.arange(1, len(values) + 1), np.array(values, float)


@given(FINITE)
def test_the_end_is_a_mean_over_the_last_tenth(values):
    """Of the steps so far, at least one value."""
    steps, loss = curve(values)
    tail = loss[steps > 0.9 * steps[-1]]
    assert readout(steps, loss, goal="min") == pytest.approx(tail.mean(), abs=1e-6)


@given(FINITE, st.sampled_from(["min", "max"]))
def test_the_best_is_never_worse_than_the_end(values, goal):
    """It is the best that the same mean has been on the way."""
    steps, loss = curve(values)
    last, best = (readout(steps, loss, goal=goal, objective=o) for o in ("last", "best"))
    assert best <= last + 1e-3 if goal == "min" else best >= last - 1e-3


@given(FINITE, st.sampled_from(["last", "best"]))
def test_more_is_better_mirrors_less_is_better(values, objective):
    """The sign of the metric and its goal turned together change nothing else."""
    steps, loss = curve(values)
    down = readout(steps, loss, goal="min", objective=objective)
    assert readout(steps, -loss, goal="max", objective=objective) == pytest.approx(-down, abs=1e-6)


def test_what_was_reached_stays_reached():
    """A NaN at the end spoils the end and not the best: planner, ranking and report say the same."""
    steps, loss = curve([3.0, 2.0, 1.0, 1.056, math.nan])
    assert readout(steps, loss, goal="min") == math.inf
    assert readout(steps, loss, goal="min", objective="best") == 1.0
    run = Run(Config(lr=0.1), 0, {"loss": LossCurve(steps, loss)}, RunState.COMPLETE, 5)
    scan = Scan(Plan((0.1,), objective="best"), (run,))
    assert reading(run, judge(scan), 5) == 1.0


def test_nothing_seen_is_no_number_and_nothing_finite_the_worst():
    """So that neither passes for a result."""
    assert math.isnan(readout(*curve([]), goal="min"))
    assert readout(*curve([math.nan]), goal="min", objective="best") == math.inf
    assert readout(*curve([math.nan]), goal="max", objective="best") == -math.inf


def test_long_curves_are_read_as_finely_as_short_ones():
    """The best mean of a curve of a hundred thousand points is found to within its noise."""
    x = np.linspace(0, 1, 100_000)
    steps, loss = curve(1 + (x - 0.7) ** 2)
    assert readout(steps, loss, goal="min", objective="best") == pytest.approx(1.0, abs=1e-3)
