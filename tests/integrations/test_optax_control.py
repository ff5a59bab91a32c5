"""`lrscope.optax`: the controllers in arrays against the controllers themselves, and real training under `jit`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("optax", reason="needs the extra `optax`")
import jax
import jax.numpy as jnp
import optax

import lrscope
from lrscope.control import Composed, Gap, Guard, Plateau, ZigZag
from lrscope.control.average import due
from lrscope.integrations.optax import rules
from lrscope.integrations.optax.plateau import _pack, _unpack


def series(kind: str, seed: int, steps: int = 600) -> tuple[np.ndarray, np.ndarray]:
    """Losses and gaps of a made-up run: falling, level, diverging, or broken by NaN."""
    rng = np.random.default_rng(seed)
    t = np.arange(1, steps + 1)
    loss = 1.0 + 2.0 * np.exp(-t / 150) + 0.1 * rng.normal(size=steps)
    gap = 0.05 * np.tanh((t - 250) / 60) + 0.02 * rng.normal(size=steps)
    if kind == "flat start":
        loss = 3.0 + 0.1 * rng.normal(size=steps)
    if kind == "diverging":
        loss[300:340] += np.linspace(0, 5, 40)
        loss[400:420] += 8.0
    if kind == "broken":
        loss[[40, 41, 200, 350, 351, 352]] = np.nan
    if kind == "slow":
        gap = -0.05 + 0.01 * rng.normal(size=steps)
    return loss, gap


CASES = [
    ("balanced", {}),
    ("flat start", {}),
    ("flat start", {"warmup": 0}),
    ("diverging", {}),
    ("diverging", {"warmup": 20, "guard": Guard(keep_every=32, factor=0.5)}),
    ("broken", {}),
    ("slow", {"warmup": 0}),
]


@pytest.mark.parametrize(("kind", "settings"), CASES)
def test_arrays_decide_as_the_controllers_do(kind: str, settings: dict[str, Any]) -> None:
    """On the same losses and gaps, the same actions at the same steps, and rates that differ by rounding
    only; a cool-down included."""
    control = Composed(Gap(), **settings)
    advance = jax.jit(lambda state, *seen: rules.update(control, state, *seen))
    asks = jax.jit(lambda state, step: rules.wants_gap(control, state, step))
    acted = 0
    loss, gap = series(kind, 0)
    plain, twin = control.init(1.0), rules.start(control)
    for step in range(1, len(loss) + 1):
        wants = control.wants_gap(plain, step)
        assert wants == bool(asks(twin, step))
        seen = float(np.float32(loss[step - 1])), float(np.float32(gap[step - 1]))
        plain, decision = control.update(plain, step, seen[0], gap=seen[1] if wants else None)
        twin, verdict = advance(twin, step, seen[0], seen[1] if wants else np.nan)
        assert rules.ACTIONS[int(verdict.action)] == (decision.action if decision else None), step
        assert (None, "start", "snapshot")[int(verdict.restore)] == (decision and decision.restore)
        assert float(twin.lr) == pytest.approx(control.lr(plain), rel=1e-5)
        acted += decision is not None
        if decision is None and control.wants_snapshot(plain):
            assert bool(rules.wants_snapshot(control, twin))
            plain, twin = control.took_snapshot(plain), rules.took_snapshot(twin)
        elif decision is None:
            assert not bool(rules.wants_snapshot(control, twin))
        if step == 500:
            plain, twin = control.finish(plain, 60), rules.finish(twin, 60)
    assert acted > 20


def test_gaps_and_averages_are_due_at_the_same_steps() -> None:
    """Over the first 9,000 steps, in which the time between them grows."""
    control = Composed(Gap(every=6))
    plain, twin = control.init(1.0), rules.start(control)
    steps = np.arange(1, 9001)
    mine = np.flatnonzero(rules.wants_gap(control, twin, steps)) + 1
    assert mine.tolist() == [int(step) for step in steps if control.wants_gap(plain, int(step))]
    mine = np.flatnonzero(rules.takes_in(steps)) + 1
    assert mine.tolist() == [int(step) for step in steps if due(int(step))]


def test_snapshots_are_wanted_at_the_same_steps() -> None:
    """The longer the run, the longer between them; and only while it is healthy."""
    control = Composed(Gap())
    start = control.init(1.0)
    answers = set()
    for step in (60, 200, 1000, 1100, 4000, 9000):
        for age in (10, 64, 100, 250, 600):
            for good in (3, 64, 500):
                keeping = start.guard.keeping._replace(kept=max(step - age, 0))
                state = start._replace(step=step, guard=start.guard._replace(good=good, keeping=keeping))
                wants = control.wants_snapshot(state)
                assert bool(rules.wants_snapshot(control, rules.arrays(state))) == wants
                answers.add(wants)
    assert answers == {True, False}


# -- real training ------------------------------------------------------------------------------------------


def problem() -> tuple[dict[str, Any], Any, Any, Any]:
    """A small net on noisy labels: its parameters, the loss, batches to train on, and spare ones."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(512, 8)).astype(np.float32)
    y = (np.tanh(x @ rng.normal(size=8)) + 0.5 * rng.normal(size=512)).astype(np.float32)
    params = {
        "w": jnp.asarray(rng.normal(size=(8, 16)), jnp.float32) * 0.3,
        "b": jnp.zeros(16),
        "v": jnp.asarray(rng.normal(size=16), jnp.float32) * 0.3,
    }

    def loss_of(p: Any, batch: Any) -> Any:
        x, y = batch
        return jnp.mean((jnp.tanh(x @ p["w"] + p["b"]) @ p["v"] - y) ** 2)

    order = rng.integers(0, 384, size=(600, 16))
    spare = 384 + rng.integers(0, 128, size=(600, 32))
    return params, loss_of, (x[order], y[order]), (x[spare], y[spare])


