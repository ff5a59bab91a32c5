"""What must not matter to a controller, and what a state must survive."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrscope.control import Gap, Guard, Guarded, Plateau, from_json, to_json
from lrscope.errors import UsageError

CONTROLLERS = {
    "guard": Guard(),
    "gap": Gap(),
    "plateau": Plateau(patience=40),
    "gap, guarded": Guarded(Gap(), warmup=20),
    "plateau, guarded": Guarded(Plateau(patience=40), warmup=0),
}


def observations(seed, steps=480, shift=0.0, factor=1.0):
    """A loss that comes down, diverges in between, and levels out; a gap that begins negative and ends
    positive."""
    rng = np.random.default_rng(seed)
    losses = np.exp(-np.arange(steps) / 25) + 0.02 * rng.normal(size=steps)
    losses[100:120] += 1.5
    gaps = np.linspace(-0.2, 0.2, steps) + 0.05 * rng.normal(size=steps)
    for i in range(steps):
        measured = (i + 1) % 4 == 0
        yield (
            i + 1,
            float(losses[i]) * factor + shift,
            float(gaps[i]) * factor if measured else None,
        )


def run(controller, rows, state=None):
    state = controller.init(0.1) if state is None else state
    states, decisions = [state], []
    for step, loss, gap in rows:
        state, decision = controller.update(state, step, loss, gap=gap)
        states.append(state)
        decisions.append(decision)
    return states, decisions


def acts(decisions):
    return [(d.step, str(d.action), d.factor, d.lr) for d in decisions if d is not None]


@pytest.mark.parametrize("name", CONTROLLERS)
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 99), shift=st.sampled_from([-8.0, 0.0, 64.0]), power=st.integers(-6, 6))
def test_neither_the_unit_nor_the_origin_of_the_loss_matters(name, seed, shift, power):
    """Adding a constant to the loss, or multiplying losses and gaps by a positive number, changes no decision."""
    controller = CONTROLLERS[name]
    plain = acts(run(controller, observations(seed))[1])
    moved = acts(run(controller, observations(seed, shift=shift, factor=2.0**power))[1])
    assert [a[:2] for a in moved] == [a[:2] for a in plain]


@pytest.mark.parametrize("name", CONTROLLERS)
def test_there_is_something_to_decide(name):
    """What these laws are tried on leads to decisions with most seeds: laws about none would be none."""
    assert sum(bool(acts(run(CONTROLLERS[name], observations(seed))[1])) for seed in range(10)) > 5


@pytest.mark.parametrize("name", CONTROLLERS)
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 99), cut=st.integers(0, 479))
def test_a_state_survives_json_exactly(name, seed, cut):
    """Written as JSON at any step and read back, it is equal, and the decisions that follow are the same."""
    controller = CONTROLLERS[name]
    rows = list(observations(seed))
    states, decisions = run(controller, rows)
    text = json.dumps(to_json(states[cut]), allow_nan=False)
    again = from_json(json.loads(text), controller.init(1.0))
    assert again == states[cut]
    assert acts(run(controller, rows[cut:], again)[1]) == acts(decisions[cut:])


@pytest.mark.parametrize("name", CONTROLLERS)
def test_updates_are_pure(name):
    """The same state and observation give the same, however often, and leave the state as it was."""
    controller = CONTROLLERS[name]
    rows = list(observations(3))
    states, _ = run(controller, rows)
    for i in (0, 16, 60, 110, 479):
        step, loss, gap = rows[i]
        before = json.dumps(to_json(states[i]))
        first = controller.update(states[i], step, loss, gap=gap)
        second = controller.update(states[i], step, loss, gap=gap)
        assert first == second
        assert first[0] == states[i + 1]
        assert json.dumps(to_json(states[i])) == before


@pytest.mark.parametrize("name", CONTROLLERS)
@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.floats(-1e3, 1e3), st.sampled_from([math.nan, math.inf, -math.inf])),
            st.one_of(st.none(), st.floats(-10, 10), st.just(math.nan)),
        ),
        max_size=120,
    )
)
def test_nothing_that_can_be_observed_breaks_a_controller(name, seen):
    """NaN, infinite and constant losses included, rates stay finite and above zero, and each decision says
    why."""
    controller = CONTROLLERS[name]
    rows = [(i + 1, loss, gap) for i, (loss, gap) in enumerate(seen)]
    for decision in run(controller, rows)[1]:
        if decision is not None:
            assert math.isfinite(decision.lr)
            assert decision.lr > 0
            assert decision.reason.endswith(".")
            json.dumps(decision.to_json())


def test_a_foreign_state_is_refused_kindly():
    """A state of another controller is named as such, not half understood."""
    with pytest.raises(UsageError, match="another controller"):
        from_json(to_json(Gap().init(0.1)), Guard().init(0.1))
