"""Facts for pictures: which run is named, and which part of the values a picture shows."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from view_outcomes import KINDS, make, one_point

from lrscope.config import Config
from lrscope.curves import RunState
from lrscope.curves.curve import curves_from_points
from lrscope.statistics.estimate import Estimate
from lrscope.views.scan.facts import collect, curve_window, level_window


@pytest.mark.parametrize("kind", KINDS)
def test_a_window_holds_every_level_it_does_not_declare_hidden(kind):
    """Of the runs that did not diverge, exactly those counted as hidden stand outside the picture."""
    facts = collect(make(kind))
    for metric in facts.metrics:
        window = level_window(facts, metric)
        levels = [r.curves[metric].level for r in facts.runs if metric in r.curves and not r.gone]
        outside = [v for v in levels if v is not None and not window.low <= v <= window.high]
        assert len(outside) <= window.hidden
        assert window.low < window.high
        assert not window.log or window.low > 0


def test_diverged_runs_do_not_squash_the_picture():
    """A run that reached 1e30 before it was stopped leaves the window as it is without it."""
    outcome = make("network")
    calm = [r for r in outcome.scan.runs if r.state is not RunState.DIVERGED]
    wild = replace(
        calm[-1],
        config=Config(lr=9.0),
        state=RunState.DIVERGED,
        curves=curves_from_points([(1, "loss", 1.9), (2, "loss", 1e30)]),
    )
    with_it = collect(replace(outcome, scan=replace(outcome.scan, runs=[*calm, wild])))
    assert max(level_window(with_it, "loss").high, curve_window(with_it, "loss").high) < 20


def test_a_stopped_run_far_above_the_start_is_hidden_and_counted():
    """A run that was stopped far above the level where training begins does not set the scale either."""
    outcome = make("network")
    runs = list(outcome.scan.runs)
    runs[0] = replace(runs[0], curves=curves_from_points([(1, "loss", 1e9)]), step=1)
    window = level_window(collect(replace(outcome, scan=replace(outcome.scan, runs=runs))), "loss")
    assert (window.hidden, window.high < 20) == (1, True)


def test_log_axes_are_for_losses_over_decades_only():
    """Ten decades of loss ask for a log axis; negative values and accuracies never get one."""
    windows = {
        kind: level_window(f := collect(make(kind)), f.metric)
        for kind in ("quadratic", "negative", "accuracy")
    }
    assert {kind: w.log for kind, w in windows.items()} == {
        "quadratic": True,
        "negative": False,
        "accuracy": False,
    }


def test_the_named_run_is_the_one_nearest_to_the_answer():
    """An answer between two rates of the grid belongs to the nearer, in the ratio; without an answer to
    none."""
    outcome = make("network")
    between = Estimate(0.55, 0.4, 0.7, 0.9, "by hand")
    facts = collect(replace(outcome, recommendation=replace(outcome.recommendation, lr=between)))
    assert {r.lr for r in facts.runs if r.named} == {0.631}
    assert not any(r.named for r in collect(make("hopeless")).runs)


def test_curves_end_where_decisions_stopped_reading():
    """What a run reported beyond the step that counts is left out of the facts, as it is of the judgement."""
    outcome = make("three")
    run = replace(outcome.scan.runs[0], step=100)
    facts = collect(replace(outcome, scan=replace(outcome.scan, runs=[run])))
    assert facts.runs[0].curves["loss"].curve.step[-1] == 100


@pytest.mark.parametrize("value", [0.0, -3.0, 1e-300, 1e300, math.nan, math.inf])
def test_one_point_has_a_window(value):
    """A single value of any size or kind leaves a window that can be drawn."""
    facts = collect(one_point(value))
    for window in (level_window(facts, "loss"), curve_window(facts, "loss")):
        assert math.isfinite(window.low)
        assert math.isfinite(window.high)
        assert window.low < window.high