def trainer(optimizer: Any, loss_of: Any) -> Any:
    """One step, and many of them in a `scan`, compiled."""

    def step(carry: Any, batches: Any) -> Any:
        params, state = carry
        batch, spare = batches
        loss, gradient = jax.value_and_grad(loss_of)(params, batch)
        updates, state = optimizer.update(
            gradient, state, params, value=loss, value_fn=lambda p: loss_of(p, spare)
        )
        return (optax.apply_updates(params, updates), state), lrscope.optax.observed(state)

    return jax.jit(step), jax.jit(lambda carry, batches: jax.lax.scan(step, carry, batches))


def cut(batches: Any, start: int, end: int) -> Any:
    return jax.tree.map(lambda x: x[start:end], batches)


def same(a: Any, b: Any) -> None:
    for mine, other in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_a_rate_far_off_is_found() -> None:
    """In a `scan`: from starts three decades apart, the averaged net ends with nearly the same held-out loss,
    which a constant rate reaches from neither."""
    params, loss_of, train, spare = problem()
    ends, constant = [], []
    for lr in (1e-3, 1.0):
        optimizer = lrscope.optax.gap(optax.sgd(lr), memory=1)
        _, whole = trainer(optimizer, loss_of)
        (_, state), seen = whole((params, optimizer.init(params)), (train, spare))
        assert np.asarray(seen.step).tolist() == list(range(1, 601))
        ends.append(float(loss_of(lrscope.optax.averaged(state), jax.tree.map(np.concatenate, spare))))

        def plain(p: Any, batch: Any, lr: float = lr) -> Any:
            return jax.tree.map(lambda w, g: w - lr * g, p, jax.grad(loss_of)(p, batch)), None

        moved, _ = jax.lax.scan(plain, params, train)
        constant.append(float(loss_of(moved, jax.tree.map(np.concatenate, spare))))
    assert max(ends) < 1.4 * min(ends)
    assert not max(ends) >= constant[0]
    assert not np.isfinite(constant[1])


def test_a_checkpoint_of_the_state_resumes_exactly(tmp_path: Path) -> None:
    """Saved as plain arrays in the middle and loaded into a new optimiser: the same rates and weights, bit for
    bit."""
    params, loss_of, train, spare = problem()
    build = lambda: lrscope.optax.gap(optax.adam(0.01))  # noqa: E731
    optimizer = build()
    _, whole = trainer(optimizer, loss_of)
    carry, _ = whole((params, optimizer.init(params)), cut((train, spare), 0, 237))
    (unbroken, last), _ = whole(carry, cut((train, spare), 237, 474))
    leaves = jax.tree.leaves(carry)
    np.savez(tmp_path / "state.npz", *leaves)

    with np.load(tmp_path / "state.npz") as kept:
        again = [jnp.asarray(kept[f"arr_{i}"]) for i in range(len(leaves))]
    optimizer = build()
    like = (params, optimizer.init(params))
    _, whole = trainer(optimizer, loss_of)
    (resumed, end), _ = whole(
        jax.tree.unflatten(jax.tree.structure(like), again), cut((train, spare), 237, 474)
    )
    same(resumed, unbroken)
    same(end, last)
    assert float(lrscope.optax.scale(end)) != 1.0


@pytest.fixture(scope="module")
def momentum() -> Any:
    """An optimiser, its compiled step and scan, and a compiled call with a gradient of one's own."""
    _, loss_of, *_ = problem()
    optimizer = lrscope.optax.gap(optax.sgd(0.05, momentum=0.9))
    thrown = jax.jit(lambda g, s, p: optimizer.update(g, s, p, value=1.0, value_fn=lambda p: 1.0))
    return optimizer, *trainer(optimizer, loss_of), thrown


