"""The guard rolls back when training diverges, and else keeps quiet."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lrscope.control import Action, Guard

GUARD = Guard()


def run(losses, guard=GUARD, snapshots=True):
    state, decisions = guard.init(0.1), []
    for step, loss in enumerate(losses, 1):
        state, decision = guard.update(state, step, float(loss))
        if decision is not None:
            decisions.append(decision)
        elif snapshots and guard.wants_snapshot(state, step):
            state = guard.took_snapshot(state, step)
    return state, decisions


def descent(steps, seed, noise=0.1):
    rng = np.random.default_rng(seed)
    return np.exp(-np.arange(steps) / 150) + noise * rng.normal(size=steps)


def test_false_alarms_are_rare():
    """Over 60 runs of 2,000 steps, with noise a tenth of the whole descent, normal or heavy-tailed, it never
    fires more than once in 40,000 steps."""
    alarms = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        noise = rng.standard_t(4, size=2000) if seed % 2 else rng.normal(size=2000)
        alarms += len(run(np.exp(-np.arange(2000) / 150) + 0.1 * noise)[1])
    assert alarms <= 3


@pytest.mark.parametrize("seed", range(10))
def test_divergence_is_seen_within_thirty_steps(seed):
    """A loss that climbs by its whole descent is rolled back, to weights kept well before the climb began."""
    losses = descent(400, seed)
    losses[300:] += np.minimum(np.arange(100) * 0.2, 4)
    guard = GUARD
    state, decision, kept = guard.init(0.1), None, []
    for step, loss in enumerate(losses, 1):
        state, decision = guard.update(state, step, float(loss))
        if decision is not None:
            break
        if guard.wants_snapshot(state, step):
            kept.append(step)
            state = guard.took_snapshot(state, step)
    assert decision is not None
    assert decision.action is Action.ROLL_BACK
    assert 300 < decision.step <= 330
    assert decision.restore == "snapshot"
    assert decision.lr == pytest.approx(0.033)
    assert state.keeping.proven == kept[-2] <= 300


def test_a_loss_that_is_not_finite_is_rolled_back_at_once():
    """NaN or infinity: back to the start while nothing better is kept, and the rate may not soon return."""
    for bad in (math.nan, math.inf):
        state, decisions = run([*descent(20, 0), bad])
        assert [d.action for d in decisions] == [Action.ROLL_BACK]
        assert decisions[0].restore == "start"
        assert state.ceiling == pytest.approx(0.06)


def test_the_rate_is_not_blamed_for_ever():
    """Losses that stay NaN (a broken batch, say) lower the rate eight times, not to nothing."""
    state, decisions = run([*descent(20, 0), *[math.nan] * 40])
    assert len(decisions) == 40
    assert state.keeping.lr == pytest.approx(0.1 * 0.33**8)


def test_one_bad_batch_is_none_of_the_rates_doing():
    """A single loss ten times too high changes nothing."""
    losses = descent(400, 1)
    losses[250] = 10.0
    assert run(losses)[1] == []


def test_the_ceiling_rises_again():
    """After a roll-back it is 0.6 of the rate that failed, and a quarter more 128 steps later."""
    state, _ = run([*descent(20, 0), math.nan, *[0.9] * 128])
    assert state.ceiling == pytest.approx(0.06 * 1.25, rel=0.01)
