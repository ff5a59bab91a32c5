"""The range test: the line is as smooth as its noise asks for, the rules agree with what they say, and the spread that
is given is the spread that other seeds show."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trainings import noisy_quadratic_following

import lrscope
from lrscope.config import Config
from lrscope.curves import LossCurve, Plan, Run, RunState, Scan
from lrscope.errors import UsageError
from lrscope.search.range_test.planner import RangeTestPlanner, ramp_metric
from lrscope.search.range_test.ramp_curve import line, mean_ramp, ramp_curve
from lrscope.search.range_test.readings import read_all
from lrscope.search.range_test.rules import RULES, steepest, tenth_of_lost, tenth_of_minimum, valley
from lrscope.search.space import log_grid
from lrscope.statistics.smoother import smooth
from lrscope.testing.toys import noisy_quadratic

X = np.linspace(-5, 1, 121)


def bowl(x=X, fall=-1.0, cliff=0.5):
    """Flat, then falling around 10**fall, then a wall at 10**cliff."""
    drop = 1.0 / (1.0 + np.exp(-4.0 * (x - fall)))
    return 2.0 - 1.5 * drop + np.exp(np.minimum(12.0 * (x - cliff), 20.0))


def noisy(seed, noise=0.1, **shape):
    rng = np.random.default_rng(seed)
    shape = {"fall": -1.0 + 0.15 * rng.standard_normal(), **shape}
    return bowl(**shape) + noise * rng.standard_normal(X.size)


@pytest.mark.parametrize("noise", [0.02, 0.1, 0.5])
def test_the_noise_comes_out_with_the_line(noise):
    """Its level to a tenth in the mean, and the line is nearer to the truth than the values by a factor of two."""
    truth = bowl(X[:100])
    fits = []
    for seed in range(40):
        values = truth + noise * np.random.default_rng(seed).standard_normal(truth.size)
        fits.append(smooth(values))
    assert statistics.fmean(f.noise for f in fits) == pytest.approx(noise, rel=0.1)
    error = statistics.fmean(float(np.sqrt(np.mean((f.line - truth) ** 2))) for f in fits)
    assert error < 0.5 * noise


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.floats(-1e3, 1e3), st.floats(1e-3, 1e3))
def test_unit_and_zero_of_the_loss_do_not_matter(seed, offset, scale):
    """A constant added and a positive factor move the line with them, and no rule."""
    values = noisy(seed)[:100]
    plain, moved = smooth(values), smooth(offset + scale * values)
    assert np.allclose(moved.line, offset + scale * plain.line, atol=1e-6 * (abs(offset) + scale))
    for rule in RULES.values():
        assert rule(X[:100], plain.line) == rule(X[:100], 3.0 * plain.line)


def test_a_line_without_noise_is_followed_exactly():
    """Where neighbours tell all, nothing is smoothed away."""
    fit = smooth(bowl(X[:100]))
    assert float(np.abs(fit.line - bowl(X[:100])).max()) < 1e-3


def test_a_straight_line_under_noise_stays_straight():
    """With two or three parameters, not forty."""
    freedoms = [smooth(X + np.random.default_rng(seed).standard_normal(X.size)).freedom for seed in range(40)]
    assert statistics.median(freedoms) < 4


def test_too_few_values_and_nan_are_refused():
    """With what was given."""
    for values in ([1.0, 2.0, 3.0], [1.0, math.nan, 1.0, 2.0], np.zeros((4, 4)), np.zeros(401)):
        with pytest.raises(UsageError, match="4 to 400"):
            smooth(values)


def test_each_rule_on_a_curve_whose_answer_is_known():
    """Steepest within the fall; a tenth of the lowest point; a tenth of where it is back; half-way down the fall."""
    x = np.linspace(-4, 0, 401)
    curve = np.where(x < -2, 0.0, np.where(x < -1, -(x + 2), -1.0 + 5 * (x + 1)))
    assert -2.0 <= steepest(x, curve) <= -1.0
    assert tenth_of_minimum(x, curve) == pytest.approx(-2.0)
    assert tenth_of_lost(x, curve) == pytest.approx(-1.8, abs=0.01)
    assert tenth_of_lost(x[:280], curve[:280]) == pytest.approx(x[279] - 1.0)
    assert valley(x, curve) == pytest.approx(-1.5, abs=0.01)


def test_the_steepest_fall_behind_the_lowest_point_does_not_count():
    """A spike that comes back beyond the minimum is steeper than any descent."""
    curve = bowl()
    curve[-5:] = [9.0, 1.0, 9.0, 1.0, 9.0]
    assert steepest(X, curve) < 0.0


def test_training_is_lost_where_all_that_was_gained_is():
    """Near the wall; a rule that looks for the lowest point never sees past it."""
    one = ramp_curve(10.0**X, noisy(1))
    assert one.lost == pytest.approx(0.5, abs=0.15)
    assert float(one.loss.max()) < 5.0


def test_infinite_losses_end_a_ramp_and_do_not_spoil_it():
    """As NaN does; of a ramp lost at once nothing is read."""
    values = noisy(2)
    values[105:] = math.inf
    assert ramp_curve(10.0**X, values).lost is not None
    assert ramp_curve(10.0**X, np.full(X.size, math.nan)) is None


def test_a_loss_that_never_falls_names_no_rate():
    """Noise alone has a lowest point too; it is said that nothing can be read off."""
    answers = []
    for seed in range(20):
        losses = [1.0 + 0.1 * np.random.default_rng(100 * seed + r).standard_normal(X.size) for r in range(3)]
        answers.append(RangeTestPlanner().name(scan_of(losses)))
    assert sum(answer.lr is None for answer in answers) >= 19
    assert "never fell" in next(a for a in answers if a.lr is None).reason


def test_where_only_the_blow_up_shows_a_tenth_of_it_is_named():
    """A loss that is flat under its noise and then explodes; the doubt is told."""
    flat = [1.0 + np.exp(np.minimum(12.0 * (X - 0.5), 20.0)) + 0.1 * np.random.default_rng(s).standard_normal(X.size)
            for s in range(3)]  # fmt: skip
    answer = RangeTestPlanner().name(scan_of(flat))
    assert 0.1 < answer.lr.value < 1.0
    assert any("never fell" in text for text in answer.warnings)


def scan_of(losses, state=RunState.COMPLETE):
    plan = Plan(
        rates=log_grid(1e-5, 10.0),
        seeds=tuple(range(len(losses))),
        horizon=X.size,
        budget=len(losses),
    )
    steps = np.arange(1, X.size + 1)
    runs = [
        Run(Config(lr=1e-5), seed, {"loss": LossCurve(steps, values)}, state, X.size)
        for seed, values in enumerate(losses)
    ]
    return Scan(plan, tuple(runs))


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.02, 0.15])
def test_the_interval_is_that_of_the_rules_own_answer(noise):
    """Of 90 % intervals from five ramps, 80 to 99 % hold what the rule says on the mean of very many ramps."""
    exact = mean_ramp([ramp_curve(10.0**X, noisy(seed, noise=0.0)) for seed in range(2000, 2400)])
    truth = {name: rule(X, line(exact)[0]) for name, rule in RULES.items()}
    held = dict.fromkeys(RULES, 0)
    for trial in range(100):
        climbs = [ramp_curve(10.0**X, noisy(10 * trial + r, noise)) for r in range(5)]
        for reading in read_all(climbs, draws=100):
            held[reading.rule] += (
                reading.lr.low * 0.999 <= 10.0 ** truth[reading.rule] <= reading.lr.high * 1.001
            )
    assert min(held["lost / 10"], held["minimum / 10"]) >= 75
    assert held["steepest"] >= 75


def test_more_ramps_narrow_the_interval():
    """Sixteen ramps leave less doubt than two."""
    rules = {name: RULES[name] for name in ("minimum / 10", "steepest")}
    width = {
        count: statistics.fmean(
            math.log10(r.lr.high / r.lr.low)
            for trial in range(8)
            for r in read_all(
                [ramp_curve(10.0**X, noisy(50 * trial + k)) for k in range(count)], rules=rules, draws=60
            )
        )
        for count in (2, 16)
    }
    assert width[16] < 0.85 * width[2]


def test_the_same_ramps_give_the_same_answer():
    """The bootstrap is seeded."""
    scan = scan_of([noisy(seed) for seed in range(3)])
    assert RangeTestPlanner().name(scan) == RangeTestPlanner().name(scan)


def test_one_ramp_that_blows_up_early_does_not_rule_the_others():
    """Its neighbours' lowest point is named."""
    losses = [noisy(seed) for seed in range(5)]
    whole = RangeTestPlanner().name(scan_of(losses)).lr.value
    losses[0] = noisy(0, cliff=-1.8)
    assert abs(math.log10(RangeTestPlanner().name(scan_of(losses)).lr.value / whole)) < 0.3