@pytest.mark.parametrize("poison", [np.nan, 1e12])
def test_a_divergence_is_rolled_back_parameters_and_moments(momentum: Any, poison: float) -> None:
    """After a gradient that is not finite, or one that throws the weights far off, they come back to what was
    kept, at a lower rate, and training goes on."""
    params, _, train, spare = problem()
    optimizer, step, whole, thrown = momentum
    (params, state), _ = whole((params, optimizer.init(params)), cut((train, spare), 0, 300))
    kept = state.proven
    before = float(lrscope.optax.scale(state))
    gradient = jax.tree.map(lambda p: jnp.full_like(p, poison), params)
    updates, state = thrown(gradient, state, params)
    params = optax.apply_updates(params, updates)
    for i in range(300, 330):
        if np.isfinite(poison) and int(lrscope.optax.observed(state).action) == 0:
            (params, state), _ = step((params, state), jax.tree.map(lambda x, i=i: x[i], (train, spare)))
        elif bool(state.landing):
            updates, state = thrown(gradient, state, params)
            params = optax.apply_updates(params, updates)
    for mine, other in zip(jax.tree.leaves(params), jax.tree.leaves(kept.params), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6)
    same(state.inner, kept.inner)
    assert int(state.averages.steps) == 0  # they begin anew
    assert float(lrscope.optax.scale(state)) < 0.5 * before
    (params, state), seen = whole((params, state), cut((train, spare), 300, 600))
    assert np.isfinite(np.asarray(seen.loss)).all()


def test_what_was_observed_is_a_record_that_can_be_diagnosed(tmp_path: Path) -> None:
    """Steps of a `scan`, written at once: losses, rates, gaps, decisions with their reason."""
    params, loss_of, train, spare = problem()
    optimizer = optax.MultiSteps(lrscope.optax.gap(optax.sgd(0.01), memory=1), every_k_schedule=1)
    _, whole = trainer(optimizer, loss_of)
    (_, state), seen = whole((params, optimizer.init(params)), cut((train, spare), 0, 300))
    record = lrscope.optax.Record(tmp_path / "run.jsonl", learning_rate=0.01)
    record.write(seen)
    record.write(lrscope.optax.observed(state))  # seen before, so not written again
    record.close()
    head, *rows = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines()]
    assert head["schema"] == "lrscope.record/1"
    assert [row["step"] for row in rows] == list(range(1, 301))
    assert [row["lr"] for row in rows] == pytest.approx((0.01 * np.asarray(seen.scale)).tolist())
    decided = [row for row in rows if "decision" in row]
    assert {row["decision"] for row in decided} <= {"raise", "lower", "roll_back"}
    assert all(row["reason"] and row["by"] for row in decided)
    assert sum("gap" in row for row in rows) > 20
    assert lrscope.diagnose(tmp_path / "run.jsonl")


def test_misuse_is_told_kindly() -> None:
    """What is missing from a call, a rule that is none, and a state that is another's."""
    params = {"w": jnp.ones(2)}
    optimizer = lrscope.optax.gap(optax.sgd(0.1))
    state = optimizer.init(params)
    with pytest.raises(lrscope.UsageError, match="value_fn=lambda p"):
        optimizer.update(params, state, params, value=1.0)
    with pytest.raises(lrscope.UsageError, match="reduce_on_plateau"):
        lrscope.optax.gap(optax.sgd(0.1), control=Composed(ZigZag()))
    with pytest.raises(lrscope.UsageError, match="no state of lrscope"):
        lrscope.optax.averaged(optax.sgd(0.1).init(params))
    with pytest.raises(lrscope.UsageError, match="accumulation_size"):
        lrscope.optax.reduce_on_plateau(accumulation_size=0)


# -- the loss alone -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [0.0, -50.0])
def test_the_plateau_decides_as_its_controller_does(offset: float) -> None:
    """The same rates as `Plateau` gives on the same means, wherever the loss has its zero."""
    rng = np.random.default_rng(5)
    t = np.arange(800)
    losses = (offset + np.exp(-t / 40) + 0.02 * rng.normal(size=800)).astype(np.float32)
    rule = Plateau(factor=0.3, block=1, least=10)
    plain, rates = rule.init(1.0), []
    for mean in losses.reshape(-1, 4):
        plain, _ = rule.update(plain, len(rates) + 1, float(np.float32(mean.sum(dtype=np.float32) / 4)))
        rates.append(plain.history.lr)

    transform = optax.chain(optax.sgd(1.0), lrscope.optax.reduce_on_plateau(accumulation_size=4))
    params = {"w": jnp.zeros(1)}

    def step(state: Any, value: Any) -> Any:
        updates, state = transform.update({"w": jnp.ones(1)}, state, params, value=value)
        return state, -updates["w"][0]

    run = jax.jit(lambda state, values: jax.lax.scan(step, state, values))
    half, first = run(transform.init(params), losses[:402])
    leaves, shape = jax.tree.flatten(half)
    half = jax.tree.unflatten(shape, [jnp.asarray(np.asarray(leaf)) for leaf in leaves])  # as from a file
    _, second = run(half, losses[402:])
    mine = np.concatenate([first, second])
    assert mine[3::4].tolist() == pytest.approx(rates, rel=1e-6)
    assert len(set(rates)) >= 2


def test_packing_a_state_loses_nothing() -> None:
    """A plateau's state survives the trip through an array of bytes, exactly."""
    rule = Plateau(block=1, least=10)
    state = rule.init(0.1)
    for step in range(1, 300):
        state, _ = rule.update(state, step, 1 / 3 + 1 / step)
        assert _unpack(_pack(state), rule.init(1.0)) == state
