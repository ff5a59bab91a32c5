"""`lrscope.optax`: the controllers in arrays against the controllers themselves, and real training under `jit`."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

pytest.importorskip("optax", reason="needs the extra `optax`")
import jax
import jax.numpy as jnp
import optax
from hypothesis import example, given, settings
from hypothesis import strategies as st

import lrscope
from lrscope.control import Gap, Guard, Guarded, Plateau
from lrscope.control.average import due
from lrscope.control.gap import gap_of
from lrscope.integrations.optax import rules
from lrscope.integrations.optax.plateau import _pack, _unpack


def series(kind: str, seed: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
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
        loss[1400] = np.inf
        gap[::5] = np.nan
    if kind == "slow":
        gap = -0.05 + 0.01 * rng.normal(size=steps)
    if kind == "undecided":
        gap = 0.002 + 0.1 * rng.normal(size=steps)
    return loss.astype(np.float32), gap.astype(np.float32)


STEPS, FINISH = 2400, 2300  # past the step from which snapshots grow rare, and gaps are rarer still


class Seen(NamedTuple):
    """What a controller says of a step."""

    wants: Any
    action: Any
    restore: Any
    lr: Any
    keeps: Any


def plain(control: Guarded, loss: np.ndarray, gap: np.ndarray) -> Seen:
    """The controller itself, step by step."""
    state, rows = control.init(1.0), []
    for step in range(1, STEPS + 1):
        wants = control.wants_gap(state, step)
        state, decision = control.update(
            state, step, float(loss[step - 1]), gap=float(gap[step - 1]) if wants else None
        )
        keeps = decision is None and control.wants_snapshot(state)
        if keeps:
            state = control.took_snapshot(state)
        lr = control.lr(state)
        if step == FINISH:
            state = control.finish(state, 60)
        action = rules.ACTIONS.index(decision.action if decision else None)
        restore = (None, "start", "snapshot").index(decision.restore if decision else None)
        rows.append(Seen(wants, action, restore, lr, keeps))
    return Seen(*map(np.asarray, zip(*rows, strict=True)))


@functools.cache
def twin(control: Guarded) -> Callable[..., Any]:
    """The same in arrays, compiled once for each controller."""

    def advance(state: Any, now: Any) -> Any:
        step, loss, gap = now
        wants = rules.wants_gap(control, state, step)
        state, verdict = rules.update(control, state, step, loss, jnp.where(wants, gap, jnp.nan))
        keeps = (verdict.action == 0) & rules.wants_snapshot(control, state)
        state = rules.choose(keeps, rules.took_snapshot(state), state)
        lr = state.lr
        state = rules.choose(step == FINISH, rules.finish(state, 60), state)
        return state, Seen(wants, verdict.action, verdict.restore, lr, keeps)

    return jax.jit(lambda *seen: jax.lax.scan(advance, rules.start(control), seen)[1])


CASES = [
    ("balanced", Guarded(Gap())),
    ("flat start", Guarded(Gap())),
    ("flat start", Guarded(Gap(), warmup=0)),
    ("diverging", Guarded(Gap())),
    ("diverging", Guarded(Gap(), Guard(keep_every=32, factor=0.5), warmup=20)),
    ("broken", Guarded(Gap())),
    ("slow", Guarded(Gap(), warmup=0)),
    ("undecided", Guarded(Gap(), warmup=0)),
]


@pytest.mark.parametrize(("kind", "control"), CASES)
def test_arrays_decide_as_the_controllers_do(kind: str, control: Guarded) -> None:
    """On the same losses and gaps, gaps and snapshots are wanted at the same steps, actions are the same, and
    rates differ by rounding only; a cool-down included."""
    loss, gap = series(kind, 0, STEPS)
    mine = twin(control)(np.arange(1, STEPS + 1), loss, gap)
    other = plain(control, loss, gap)
    for name in ("wants", "action", "restore", "keeps"):
        np.testing.assert_array_equal(getattr(mine, name), getattr(other, name), name)
    np.testing.assert_allclose(mine.lr, other.lr, rtol=1e-5)
    assert sum(other.action[: FINISH - 1] != 0) >= (1 if kind == "undecided" else 10)
    assert sum(other.keeps) > 10


@pytest.mark.parametrize("drift", [0.0, 0.03, -0.03, 0.1])
def test_the_gap_decides_as_its_controller_does_however_long_it_takes(drift: float) -> None:
    """On 1,200 gaps that are mostly noise: what was measured fades, and less and less evidence is enough."""
    rule = Gap(every=4)
    gaps = (drift + np.random.default_rng(4).normal(size=1200)).astype(np.float32)
    steps = 16 + 8 * np.arange(1200)
    balance = lambda state, seen: rules._balance(rule, state, *seen)[:2]  # noqa: E731
    end, actions = jax.lax.scan(balance, rules.arrays(rule.init(1.0)), (steps, gaps))
    state, decisions = rule.init(1.0), []
    for step, gap in zip(steps, gaps, strict=True):
        state, decision = rule.update(state, int(step), 0.0, gap=float(gap))
        decisions.append(decision)
    assert np.asarray(actions).tolist() == [rules.ACTIONS.index(d.action if d else None) for d in decisions]
    np.testing.assert_allclose(end, state, rtol=1e-4)
    drops = [d for d in decisions if d is not None and d.action == "lower"]
    assert not drift > 0 or min(d.numbers["threshold"] for d in drops) < rule.t


# Losses whose differences are exact in single precision, and others that are none.
exact = st.integers(-(2**20), 2**20).map(lambda i: i / 1024)
odd = st.sampled_from([math.nan, math.inf, -math.inf])


@settings(max_examples=100, deadline=None)
@given(here=exact | odd, long=exact | odd, short=exact | odd)
@example(here=1.0, long=2.0, short=math.nan)
@example(here=1.0, long=math.inf, short=0.5)
def test_the_gap_in_arrays_is_the_gap(here: float, long: float, short: float) -> None:
    """For any three losses, finite or not, `rules.gap_of` is `lrscope.control.gap.gap_of`."""
    mine = rules.gap_of(*(jnp.asarray(x, jnp.float32) for x in (here, long, short)))
    np.testing.assert_equal(float(mine), gap_of(here, long, lambda: short))


def test_gaps_and_averages_are_due_at_the_same_steps() -> None:
    """Over the first 9,000 steps, in which the time between them grows."""
    control = Guarded(Gap(every=6))
    plain, twin = control.init(1.0), rules.start(control)
    steps = np.arange(1, 9001)
    mine = np.flatnonzero(rules.wants_gap(control, twin, steps)) + 1
    assert mine.tolist() == [int(step) for step in steps if control.wants_gap(plain, int(step))]
    mine = np.flatnonzero(rules.takes_in(steps)) + 1
    assert mine.tolist() == [int(step) for step in steps if due(int(step))]


def test_snapshots_are_wanted_at_the_same_steps() -> None:
    """The longer the run, the longer between them; and only while it is healthy."""
    control = Guarded(Gap())
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


class Step(NamedTuple):
    """One step of training: what it began with, what it led to, and what was observed."""

    before: Any
    averages: Any
    after: Any
    state: Any
    seen: Any


def trainer(build: Callable[..., Any], loss_of: Any) -> Any:
    """Steps in a `scan`, compiled; `build` gives the optimiser for a rate. A poison that is not zero stands in
    the place of a step's gradient, and its loss is 1."""

    def run(lr: Any, carry: Any, batches: Any, poison: Any) -> Any:
        optimizer = build(lr)

        def step(carry: Any, now: Any) -> Any:
            params, state = carry
            batch, spare, poison = now
            loss, gradient = jax.value_and_grad(loss_of)(params, batch)
            gradient = jax.tree.map(lambda g: jnp.where(poison == 0.0, g, poison), gradient)
            loss = jnp.where(poison == 0.0, loss, 1.0)
            updates, new = optimizer.update(
                gradient, state, params, value=loss, value_fn=lambda p: loss_of(p, spare)
            )
            after = optax.apply_updates(params, updates)
            averages = next(x.averages for x in jax.tree.leaves(state, is_leaf=is_ours) if is_ours(x))
            return (after, new), Step(params, averages, after, new, lrscope.optax.observed(new))

        return jax.lax.scan(step, carry, (*batches, poison))

    compiled = jax.jit(run)

    def train(lr: float, carry: Any, batches: Any, poison: Any = None) -> Any:
        nothing = np.zeros(len(batches[0][0]), np.float32)
        return compiled(lr, carry, batches, nothing if poison is None else poison)

    return train


