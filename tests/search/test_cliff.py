"""The watch stops what has diverged and nothing else; the cliff lies between the rates."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrscope.config import at_rate
from lrscope.curves import Plan, Scan
from lrscope.search.rate.cliff import DivergenceWatch, estimate_cliff
from lrscope.search.space import log_grid
from lrscope.testing.curves import KnownTraining

NAN = math.nan


def stopped(values, name="loss", **settings):
    watch = DivergenceWatch(**settings)
    for step, value in enumerate(values, 1):
        if watch(step, name, float(value)) is not None:
            return step
    return None


def noisy(values, sd=0.05):
    values = np.asarray(values, float)
    return values + np.random.default_rng(1).normal(0, sd, values.size)


@pytest.mark.parametrize("bad", [NAN, math.inf, -math.inf])
def test_no_number_stops_at_once(bad):
    """NaN and infinite losses end a run at the step at which they come, the first one too."""
    assert stopped([bad]) == 1
    assert stopped([2.0, 1.9, bad]) == 3


def test_what_was_not_measured_is_excused():
    """A validation loss that is NaN before its first evaluation ends nothing, in whichever order it comes."""
    watch = DivergenceWatch(metric="val_loss")
    for step in range(1, 50):
        assert watch(step, "val_loss", NAN) is None
        assert watch(step, "loss", 2.0) is None
    assert watch(50, "val_loss", 1.0) is None
    assert watch(51, "val_loss", NAN) is not None


def test_a_lone_validation_loss_of_nan_is_found():
    """Nothing else of that step is finite: the second NaN ends the run."""
    assert stopped([NAN, NAN, NAN], "val_loss") == 2


@pytest.mark.parametrize("offset", [0.0, -2.3, 5.0])
@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("rate", [0.01, 0.1, 1.0])
def test_blow_ups_are_stopped(factor, rate, offset):
    """Slow and fast exponential growth is stopped, in any unit, long before it overflows."""
    step = stopped(factor * (noisy(2.3 * np.exp(rate * np.arange(600))) + offset))
    assert step is not None
    assert step < 30 + 8 / rate


def test_a_new_high_level_is_stopped():
    """A loss that jumps to a hundred times its start and stays there has diverged."""
    assert stopped(noisy([2.3] * 50 + [230.0] * 100)) is not None


@pytest.mark.parametrize(
    "values",
    [
        2.3 + 6 * np.exp(-(((np.arange(2000) - 300) / 100) ** 2)) - np.arange(2000) / 1000,  # a warm-up bump
        2.0 + 5000 * np.exp(-np.arange(2000) / 20),  # a high start that comes down
        np.concatenate([[2.3] * 10, 2.0 + 3000 * np.exp(-np.arange(1500) / 60)]),  # a spike that comes back
        -np.arange(2000.0),  # a likelihood that goes on gaining
        np.full(500, 1e-9),
        np.zeros(500),
        2.3 * np.ones(500),
        -1000 + 1000 * np.exp(-np.arange(1000) / 100),
    ],
)
@pytest.mark.parametrize("sd", [0.0, 0.05])
def test_healthy_runs_go_on(values, sd):
    """Bumps, spikes that come back, losses below, at and near zero end nothing."""
    assert stopped(noisy(values, sd)) is None


def test_more_is_better_never_diverges_by_falling():
    """An accuracy or a reward may fall as far as it likes."""
    assert stopped(-np.exp(np.arange(100.0) / 5), "reward") is None
    assert stopped(-np.exp(np.arange(100.0) / 5), "y", metric="y", goal="max") is None


def test_bookkeeping_is_not_watched():
    """An infinite gradient norm of a mixed-precision run ends nothing."""
    watch = DivergenceWatch()
    assert watch(1, "grad_norm", math.inf) is None
    assert watch(1, "loss_scale", NAN) is None
    assert watch(1, "loss", 1.0) is None


@given(st.lists(st.floats(0.5, 5.0), min_size=1, max_size=200), st.integers(-6, 6))
def test_the_unit_does_not_matter(values, power):
    """Scaling by a power of two changes no answer."""
    assert stopped(values) == stopped([v * 2.0**power for v in values])


def test_it_travels():
    """A watch goes on after pickling as it would have gone on."""
    watch = DivergenceWatch()
    for step in range(1, 30):
        watch(step, "loss", 2.0)
    twin = pickle.loads(pickle.dumps(watch))
    answers = [(watch(s, "loss", 1e5), twin(s, "loss", 1e5)) for s in range(30, 60)]
    assert any(a is not None for a, _ in answers)
    assert all(a == b for a, b in answers)


RATES = log_grid(1e-3, 10.0)


def whole(training, odd=()):
    runs = [
        KnownTraining(cliff=1e-9).run(at_rate(lr), 400) if lr in odd else training.run(at_rate(lr), 400)
        for lr in RATES
    ]
    return Scan(Plan(rates=RATES, horizon=400), tuple(runs))


def test_the_cliff_is_bracketed():
    """The interval runs from the last rate that trained to the first that did not."""
    found = estimate_cliff(whole(KnownTraining(cliff=0.5)))
    assert (found.low, found.high) == (0.3981, 0.631)


def test_one_odd_run_does_not_move_it():
    """A single run that diverged far below the cliff leaves it where it is."""
    found = estimate_cliff(whole(KnownTraining(cliff=0.5), odd=(RATES[3],)))
    assert (found.low, found.high) == (0.3981, 0.631)
    assert "against 1 run" in found.method


def test_no_cliff_without_two_sides():
    """Where every run diverged, or none did, there is no cliff to tell."""
    assert estimate_cliff(whole(KnownTraining(cliff=1e-9))) is None
    assert estimate_cliff(whole(KnownTraining(cliff=1e9, floor=0.0))) is None
