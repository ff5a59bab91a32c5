"""From the loss alone: drops on plateaus, and none elsewhere; what bought nothing is taken back."""

from __future__ import annotations

import numpy as np
import pytest

from lrscope.control import Action, Plateau


def closed_loop(rule, response, values, seed=0, noise=0.01):
    """Train a world whose loss heads for `response(lr)`: the rule's drops have consequences."""
    rng = np.random.default_rng(seed)
    state, lr, level, decisions = rule.init(1.0), 1.0, 1.0, []
    for step in range(1, values + 1):
        level += 0.15 * (response(lr) - level)
        state, decision = rule.update(state, step, level + noise * rng.normal())
        if decision is not None:
            decisions.append(decision)
            lr = decision.lr
    return decisions, lr, level


EPOCHS = Plateau(block=1, patience=8)


def test_on_a_noise_floor_it_goes_down_and_stays_down():
    """Where the floor is proportional to the rate, drops follow each other and none is taken back."""
    decisions, _, level = closed_loop(EPOCHS, lambda lr: 0.3 * lr, 260)
    assert len(decisions) >= 2
    assert {d.action for d in decisions[:2]} == {Action.LOWER}
    assert level < 0.05


def test_a_drop_that_bought_nothing_is_taken_back():
    """Where the rate makes no difference, the drop is followed by its own undoing, each later than the last."""
    decisions, lr, _ = closed_loop(EPOCHS, lambda lr: 0.2, 600, seed=1)
    assert [d.action for d in decisions[:2]] == [Action.LOWER, Action.RAISE]
    assert decisions[1].lr == pytest.approx(1.0)
    assert decisions[1].numbers["bought"] < decisions[1].numbers["anyway"]
    waits = np.diff([0, *[d.step for d in decisions]])
    assert waits[-1] > 2 * waits[0]
    assert lr >= 0.3


@pytest.mark.parametrize("noise", [0.0, 0.03, 0.1])
def test_no_drop_while_it_descends(noise):
    """An exponential descent over the length of the run is left alone, whatever the noise: at most the
    stated 10 % of 40 are cut."""
    cut = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        state = EPOCHS.init(1.0)
        decided = False
        for step, y in enumerate(np.exp(-np.arange(120) / 60) + noise * rng.normal(size=120), 1):
            state, decision = EPOCHS.update(state, step, float(y))
            decided |= decision is not None
        cut += decided
    assert cut <= 4


def test_losses_of_batches_are_judged_in_blocks():
    """Of 20,000 losses of single batches the state holds at most 128 means."""
    rng = np.random.default_rng(0)
    rule = Plateau()
    state = rule.init(1.0)
    for step in range(1, 20_001):
        state, _ = rule.update(state, step, float(np.exp(-step / 20_000) + 0.1 * rng.normal()))
        assert len(state.history.blocks) <= 128


def test_the_rate_stops_at_its_least():
    """`min_lr` is reached exactly and not passed."""
    rule = Plateau(block=1, patience=8, min_lr=0.05)
    decisions, lr, _ = closed_loop(rule, lambda lr: 0.3 * lr, 600)
    assert lr == 0.05
    assert all(d.lr >= 0.05 for d in decisions)