def is_ours(part: Any) -> bool:
    return hasattr(part, "averages") and hasattr(part, "landing")


def cut(batches: Any, start: int, end: int) -> Any:
    return jax.tree.map(lambda x: x[start:end], batches)


def same(a: Any, b: Any) -> None:
    for mine, other in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(mine, other)


def sgd(lr: Any) -> Any:
    return lrscope.optax.gap(optax.sgd(lr), memory=1)


@pytest.fixture(scope="module")
def far_off() -> dict[float, tuple[Any, Step]]:
    """600 steps from starts three decades apart: the last state, and every step."""
    params, loss_of, train, spare = problem()
    whole, runs = trainer(sgd, loss_of), {}
    for lr in (1e-3, 1.0):
        (_, state), steps = whole(lr, (params, sgd(lr).init(params)), (train, spare))
        runs[lr] = state, steps
    return runs


def test_a_rate_far_off_is_found(far_off: dict[float, tuple[Any, Step]]) -> None:
    """In a `scan`: from starts three decades apart, the averaged net ends with nearly the same held-out loss,
    which a constant rate reaches from neither."""
    params, loss_of, train, spare = problem()
    everything = jax.tree.map(np.concatenate, spare)

    @jax.jit
    def constant(lr: Any) -> Any:
        def step(p: Any, batch: Any) -> Any:
            return jax.tree.map(lambda w, g: w - lr * g, p, jax.grad(loss_of)(p, batch)), None

        return loss_of(jax.lax.scan(step, params, train)[0], everything)

    for _, steps in far_off.values():
        assert np.asarray(steps.seen.step).tolist() == list(range(1, 601))
    ends = [float(loss_of(lrscope.optax.averaged(state), everything)) for state, _ in far_off.values()]
    assert max(ends) < 1.4 * min(ends)
    assert not max(ends) >= float(constant(1e-3))
    assert not np.isfinite(float(constant(1.0)))


