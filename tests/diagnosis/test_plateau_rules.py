"""The replicas do what their owners' packages do."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrscope.diagnosis.plateau_rules import (
    DlibPlateau,
    Greedy,
    KerasPlateau,
    OptaxPlateau,
    OurPlateau,
    TorchPlateau,
)
from lrscope.statistics.student import normal_quantile

VALUES = st.lists(
    st.one_of(st.floats(-2, 2).map(lambda v: round(v, 2)), st.sampled_from([math.nan, math.inf])),
    min_size=1,
    max_size=60,
)


def rates(rule, values):
    seen = []
    for value in values:
        rule.step(value)
        seen.append(rule.lr)
    return seen


@settings(deadline=None, max_examples=60)
@given(
    VALUES,
    st.sampled_from(["min", "max"]),
    st.sampled_from(["rel", "abs"]),
    st.integers(0, 4),
    st.integers(0, 3),
    st.sampled_from([0.0, 0.01, 0.2]),
)
@pytest.mark.torch
def test_torch(values, mode, kind, patience, cooldown, threshold):
    """Rate for rate what torch.optim.lr_scheduler.ReduceLROnPlateau gives, NaN, inf and negative values
    included.
    """
    torch = pytest.importorskip("torch")
    settings_ = {
        "mode": mode,
        "factor": 0.5,
        "patience": patience,
        "threshold": threshold,
        "threshold_mode": kind,
        "cooldown": cooldown,
        "min_lr": 0.01,
    }
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, **settings_)
    expected = []
    for value in values:
        theirs.step(value)
        expected.append(optimiser.param_groups[0]["lr"])
    assert rates(TorchPlateau(1.0, **settings_), values) == expected


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras, on PyTorch
@settings(deadline=None, max_examples=25)
@given(VALUES, st.integers(1, 4), st.integers(0, 3), st.sampled_from(["min", "max"]))
def test_keras(values, patience, cooldown, mode):
    """Rate for rate what keras.callbacks.ReduceLROnPlateau gives."""
    keras = pytest.importorskip("keras")
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(1.0), loss="mse")
    theirs = keras.callbacks.ReduceLROnPlateau(
        monitor="x", factor=0.5, patience=patience, mode=mode, min_delta=0.01, cooldown=cooldown, min_lr=0.05
    )
    theirs.set_model(model)
    theirs.on_train_begin()
    expected = []
    for epoch, value in enumerate(values):
        theirs.on_epoch_end(epoch, {"x": value})
        expected.append(float(np.asarray(model.optimizer.learning_rate)))
    ours = KerasPlateau(1.0, mode, 0.5, patience, 0.01, cooldown, 0.05)
    assert rates(ours, values) == pytest.approx(expected, rel=1e-6)


@settings(deadline=None, max_examples=25)
@given(VALUES, st.integers(1, 4), st.integers(0, 3), st.integers(1, 3))
def test_optax(values, patience, cooldown, accumulation):
    """Scale for scale what optax.contrib.reduce_on_plateau gives, as far as single precision allows."""
    optax = pytest.importorskip("optax")
    jnp = pytest.importorskip("jax.numpy")
    values = [v if not math.isfinite(v) else round(v * 4) / 4 for v in values]  # exact in single precision
    theirs = optax.contrib.reduce_on_plateau(
        0.5, patience, 0.1, 0.0, cooldown, accumulation_size=accumulation, min_scale=0.01
    )
    state = theirs.init(jnp.zeros(1))
    expected = []
    for value in values:
        _, state = theirs.update(jnp.ones(1), state, value=value)
        expected.append(float(state.scale))
    ours = OptaxPlateau(
        1.0, "min", 0.5, patience, 0.1, 0.0, cooldown, accumulation_size=accumulation, min_scale=0.01
    )
    assert rates(ours, values) == pytest.approx(expected, rel=1e-6)


@settings(deadline=None, max_examples=40)
@given(VALUES, st.integers(0, 3), st.integers(0, 2), st.integers(0, 2), st.booleans(), st.integers(1, 4))
def test_greedy(values, patience, cooldown, warmup, smooth, reset_start):
    """Rate for rate what transformers' GreedyLR gives."""
    torch = pytest.importorskip("torch")
    theirs_class = pytest.importorskip("transformers.optimization").GreedyLR
    settings_ = {
        "factor": 0.5,
        "patience": patience,
        "cooldown": cooldown,
        "warmup": warmup,
        "smooth": smooth,
        "window_size": 3,
        "reset_start": reset_start,
        "min_lr": 0.1,
    }
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    theirs = theirs_class(optimiser, **settings_)
    finite = [v for v in values if math.isfinite(v)]  # a running sum keeps a NaN for good, a window does not
    expected = []
    for value in finite:
        theirs.step(value)
        expected.append(optimiser.param_groups[0]["lr"])
    assert rates(Greedy(0.5, **settings_), finite) == pytest.approx(expected)


def test_dlib_against_a_plain_twin():
    """The count of steps without progress is that of a slow least-squares loop over every length."""
    rng = np.random.default_rng(1)
    for _ in range(20):
        y = rng.normal(size=40) - rng.uniform(-0.1, 0.1) * np.arange(40)
        rule = DlibPlateau(history=list(y))
        longest = 0
        for n in range(3, 41):
            piece, x = y[-n:], np.arange(n)
            slope, cut = np.polyfit(x, piece, 1)
            s2 = ((piece - slope * x - cut) ** 2).sum() / (n - 2)
            z = -slope / math.sqrt(12 * s2 / (n**3 - n))
            if z < normal_quantile(0.51):
                longest = n
        assert rule.steps_without_progress() == longest


def test_peers_mistake_negative_metrics():
    """On a metric that stands at -1 for 60 epochs PyTorch's default never cuts, on one that stands at +1 it
    cuts 5 times.
    """
    assert len(set(rates(TorchPlateau(), [-1.0] * 60))) == 1
    assert len(set(rates(TorchPlateau(), [1.0] * 60))) == 6


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 99), st.floats(-100, 100), st.floats(0.1, 10))
def test_ours_knows_no_unit_and_no_origin(seed, shift, factor):
    """Our rule cuts at the same points of a shifted or stretched curve, negative or not, and of its negation
    to be maximised.
    """
    y = np.exp(-np.arange(80) / 5) + 0.005 * np.random.default_rng(seed).normal(size=80)
    plain = rates(OurPlateau(), y)
    assert rates(OurPlateau(), y * factor + shift) == plain
    assert rates(OurPlateau(mode="max"), -y) == plain
    assert plain[-1] < 1


def test_ours_does_not_count_broken_values():
    """NaN and inf are passed over: with or without them the cuts come after the same finite points."""
    y = list(np.exp(-np.arange(60) / 5) + 0.005 * np.random.default_rng(0).normal(size=60))
    with_holes = [v for value in y for v in (value, math.nan)]
    assert rates(OurPlateau(), with_holes)[::2] == rates(OurPlateau(), y)
