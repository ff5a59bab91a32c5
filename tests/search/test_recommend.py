"""The answer, its interval, its band, and caveats that appear when they should and only then."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lrscope.config import Config
from lrscope.curves import LossCurve, Plan, Run, RunState, Scan
from lrscope.search.planners.grid import FullGridPlanner
from lrscope.search.planners.halving import HalvingPlanner
from lrscope.search.rate.by_curves import ByCurves
from lrscope.search.rate.recommend import recommend
from lrscope.search.space import log_grid
from lrscope.testing.curves import KnownTraining, carry_out

RATES = log_grid(1e-3, 10.0)
PLAN = Plan(rates=RATES, horizon=400, budget=4.0)


def answer(plan=PLAN, training=None, planner=None):
    scan = carry_out(planner or HalvingPlanner(), plan, training or KnownTraining(noise=0.01))
    return recommend(scan, "test", ByCurves())


def by_hand(curves, horizon=100, **plan):
    """A finished scan from one array, or a mapping of arrays, a rate."""
    rates = tuple(sorted(curves))
    runs = []
    for lr in rates:
        named = curves[lr] if isinstance(curves[lr], dict) else {"loss": curves[lr]}
        made = {n: LossCurve(np.arange(1, len(v) + 1), v, name=n) for n, v in named.items()}
        runs.append(Run(Config(lr=lr), 0, made, RunState.COMPLETE, horizon))
    return recommend(Scan(Plan(rates=rates, horizon=horizon, **plan), tuple(runs)), "test", ByCurves())


T = np.arange(1, 101)


def falling(end, speed=0.1):
    return end + (2 - end) * np.exp(-speed * T)


def test_a_clean_scan_has_one_warning():
    """Where nothing is wrong, only the missing second seed is mentioned, with its price."""
    found = answer(training=KnownTraining(noise=0.01, needed=0.1))
    assert len(found.warnings) == 1
    assert "--seeds 2 --budget 6" in found.warnings[0]


def test_two_seeds_leave_no_warning():
    """With a second seed run, a clean scan has nothing to doubt."""
    plan = replace(PLAN, seeds=(0, 1), budget=8.0)
    assert answer(plan, KnownTraining(noise=0.01, needed=0.1)).warnings == ()


def test_the_interval_and_the_band_hold_the_rate():
    """The rate was run; interval and band lie around it; the cliff lies above."""
    found = answer()
    assert found.lr.value in RATES
    assert found.lr.low < found.lr.value < found.lr.high
    assert found.band.low <= found.lr.value <= found.band.high
    assert found.lr.value < found.cliff.low < found.cliff.high
    assert f"{found.lr.value:g}" in found.reason


def test_order_of_runs_does_not_matter():
    """The answer is the same for runs in another order."""
    scan = carry_out(HalvingPlanner(), PLAN, KnownTraining(noise=0.05))
    assert recommend(scan, "x", ByCurves()) == recommend(
        replace(scan, runs=tuple(reversed(scan.runs))), "x", ByCurves()
    )


def test_the_goal_turns_the_sign():
    """An accuracy that mirrors a loss leads to the same rate and interval."""
    scan = carry_out(FullGridPlanner(), replace(PLAN, budget=40.0), KnownTraining(noise=0.01, floor=2.0))
    kept = [r for r in scan.runs if r.state != RunState.DIVERGED]
    turned = [
        replace(r, curves={"acc": LossCurve(r.curves["loss"].step, -r.curves["loss"].loss, name="acc")})
        for r in kept
    ]
    loss = recommend(replace(scan, runs=tuple(kept)), "x", ByCurves())
    acc = recommend(replace(scan, runs=tuple(turned)), "x", ByCurves())
    assert acc.goal == "max"
    assert (acc.lr.value, acc.lr.low, acc.lr.high) == (loss.lr.value, loss.lr.low, loss.lr.high)


@pytest.mark.parametrize(
    ("curves", "said"),
    [
        ({0.1: falling(0.1), 1.0: falling(0.5), 10.0: falling(0.9)}, "lower edge"),
        ({0.1: falling(0.9), 1.0: falling(0.5), 10.0: falling(0.1)}, "upper edge"),
        ({0.1: falling(0.9), 1.0: 2 - T / 60, 10.0: falling(1.5)}, "had not settled"),
        ({0.1: falling(0.9), 1.0: falling(0.5), 10.0: falling(0.8)}, "No run diverged"),
    ],
)
def test_caveats_appear(curves, said):
    """Edges, curves that had not settled, a range without a cliff: each is told."""
    assert said in " ".join(by_hand(curves).warnings)


def test_overfitting_is_told():
    """A validation loss that rises while the training loss falls is told, with both ways out."""
    turned = falling(0.3) + 0.01 * T
    curves = {
        lr: {"loss": falling(0.1 * lr, 0.02), "val_loss": turned + abs(np.log10(lr))}
        for lr in (0.1, 1.0, 10.0)
    }
    said = " ".join(by_hand(curves).warnings)
    assert "overfitting" in said
    assert "--objective best" in said
    assert "overfitting" not in " ".join(by_hand(curves, objective="best").warnings)


def test_a_training_that_ignores_its_rate_gets_no_rate():
    """Where all curves are identical there is no answer, and the sentence says what to look at."""
    found = by_hand({lr: falling(0.1) for lr in (0.1, 1.0, 10.0)})
    assert found.lr is None
    assert "ignore" in found.reason


def test_all_diverged_says_where_to_go():
    """Where everything diverged, lower rates are proposed."""
    found = answer(training=KnownTraining(cliff=1e-9))
    assert found.lr is None
    assert "--low" in found.reason