def test_the_gap_is_that_of_the_parameters_and_both_averages(
    far_off: dict[float, tuple[Any, Step]],
) -> None:
    """Computed again from the parameters and the averages before each step; in some steps the short average
    decides, and in some it stands ahead of the parameters."""
    _, loss_of, _, spare = problem()
    losses = jax.jit(jax.vmap(loss_of))
    decided, level = 0, 0
    for _, steps in far_off.values():
        where = steps.before, steps.averages.long, steps.averages.short
        here, long, short = (np.asarray(losses(p, spare), np.float64) for p in where)
        gap = np.asarray(steps.seen.gap)
        (measured,) = np.nonzero(~np.isnan(gap))
        assert len(measured) > 50
        expected = [
            gap_of(a, b, lambda c=c: c)
            for a, b, c in zip(here[measured], long[measured], short[measured], strict=True)
        ]
        np.testing.assert_allclose(gap[measured], expected, rtol=1e-3, atol=2e-6)
        decided += np.sum(gap[measured] > (here - long)[measured] + 1e-4)
        level += np.sum(gap[measured] == 0.0)
    assert decided > 20
    assert level > 5


def test_the_wrapper_decides_as_the_controller_does(far_off: dict[float, tuple[Any, Step]]) -> None:
    """Fed with the losses and gaps that were observed, the controller itself takes the same decisions."""
    control = Guarded(Gap(memory=1))
    actions: set[Any] = set()
    for _, steps in far_off.values():
        plain = control.init(1.0)
        for step, loss, scale, gap, action, new_scale, *_ in zip(*map(np.asarray, steps.seen), strict=True):
            assert scale == pytest.approx(control.lr(plain), rel=1e-4)
            assert np.isnan(gap) or control.wants_gap(plain, int(step))
            plain, decision = control.update(
                plain, int(step), float(loss), gap=None if np.isnan(gap) else float(gap)
            )
            assert rules.ACTIONS[action] == (decision.action if decision else None), step
            assert new_scale == pytest.approx(control.lr(plain), rel=1e-4)
            if decision is None and control.wants_snapshot(plain):
                plain = control.took_snapshot(plain)
            actions.add(rules.ACTIONS[action])
    assert actions >= {None, "warm", "raise", "lower", "roll_back"}


