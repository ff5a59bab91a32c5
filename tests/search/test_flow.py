"""The flow planner on trainings that would mislead a model: what must not matter to it, and what it has to say."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrscope.config import Config, at_rate
from lrscope.curves import LossCurve, Plan, Run, RunState, Scan
from lrscope.search.planners.flow import FlowPlanner, ReplayedBracket
from lrscope.search.planners.halving import HalvingPlanner
from lrscope.search.rate.cliff import DivergenceWatch
from lrscope.search.rate.model.answer import interval, shortest
from lrscope.search.rate.model.curve_summary import levels, summarise
from lrscope.search.rate.model.observations import harden, soften
from lrscope.search.rate.model.safeguards import challenger, leading, steps_of
from lrscope.search.rate.model.shared_noise import ObservedChange, take_out
from lrscope.search.rate.ranking import Judge
from lrscope.search.rate.rungs import ReportPace
from lrscope.search.space import log_grid
from lrscope.testing.curves import KnownTraining, carry_out, spent

RATES = log_grid(1e-4, 10.0)
HORIZON = 400


class Made:
    """A training made of formulas: each metric a function of (rate, step), reported every so many steps."""

    def __init__(self, **metrics: tuple[Callable[[float, int], float], int]) -> None:
        self.metrics = metrics
        self.horizon = HORIZON

    def run(self, key, to_step):
        lr, seed = key.lr, key.seed
        target = HORIZON if to_step is None else min(to_step, HORIZON)
        curves, state = {}, RunState.COMPLETE if target >= HORIZON else RunState.PAUSED
        for name, (value, every) in self.metrics.items():
            steps = np.arange(every, target + 1, every)
            if steps.size:
                curves[name] = LossCurve(steps, [value(lr, int(s)) for s in steps], name=name)
        watch = DivergenceWatch()
        for name, curve in curves.items():
            for step, loss in zip(curve.step.tolist(), curve.loss.tolist(), strict=True):
                if watch(step, name, loss):
                    cut = {n: c.until(step) for n, c in curves.items()}
                    return Run(Config(lr=lr), seed, cut, RunState.DIVERGED, step, "diverged")
        return Run(Config(lr=lr), seed, curves, state, target)


def noise(lr, step, size=0.02, shared=True):
    """The same at every rate where `shared` (the same batches), else of each rate its own."""
    seed = [step] if shared else [step, round(lr * 1e9)]
    return size * float(np.random.default_rng(seed).normal())


def valley(lr, step):
    """Falls with rate times steps to a floor that rises with the rate; best near 0.1."""
    if lr > 3:
        return 2.0 + 0.001 * step
    return 0.1 + 0.5 * lr + (1.9 - 0.5 * lr) * math.exp(-lr * step / 3)


def model():
    """A planner without a memory of other scans."""
    return FlowPlanner()


def plan(budget=3.0, **changes):
    return Plan(**{"rates": RATES, "horizon": HORIZON, "budget": budget, **changes})


def regret(lr, truth=valley):
    ends = {r: truth(r, HORIZON) for r in RATES}
    return (ends[lr] - min(ends.values())) / (2.0 - min(ends.values()))


def named(training, **changes):
    chosen = plan(**changes)
    scan = carry_out(model(), chosen, training)
    assert spent(scan) <= chosen.budget + 1e-9
    return model().name(scan), scan


VARIANTS = {
    "plain": Made(loss=(valley, 1)),
    "noisy": Made(loss=(lambda lr, s: valley(lr, s) + noise(lr, s), 1)),
    "noisy, not shared": Made(loss=(lambda lr, s: valley(lr, s) + noise(lr, s, shared=False), 1)),
    "negative": Made(loss=(lambda lr, s: valley(lr, s) - 100, 1)),
    "tiny": Made(loss=(lambda lr, s: 1e-9 * valley(lr, s), 1)),
    "seldom": Made(loss=(valley, 40)),
    "validation, and batch losses on another scale": Made(
        train_loss=(lambda lr, s: 7 + 3 * valley(lr, s) + noise(lr, s), 1), val_loss=(valley, 50)
    ),
    "validation that begins with a gap": Made(
        train_loss=(valley, 1), val_loss=(lambda lr, s: math.nan if s <= 40 else valley(lr, s), 40)
    ),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_the_rate_named_gives_little_away(name):
    """Whatever the unit, the noise and the metrics, three full runs lead to within 5 % of the improvement."""
    answer, _ = named(VARIANTS[name])
    assert answer.lr is not None
    assert regret(answer.lr.value) < 0.05


def test_more_may_be_better():
    """An accuracy is maximised, although a loss stands in for it at first."""
    training = Made(loss=(valley, 1), val_acc=(lambda lr, s: 1 - valley(lr, s) / 2, 50))
    answer, _ = named(training, metric="val_acc", budget=4.0)
    assert answer.goal == "max"
    assert regret(answer.lr.value) < 0.05


def test_a_loss_that_overfits_is_judged_by_its_end():
    """Where the validation loss turns up again after so much flow time, the rate named ends before that."""

    def turning(lr, step):
        return valley(lr, step) + 0.3 * max(0.0, math.log10(max(lr * step, 1e-9) / 3)) if lr <= 3 else 2.5

    answer, _ = named(Made(loss=(valley, 1), val_loss=(turning, 20)), budget=4.0)
    assert regret(answer.lr.value, turning) < 0.1


def test_a_plateau_before_the_drop_is_sat_through():
    """Every rate stands still until a fixed step, so flow time says nothing: the other view has to carry."""

    def late(lr, step):
        return (2.0 if step < 40 else valley(lr, step - 39)) + noise(lr, step, shared=False)

    answer, _ = named(Made(loss=(late, 1)), budget=5.0)
    assert regret(answer.lr.value, late) < 0.1


@pytest.mark.filterwarnings("error")
def test_a_loss_that_never_moves_is_survived():
    """A constant loss leads to an answer without a rate, not to an error."""
    answer, _ = named(Made(loss=(lambda lr, s: 1.0, 1)))
    assert answer.lr is None
    assert answer.reason


def test_runs_that_all_diverge_are_survived():
    """Where nothing trains, nothing is named, and the reason says so."""
    answer, _ = named(Made(loss=(lambda lr, s: math.nan if s > 2 else 1.0, 1)))
    assert answer.lr is None
    assert "diverged" in answer.reason


def test_a_metric_that_comes_late_does_not_change_decisions_made_before():
    """The choice of the metric is replayed too: an interrupted scan asks for what it would have asked for."""
    training = VARIANTS["validation, and batch losses on another scale"]
    whole = carry_out(model(), plan(), training)
    for limit in (10, 35, 50):
        runs = {run.key: run for run in carry_out(model(), plan(), training, limit).runs}
        while asks := model().ask(Scan(plan(), tuple(runs[k] for k in sorted(runs)))):
            runs[asks[-1].key] = training.run(asks[-1].key, asks[-1].to_step)
        assert {k: r.step for k, r in runs.items()} == {r.key: r.step for r in whole.runs}


def test_several_runs_are_asked_for_at_once():
    """After the first look, some asks name several runs, each of them once."""
    runs, sizes = {}, []
    planner = model()
    while asks := planner.ask(Scan(plan(6.0), tuple(runs[k] for k in sorted(runs)))):
        assert len({a.key for a in asks}) == len(asks)
        sizes.append(len(asks))
        runs.update({a.key: VARIANTS["noisy"].run(a.key, a.to_step) for a in asks})
    assert max(sizes[2:]) > 1


def test_what_was_hardly_run_is_told():
    """With a tenth of a full run, the answer says that its rate has come only so far."""
    answer, scan = named(VARIANTS["plain"], budget=0.4)
    run = scan.run(at_rate(answer.lr.value))
    assert run.step < HORIZON / 8
    assert any("This is extrapolated from other rates" in w for w in answer.warnings)


def test_with_budget_enough_the_rate_named_has_shown_itself():
    """With three full runs, it has done an eighth of one itself."""
    answer, scan = named(VARIANTS["noisy"])
    assert scan.run(at_rate(answer.lr.value)).step >= HORIZON / 8


def test_every_decision_says_why():
    """Reasons are sentences with the best rate so far and what is done next."""
    runs = {run.key: run for run in carry_out(model(), plan(), VARIANTS["noisy"], 45).runs}
    asks = model().ask(Scan(plan(), tuple(runs[k] for k in sorted(runs))))
    assert asks
    assert all(re.fullmatch(r"Best so far [^ ,]+[;,] .*(testing|training) .*\.", a.reason) for a in asks)


def test_runs_are_looked_at_where_they_report():
    """Levels are halves of the horizon, moved back to reports; none lies before the first."""
    assert levels(1000)[-3:] == [250, 500, 1000]
    assert levels(1000)[0] >= 4
    assert levels(1000, ReportPace(every=100, offset=1)) == [101, 201, 401, 1000] or set(
        levels(1000, ReportPace(100, 1))
    ) <= {
        *range(1, 1001, 100),
        1000,
    }


def test_the_scale_is_its_own_inverse():
    """Softened and hardened again, a share of the gain is what it was."""
    z = np.linspace(0, 1, 50)
    assert harden(soften(z)) == pytest.approx(z)


def test_the_shortest_stretch_holds_its_share():
    """The stretch of rates has the chance asked for, and no shorter one has."""
    chance = np.array([0.02, 0.03, 0.1, 0.5, 0.3, 0.04, 0.01])
    assert shortest(chance, 0.9) == (2, 4)
    assert shortest(chance, 0.5) == (3, 3)


def test_the_answer_says_how_likely_it_is_to_be_good():
    """The chance to end within the tolerance of the best is stated and told; halving has no model to tell it by."""
    answer, scan = named(VARIANTS["noisy"], budget=1.0)
    assert 0 < answer.chance < 0.995
    assert f"with a chance of {100 * answer.chance:.0f} %" in answer.reason
    assert HalvingPlanner().name(scan).chance is None
    sure, _ = named(VARIANTS["noisy"], budget=12.0)
    assert sure.chance >= 0.995
    assert "with a chance of more than 99 %" in sure.reason


@pytest.mark.slow
def test_intervals_hold_the_best_rate():
    """Over 60 noisy trainings of known truth, 90 % intervals hold the best rate in at least 80 % and are narrower than
    two decades in the median."""
    held, widths = 0, []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        training = KnownTraining(
            horizon=300, needed=10 ** rng.uniform(-1.5, 0.5), floor=10 ** rng.uniform(-1, 0.7),
            cliff=10 ** rng.uniform(-0.7, 0.3), noise=0.03,
        )  # fmt: skip
        chosen = Plan(rates=RATES, horizon=300, budget=3.0)
        answer = model().name(carry_out(model(), chosen, training))
        held += answer.lr.low <= training.best(RATES) <= answer.lr.high
        widths.append(math.log10(answer.lr.high / answer.lr.low))
    assert held >= 48
    assert sorted(widths)[30] < 2


def test_halving_decides_where_hardly_anything_can_be_seen():
    """Where the budget is gone before two fifths of the rates have reported, halving asks and names."""
    for training, budget in ((VARIANTS["noisy"], 0.1), (VARIANTS["seldom"], 1.0)):
        mine = carry_out(FlowPlanner(), plan(budget), training)
        theirs = carry_out(HalvingPlanner(), plan(budget), training)
        assert [(r.key, r.step) for r in mine.runs] == [(r.key, r.step) for r in theirs.runs]
        assert FlowPlanner().name(mine) == HalvingPlanner().name(theirs)


@pytest.mark.parametrize("constant", [-1e4, 1e4])
def test_a_constant_added_to_the_loss_changes_nothing(constant):
    """What is asked and what is named rest on differences of the loss alone."""
    shifted = Made(loss=(lambda lr, s: valley(lr, s) + noise(lr, s) + constant, 1))
    answer, scan = named(shifted)
    plain, without = named(VARIANTS["noisy"])
    assert answer.lr.value == plain.lr.value
    assert [(r.key, r.step) for r in scan.runs] == [(r.key, r.step) for r in without.runs]


def asleep(lr, step):
    """All rates stand on a plateau, the faster ones a little higher, until rate times steps comes to 20."""
    wake = lr * step / 20
    rest = 2.3 - 0.004 * min(1, 50 * lr) + 0.08 * math.sqrt(min(lr, 3)) * (1 + math.sin(step) / 2)
    return rest if wake < 1 and lr < 3 else rest - 1.5 * min(wake - 1, 1) if lr < 3 else 2.6


def test_a_plateau_is_not_taken_for_the_cliff():
    """Rates that stand a little above the others before anything is learned may be the first to learn."""
    answer, _ = named(Made(loss=(lambda lr, s: asleep(lr, s) + noise(lr, s), 1)), budget=3.0)
    assert answer.lr.value >= 0.1


def test_noise_that_all_runs_share_is_taken_out():
    """Rates that have learned nothing stand at the start, although their batches were hard ones."""
    rows = [ObservedChange(i, 8.0, 0.3 + (-0.5 if i == 3 else 0.0), 0.2, 0.95) for i in range(4)]
    left = take_out(rows, [1e-5, 1e-4, 1e-3, 1.0], single=0.5)
    assert [row.change for row in left] == pytest.approx([0, 0, 0, -0.5], abs=1e-4)
    assert all(row.error < 0.05 for row in left)


def test_what_the_slowest_run_has_learned_is_not_taken_for_noise():
    """A gain beyond what a single report scatters stays, even if all runs have made it."""
    rows = [ObservedChange(i, 8.0, -128.0, 60.0, 0.95) for i in range(4)]
    assert take_out(rows, [1e-5, 1e-4, 1e-3, 1.0], single=0.5) == rows


def test_rates_whose_ends_are_known_keep_their_order():
    """A rate that went all the way is not named before another that did, too, and ended lower."""
    answer, scan = named(
        Made(loss=(lambda lr, s: (1 - min(2 * lr, 1)) ** s if lr < 1 else 1e9, 1)), budget=6.0
    )
    ends = {r.lr: float(r.curves["loss"].loss[-1]) for r in scan.runs if r.step >= HORIZON}
    assert len(ends) > 1
    if answer.lr.value in ends:
        assert ends[answer.lr.value] == min(ends.values())


def test_a_constant_rate_that_is_reported_changes_nothing():
    """Reporting what is known already leads to the same decisions."""
    told = Made(loss=(lambda lr, s: valley(lr, s) + noise(lr, s), 1), lr=(lambda lr, s: lr, 1))
    answer, scan = named(told)
    plain, without = named(VARIANTS["noisy"])
    assert answer.lr.value == plain.lr.value
    assert [(r.key, r.step) for r in scan.runs] == [(r.key, r.step) for r in without.runs]


def test_the_last_half_of_a_large_budget_goes_to_the_leader_and_to_who_was_ahead_of_it():
    """No run is begun then: the leader goes on, or the one that stood lower than it after as many steps."""
    training = Made(loss=(lambda lr, s: valley(lr, s) + noise(lr, s), 1))
    asked, scan, planner = [], Scan(plan(4.0), ()), model()
    while asks := planner.ask(scan):
        for ask in asks:
            before = scan.run(ask.key)
            asked.append((spent(scan), before is not None, ask.reason))
            runs = {run.key: run for run in scan.runs} | {ask.key: training.run(ask.key, ask.to_step)}
            scan = Scan(scan.plan, tuple(runs[key] for key in sorted(runs)))
    late = [(begun, why) for done, begun, why in asked if done > 2.0 + 1e-9]
    assert late
    assert any("ahead" in why for _, why in late)
    assert all(begun for begun, why in late if "ahead" in why)


def forecast_of(budget):
    """What the model makes of a scan of the noisy valley, and for each rate how far its own run has come."""
    scan = carry_out(model(), plan(budget), VARIANTS["noisy"])
    f = ReplayedBracket(scan).at({run.key: run.step for run in scan.runs if run.step > 0})
    return f, np.array([steps_of(f, i) for i in range(len(f.rates))])


def test_a_rate_that_hardly_ran_is_not_named_for_what_others_tell_of_it():
    """However well it is expected to end, one that has come a quarter as far as the longest goes before it."""
    f, own = forecast_of(2.0)
    hardly = int(np.flatnonzero((own > 0) & (own < own.max() / 8))[0])
    f = replace(f, expected=np.where(np.arange(own.size) == hardly, 0.0, 0.5))
    named = leading(f, HORIZON)[0]
    assert own[f.rates.index(named)] >= own.max() / 4 - 1
    assert challenger(f) == hardly  # which still is to show itself


def test_of_rates_with_like_prospects_the_one_that_stands_lower_is_named():
    """Where a run stands counts for a quarter of where it is expected to end."""
    f, own = forecast_of(2.0)
    far = np.flatnonzero((own >= own.max() / 4) & (own < HORIZON))
    stands = [list(f.shown(i).values())[-1] for i in far]
    high, low = far[np.argmax(stands)], far[np.argmin(stands)]
    assert max(stands) - min(stands) > 0.05
    for ahead, named in ((0.01, low), (0.5, high)):
        expected = np.full(own.size, 0.9)
        expected[[high, low]] = 0.5 - ahead, 0.5
        assert leading(replace(f, expected=expected), HORIZON)[0] == f.rates[named]


def test_the_interval_is_wider_than_the_draws_have_it():
    """Draws all but certain of their lowest rate still leave room for its neighbours."""
    f, _ = forecast_of(2.0)
    ends = np.tile(np.abs(np.arange(len(f.rates)) - 8.0), (400, 1))
    ends[:, 9] += 3.2 * np.random.default_rng(0).standard_normal(400) / 2
    sure = float(np.mean(ends.argmin(axis=1) == 8))
    assert 0.6 < sure < 0.95
    level = sure - 0.01  # the draws as they are put this much on one rate
    found = interval(replace(f, ends=ends), f.rates[8], level, f.rates)
    assert found.high > f.rates[9]


class Short(Made):
    """Every run ends by itself before the length that was stated."""

    def run(self, key, to_step):
        done = super().run(key, min(to_step, 380))
        if done.step < 380:
            return done
        return Run(Config(lr=done.lr), done.seed, done.curves, RunState.COMPLETE, done.step)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("budget", [3.0, 8.0])
def test_runs_that_end_early_are_not_asked_to_go_on(budget):
    """Neither as the leader, nor as the one that was ahead of it; the scan comes to its end."""
    answer, scan = named(Short(loss=(valley, 1)), budget=budget)
    assert regret(answer.lr.value) < 0.05
    assert budget < 8 or max(run.step for run in scan.runs) == 380


@given(every=st.integers(1, 120), step=st.integers(1, HORIZON), later=st.integers(1, HORIZON))
def test_what_a_run_shows_by_a_step_does_not_change_as_it_goes_on(every, step, later):
    """So that a decision is made again as it was made: also where a report comes before the step at which it counts."""
    training = Made(loss=(valley, 1), val_loss=(valley, every))
    step, later = sorted((step, later))
    for by in (Judge("loss", "min"), Judge("val_loss", "min"), Judge("val_loss", "min", "best")):
        then = summarise(training.run(at_rate(0.1), step), by, levels(HORIZON))
        now = summarise(training.run(at_rate(0.1), later), by, levels(HORIZON)).until(step)
        for name in ("mark", "step", "value", "error", "early"):
            assert getattr(then, name).tolist() == getattr(now, name).tolist()


@pytest.mark.parametrize("budget", [1.0, 2.0, 3.0])
def test_a_scan_that_has_ended_is_found_finished(budget):
    """A planner that knows nothing of it but its records asks for nothing more; the budget is kept."""
    training = Made(train_loss=(lambda lr, s: valley(lr, s) + noise(lr, s), 1), val_loss=(valley, 29))
    scan = carry_out(FlowPlanner(), plan(budget), training)
    assert spent(scan) <= budget + 1e-9
    assert FlowPlanner().ask(scan) == []