def test_a_ramp_is_read_by_the_loss_that_comes_at_each_step():
    """Not by a validation loss now and then, which a scan prefers."""
    scan = scan_of([noisy(1)])
    curves = {**scan.runs[0].curves, "val_loss": LossCurve([60, 121], [1.0, 2.0])}
    run = Run(Config(lr=1e-5), 0, curves, RunState.COMPLETE, X.size)
    assert ramp_metric(Scan(scan.plan, (run,))) == "loss"


def test_a_range_test_is_stored_continued_and_shown(tmp_path):
    """Text, JSON, page and figure hold the rules; the same call does nothing again, a larger number adds ramps."""
    first = lrscope.range_test(noisy_quadratic_following, ramps=3, out=tmp_path)
    assert 0.01 < first.lr.value < 2.0
    assert [run.seed for run in first.outcome.scan.runs] == [0, 1, 2]
    again = lrscope.range_test(noisy_quadratic_following, ramps=5, out=tmp_path)
    assert len(again.ramps) == 5
    assert again.outcome.cost.rework == 0
    loaded = lrscope.load(tmp_path)
    assert loaded.answer == again.answer
    assert [one["rule"] for one in loaded.to_dict()["rules"]] == list(RULES)
    text = str(loaded)
    assert all(name in text for name in RULES)
    assert "Cost: 5 ramps" in text
    assert "Loss against the climbing rate" in loaded.report(tmp_path / "page.html").read_text()
    figure = pytest.importorskip("matplotlib.figure")
    assert isinstance(loaded.plot(), figure.Figure)


def test_caveats_that_belong_to_a_ramp_are_told():
    """How far it can be trusted, always; that rules disagree, and that nothing blew up, where it is so."""
    wide = RangeTestPlanner().name(scan_of([noisy(seed) for seed in range(3)]))
    assert "cannot see how long you will train" in wide.warnings[0]
    low = RangeTestPlanner().name(scan_of([noisy(seed, cliff=3.0) for seed in range(3)]))
    assert any("may be lowest at a higher rate" in text for text in low.warnings)
    assert low.cliff is None
    assert wide.cliff is not None


def test_what_cannot_follow_is_told_before_anything_trains():
    """A generator that drops the rate; the sentence names the alternative."""
    with pytest.raises(lrscope.SourceError, match="lrscope scan"):
        lrscope.range_test(noisy_quadratic)