def test_the_short_average_is_evaluated_only_where_the_parameters_are_ahead() -> None:
    """Two evaluations for each gap, and a third for each that is not above zero."""
    evaluations: list[float] = []
    optimizer = lrscope.optax.gap(optax.sgd(0.1), control=Guarded(Gap(t=1e9), warmup=0))
    noise = 6 * np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)

    def value(p: Any) -> Any:
        loss = jnp.sum(p**2)
        jax.debug.callback(lambda loss: evaluations.append(float(loss)), loss)
        return loss

    def step(carry: Any, noise: Any) -> Any:
        params, state = carry
        updates, state = optimizer.update(2 * params + noise, state, params, value=1.0, value_fn=value)
        return (optax.apply_updates(params, updates), state), lrscope.optax.observed(state).gap

    params = jnp.ones(4)
    _, gaps = jax.jit(lambda carry: jax.lax.scan(step, carry, noise))((params, optimizer.init(params)))
    jax.effects_barrier()
    gaps = np.asarray(gaps)[~np.isnan(gaps)]
    assert len(evaluations) == 2 * len(gaps) + np.sum(gaps <= 0.0)
    assert 0 < np.sum(gaps <= 0.0) < len(gaps)


def adam(lr: Any) -> Any:
    return optax.MultiSteps(lrscope.optax.gap(optax.adam(lr)), every_k_schedule=1)


@pytest.fixture(scope="module")
def in_halves() -> tuple[Any, Any, Any, Any]:
    """237 steps and 237 more: the compiled run, what there was in the middle, at the end, and on the way."""
    params, loss_of, train, spare = problem()
    whole = trainer(adam, loss_of)
    middle, first = whole(0.01, (params, adam(0.01).init(params)), cut((train, spare), 0, 237))
    end, second = whole(0.01, middle, cut((train, spare), 237, 474))
    return whole, middle, end, jax.tree.map(lambda *x: np.concatenate(x), first.seen, second.seen)


def test_a_checkpoint_of_the_state_resumes_exactly(in_halves: Any, tmp_path: Path) -> None:
    """Saved as plain arrays in the middle and loaded into a new optimiser: the same rates and weights, bit for
    bit."""
    params, _, train, spare = problem()
    whole, middle, end, _ = in_halves
    leaves = jax.tree.leaves(middle)
    np.savez(tmp_path / "state.npz", *leaves)
    with np.load(tmp_path / "state.npz") as kept:
        again = [jnp.asarray(kept[f"arr_{i}"]) for i in range(len(leaves))]
    like = (params, adam(0.01).init(params))
    resumed, _ = whole(
        0.01, jax.tree.unflatten(jax.tree.structure(like), again), cut((train, spare), 237, 474)
    )
    same(resumed, end)
    assert float(lrscope.optax.scale(resumed[1])) != 1.0


@pytest.fixture(scope="module")
def momentum() -> Any:
    """A compiled run of an optimiser with moments, and its first 300 steps."""
    params, loss_of, train, spare = problem()
    build = lambda lr: lrscope.optax.gap(optax.sgd(lr, momentum=0.9))  # noqa: E731
    whole = trainer(build, loss_of)
    carry, _ = whole(0.05, (params, build(0.05).init(params)), cut((train, spare), 0, 300))
    return whole, carry


