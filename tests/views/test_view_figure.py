"""The matplotlib figure."""

from __future__ import annotations

import builtins
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure
from view_outcomes import KINDS, make, one_point

from lrscope.config import Config
from lrscope.curves import Run, RunState, Scan
from lrscope.curves.curve import curves_from_points
from lrscope.errors import UsageError
from lrscope.statistics.estimate import Estimate
from lrscope.views.scan.facts import collect
from lrscope.views.scan.figure import draw, draw_curves, draw_rates
from lrscope.views.shared.axes import ACCENT

SRC = Path(__file__).parents[2] / "src"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_outcome_becomes_a_picture(kind, tmp_path):
    """Each outcome is drawn and saved without a warning, and the picture is not blank."""
    path = tmp_path / "figure.png"
    draw(collect(make(kind))).savefig(path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert len(set(mpl.image.imread(path).reshape(-1, 4).sum(axis=1).round(2))) > 10


@pytest.mark.parametrize("value", [0.0, -3.0, 1e-300, 1e300, math.nan, math.inf])
def test_a_single_value_of_any_size_is_drawn(value, tmp_path):
    """One run with one value draws, whatever the value."""
    draw(collect(one_point(value))).savefig(tmp_path / "one.png")


def test_global_styles_stay_as_they_were(tmp_path):
    """Drawing changes no rcParams, and opens no figure in pyplot's list."""
    before = dict(mpl.rcParams)
    draw(collect(make("network"))).savefig(tmp_path / "a.png")
    assert dict(mpl.rcParams) == before


def test_pyplot_is_not_imported():
    """Nobody's choice of backend is touched: pyplot is not loaded by drawing."""
    code = (
        "import sys; from view_outcomes import make; from lrscope.views.scan.facts import collect; "
        "from lrscope.views.scan.figure import draw; draw(collect(make('three'))); "
        "print('matplotlib.pyplot' in sys.modules)"
    )
    paths = f"{SRC}:{Path(__file__).parent}"
    environment = {"PYTHONPATH": paths, "HOME": "/tmp"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "False"


def test_it_draws_on_the_axes_that_it_is_given():
    """Both panels can stand in a figure of one's own, beside the colour bar of the curves."""
    figure = Figure()
    left, right = figure.subplots(1, 2)
    facts = collect(make("network"))
    draw_rates(left, facts)
    draw_curves(right, facts)
    assert figure.axes[:2] == [left, right]
    assert len(figure.axes) == 3
    assert (left.get_xlabel(), right.get_ylabel()) == ("learning rate", "loss")


def test_every_run_is_marked_and_the_answer_stands_out():
    """One mark a run on the left, one line a curve on the right, and the answer at its rate with its
    interval."""
    outcome = make("val")
    facts = collect(outcome)
    figure = Figure()
    left, right = figure.subplots(1, 2)
    draw_rates(left, facts)
    draw_curves(right, facts)
    single = [line for line in left.lines if len(line.get_xdata()) == 1]
    marks = [line for line in single if line.get_marker() in ("o", "x", "^")]
    assert len(marks) == len(facts.runs)
    crosses = sorted(line.get_xdata()[0] for line in marks if line.get_marker() == "x")
    assert crosses == [r.lr for r in facts.runs if r.state == "diverged"]
    (bar,) = left.containers
    low, high = bar.lines[2][0].get_segments()[0][:, 0]
    named = outcome.recommendation.lr
    assert (low, high) == pytest.approx((named.low, named.high))
    assert len(right.lines) == sum("val_loss" in r.curves for r in facts.runs)
    assert right.lines[-1].get_color() == ACCENT


def test_noisy_curves_are_shown_raw_and_smoothed_and_the_picture_says_so():
    """Where a smoothed line is drawn, the panel's heading says what thin and thick mean; elsewhere it does
    not."""
    headings = {}
    for kind in ("network", "quadratic"):
        ax = Figure().subplots()
        draw_curves(ax, collect(make(kind)))
        headings[kind] = ax.get_title(loc="right")
    assert headings["network"].startswith("thin: as observed")
    assert headings["quadratic"] == ""


def test_an_unknown_interval_is_left_out():
    """Without an interval the answer is a mark, and no bar."""
    outcome = make("three")
    lr = Estimate(0.1, math.nan, math.nan, 0.9, "one run")
    ax = Figure().subplots()
    draw_rates(ax, collect(replace(outcome, recommendation=replace(outcome.recommendation, lr=lr))))
    assert not ax.containers
    assert ax.get_legend().get_texts()[0].get_text() == "recommended: 0.1"


def test_names_with_dollar_signs_are_text():
    """A metric named like broken TeX is drawn as it is written."""
    outcome = make("three")
    name = r"loss_$\frac{$"
    runs = [replace(r, curves={name: r.curves["loss"]}) for r in outcome.scan.runs]
    odd = replace(
        outcome,
        scan=replace(outcome.scan, runs=runs, plan=replace(outcome.scan.plan, metric=name)),
        recommendation=replace(outcome.recommendation, metric=name),
    )
    draw(collect(odd)).canvas.draw()


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    """Whoever lacks matplotlib is told what to install."""
    real = builtins.__import__

    def refuse(name, *rest, **more):
        if name.split(".")[0] == "matplotlib":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *rest, **more)

    facts = collect(make("three"))
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(UsageError, match=r"pip install 'lrscope\[plot\]'"):
        draw(facts)


def test_single_values_are_no_curves():
    """A plain function's scan is drawn as one picture, with all its values in it."""
    outcome = make("network")
    runs = [
        Run(Config(lr=lr), 0, curves_from_points([(1, "loss", (i - 6) ** 2 + 1.0)]), RunState.COMPLETE, 1)
        for i, lr in enumerate(outcome.scan.plan.rates[:13])
    ]
    plan = replace(outcome.scan.plan, horizon=1, pausable=False)
    figure = draw(collect(replace(outcome, scan=Scan(plan, runs))))
    (left,) = figure.axes
    low, high = left.get_ylim()
    assert low < 1.0
    assert high > 37.0