@pytest.mark.parametrize("poison", [np.nan, 1e12])
def test_a_divergence_is_rolled_back_parameters_and_moments(momentum: Any, poison: float) -> None:
    """After a gradient that is not finite, or one that throws the weights far off, they come back to what was
    kept, at a lower rate, and training goes on."""
    _, _, train, spare = problem()
    whole, (params, state) = momentum
    kept = state.proven
    before = float(lrscope.optax.scale(state))
    poisons = np.zeros(300, np.float32)
    poisons[0] = poison
    _, steps = whole(0.05, (params, state), cut((train, spare), 300, 600), poisons)
    acted = np.asarray(steps.seen.action) == rules._BACK
    begun = int(np.argmax(acted))
    assert acted.any()
    assert begun < 30
    landed = begun + int(np.argmin(np.asarray(steps.state.landing)[begun:]))
    assert landed < begun + 8
    back, there = jax.tree.map(lambda x: x[landed], (steps.after, steps.state))
    for mine, other in zip(jax.tree.leaves(back), jax.tree.leaves(kept.params), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6)
    same(there.inner, kept.inner)
    assert int(there.averages.steps) == 0  # they begin anew
    assert float(lrscope.optax.scale(there)) < 0.5 * before
    assert np.isfinite(np.asarray(steps.seen.loss)[landed + 1 :]).all()
    assert int(steps.seen.step[-1]) > 550


def test_what_was_observed_is_a_record_that_can_be_diagnosed(in_halves: Any, tmp_path: Path) -> None:
    """Steps of a `scan`, written at once: losses, rates, gaps, decisions with their reason."""
    _, _, (_, state), seen = in_halves
    record = lrscope.optax.Record(tmp_path / "run.jsonl", learning_rate=0.01)
    record.write(seen)
    record.write(lrscope.optax.observed(state))  # seen before, so not written again
    record.close()
    head, *rows = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines()]
    assert head["schema"] == "lrscope.record/1"
    assert [row["step"] for row in rows] == list(range(1, 475))
    assert [row["lr"] for row in rows] == pytest.approx((0.01 * np.asarray(seen.scale)).tolist())
    decided = [row for row in rows if "decision" in row]
    assert decided
    assert {row["decision"] for row in decided} <= {"raise", "lower", "roll_back"}
    assert all(row["reason"] and row["by"] for row in decided)
    assert sum("gap" in row for row in rows) > 20
    assert lrscope.diagnose(tmp_path / "run.jsonl")


def test_misuse_is_refused() -> None:
    """What is missing from a call, a rule that is none, a state that is another's, and arguments out of range."""
    params = {"w": jnp.ones(2)}
    optimizer = lrscope.optax.gap(optax.sgd(0.1))
    state = optimizer.init(params)
    with pytest.raises(lrscope.UsageError, match="value_fn=lambda p"):
        optimizer.update(params, state, params, value=1.0)
    with pytest.raises(lrscope.UsageError, match="reduce_on_plateau"):
        lrscope.optax.gap(optax.sgd(0.1), control=Guarded(Plateau()))
    with pytest.raises(lrscope.UsageError, match="no state of lrscope"):
        lrscope.optax.averaged(optax.sgd(0.1).init(params))
    for name, build in {
        "every must be 1 or more; got 0": lambda: lrscope.optax.gap(optax.sgd(0.1), every=0),
        "warmup must be zero or more; got -1": lambda: lrscope.optax.gap(optax.sgd(0.1), warmup=-1),
        "control must be a Guarded": lambda: lrscope.optax.gap(optax.sgd(0.1), control=Gap()),
        "accumulation_size must be 1": lambda: lrscope.optax.reduce_on_plateau(accumulation_size=0),
        "factor must be between 0 and 1; got 1.5": lambda: lrscope.optax.reduce_on_plateau(factor=1.5),
        "patience must be 6 or more; got 2": lambda: lrscope.optax.reduce_on_plateau(patience=2),
    }.items():
        with pytest.raises(lrscope.UsageError, match=name):
            build()


# -- the loss alone -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [0.0, -50.0])
def test_the_plateau_decides_as_its_controller_does(offset: float) -> None:
    """The same rates as `Plateau` gives on the same means, wherever the loss has its zero."""
    rng = np.random.default_rng(5)
    t = np.arange(800)
    losses = (offset + np.exp(-t / 40) + 0.02 * rng.normal(size=800)).astype(np.float32)
    rule = Plateau(factor=0.3, block=1, patience=10)
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
    rule = Plateau(block=1, patience=10)
    state = rule.init(0.1)
    for step in range(1, 300):
        state, _ = rule.update(state, step, 1 / 3 + 1 / step)
        assert _unpack(_pack(state), rule.init(1.0)) == state
