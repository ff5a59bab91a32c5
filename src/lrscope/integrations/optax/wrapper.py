"""`gap`: an optimiser whose rate is set by the gap, as a wrapper in the manner of `optax.MultiSteps`.

    optimizer = lrscope.optax.gap(optax.adam(1e-3))
    state = optimizer.init(params)

    @jax.jit
    def step(params, state, batch, spare):
        loss, gradient = jax.value_and_grad(loss_of)(params, batch)
        updates, state = optimizer.update(
            gradient, state, params, value=loss, value_fn=lambda p: loss_of(p, spare))
        return optax.apply_updates(params, updates), state

It wraps, and does not stand in a chain, because a roll-back brings back the optimiser's moments too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from lrscope.control.average import LONG_POWER, SHORT_POWER, share
from lrscope.control.compose import ComposedState, Guarded, guarded_gap
from lrscope.control.gap import Gap
from lrscope.errors import UsageError
from lrscope.integrations.optax import rules

Array = Any
Params = Any

_LANDED_NORM_SHARE = 1e-5  # a roll-back has landed when it is so near, as a share of the norm


class Averages(NamedTuple):
    """Two running averages of the parameters; see `lrscope.control.average`."""

    steps: Array  # taken in so far
    waiting: Array  # steps since
    long: Params  # which the gap is measured against
    short: Params  # which limits a negative gap, and which is evaluated


class Snapshot(NamedTuple):
    """What a roll-back brings back."""

    params: Params
    inner: Any


class Observation(NamedTuple):
    """What the last step showed, in scalars: `lrscope.optax.Record` writes it down."""

    step: Array
    loss: Array
    scale: Array  # of the optimiser's own rate, in this step
    gap: Array  # NaN where it was not measured
    action: Array  # place in `rules.ACTIONS`
    new_scale: Array
    mean_gap: Array  # what the decision rests on
    t: Array


class ControlledState(NamedTuple):
    """All that changes; a pytree like any other, so a checkpoint of it resumes exactly."""

    inner: Any
    control: ComposedState
    averages: Averages
    newest: Snapshot
    proven: Snapshot  # followed by healthy steps: the one to go back to
    landing: Array  # whether a roll-back is still on its way
    seen: Observation


def gap(
    inner: optax.GradientTransformation,
    *,
    every: int = 8,
    warmup: int = 50,
    memory: float = 10.0,
    control: Guarded | None = None,
) -> optax.GradientTransformationExtraArgs:
    """Let the gap raise and lower the rate of an optimiser.

    It needs no number of steps, no patience and no well-chosen rate: it starts from the optimiser's own, a
    constant. Its `update` takes `value`, the loss of the batch, and `value_fn`, a function of the parameters
    that computes the loss on any batch, best on one that is kept from training: a different one each time, in
    the same shape. The gap of training batches balances the training loss, which is not what you want of a
    model that can overfit. `params` have to be those that the gradient was taken at, as optax passes them; so
    the batch is never one that they have just been stepped on.

    Parameters
    ----------
    inner : optax.GradientTransformation
        The optimiser, its rate a constant. Its updates are scaled.
    every : int
        Steps between measurements of two evaluations each, or three where the parameters are ahead of their long
        average: a quarter of it in the first 64 steps, more of them as the run grows; see `lrscope.control.Gap`.
    warmup : int
        Steps on which the rate climbs to the optimiser's own, so that divergence shows before it does harm;
        0 for none.
    memory : float
        Steps that the optimiser remembers, 1 / (1 - momentum): 10 as for Adam and for a momentum of 0.9. optax
        does not tell.
    control : Guarded, optional
        The controller itself, instead of the one that the above describe. Its rule has to be a `Gap`.

    Returns
    -------
    optax.GradientTransformationExtraArgs
        Whose updates bring the parameters back to earlier ones when training has diverged: so it has to be the
        outermost transformation, and its updates have to be applied as they are (`optax.MultiSteps` may stand
        outside; it passes on the value of the last of its batches).

    Raises
    ------
    UsageError
        If an argument is out of its range, or `control` has another rule than the gap; and by `update`, if `params`,
        `value` or `value_fn` is missing.

    Notes
    -----
    All of it runs inside `jit` and `scan`; the evaluations run only at steps that ask for them. Donate the
    state to a compiled step (``donate_argnums``), as ever with optax: then what a step leaves alone is not
    copied. An update that is not finite is not made: it counts as a loss that is not. Over several devices,
    `value` and `value_fn` have to give the mean over all of them.

    Memory beyond the optimiser's own: for Adam eight copies of the parameters: two running averages, and two
    snapshots with the optimiser's moments.
    """
    control = guarded_gap(control, every=every, warmup=warmup, memory=memory)
    if not isinstance(control.rule, Gap):
        raise UsageError(
            f"lrscope.optax.gap runs a Gap, and control.rule is a {type(control.rule).__name__}; for the loss alone "
            "there is lrscope.optax.reduce_on_plateau."
        )
    whole = optax.with_extra_args_support(inner)

    def init(params: Params) -> ControlledState:
        averages = _begun(params)
        first = whole.init(params)
        kept = Snapshot(params, first)
        nothing = Observation(0, 0.0, 0.0, jnp.nan, 0, 0.0, 0.0, 0.0)
        return ControlledState(
            first, rules.start(control), averages, kept, kept, jnp.asarray(False), rules.arrays(nothing)
        )

    def update(
        updates: Any,
        state: ControlledState,
        params: Params | None = None,
        *,
        value: Array | None = None,
        value_fn: Callable[[Params], Array] | None = None,
        **extra: Any,
    ) -> tuple[Any, ControlledState]:
        if params is None or value is None or value_fn is None:
            raise UsageError(
                "lrscope.optax.gap needs the parameters, their loss, and a loss function of parameters alone: "
                "optimizer.update(gradient, state, params, value=loss, value_fn=lambda p: loss_of(p, batch))."
            )
        given = {**extra, "value": value, "value_fn": value_fn}
        return _step(control, whole, updates, state, params, jnp.asarray(value, jnp.float32), value_fn, given)

    return optax.GradientTransformationExtraArgs(init, update)


def _step(
    control: Guarded,
    inner: optax.GradientTransformationExtraArgs,
    gradient: Any,
    state: ControlledState,
    params: Params,
    loss: Array,
    value_fn: Callable[[Params], Array],
    extra: dict[str, Any],
) -> tuple[Any, ControlledState]:
    """A step of training, and what it led to; or, where a roll-back has not landed yet, the rest of its way."""
    step = state.control.step + 1
    averages, newest, proven = state.averages, state.newest, state.proven
    measured = _when(
        rules.wants_gap(control, state.control, step) & (averages.steps > 0) & ~state.landing,
        lambda _: _measure(value_fn, params, averages),
        jnp.asarray(jnp.nan, jnp.float32),
    )
    scale = state.control.lr
    updates, moments = inner.update(gradient, state.inner, params, **extra)
    updates = jax.tree.map(lambda u: u * jnp.asarray(scale, u.dtype), updates)
    whole = _finite(updates)
    ruled, verdict = rules.update(control, state.control, step, jnp.where(whole, loss, jnp.nan), measured)
    returning = state.landing | (verdict.restore != rules.LAST)
    keep = ~returning & (verdict.action == 0) & rules.wants_snapshot(control, ruled)
    seen = Observation(step, loss, scale, measured, verdict.action, ruled.lr, verdict.gap, verdict.t)
    ruled = rules.choose(keep, rules.took_snapshot(ruled), ruled)
    ruled, seen = rules.choose(
        state.landing, (state.control, state.seen), (ruled, rules.alike(seen, state.seen))
    )

    averages = averages._replace(waiting=averages.waiting + 1)
    takes_in = ~returning & rules.takes_in(step)

    def happens(held: _Held) -> _Held:
        after: _Held = jax.lax.cond(returning, _bring_back, lambda held: _move_on(held, takes_in, keep), held)
        return after

    held = _Held(params, updates, moments, averages, newest, proven, jnp.asarray(False))
    held = _when(returning | takes_in | keep, happens, held)
    return held.updates, ControlledState(
        held.moments, ruled, held.averages, held.newest, held.proven, held.landing, seen
    )


class _Held(NamedTuple):
    """All that is as large as the parameters."""

    params: Params  # before the step
    updates: Any
    moments: Any
    averages: Averages
    newest: Snapshot
    proven: Snapshot
    landing: Array


def _move_on(held: _Held, takes_in: Array, keep: Array) -> _Held:
    """The averages take in what the step leads to, and a snapshot keeps it."""
    stepped = optax.apply_updates(held.params, held.updates)
    averages = _when(takes_in, lambda old: _take_in(old, stepped), held.averages)
    now = Snapshot(stepped, held.moments)
    newest, proven = _when(keep, lambda old: (now, old[0]), (held.newest, held.proven))
    return held._replace(averages=averages, newest=newest, proven=proven)


def _bring_back(held: _Held) -> _Held:
    """Updates that lead to the proven snapshot; everything else is as it was there."""
    proven = held.proven
    way, far = _way(held.params, proven.params)
    return held._replace(
        updates=way,
        moments=proven.inner,
        averages=_begun(proven.params),
        newest=proven,
        landing=far,
    )


def _when(condition: Array, change: Callable[[Any], Any], old: Any) -> Any:
    """Changed where the condition holds, and left untouched in place, without a copy, where not.

    `cond` copies what its branches pass through; a loop of no or one round does not.
    """

    def round_(carry: Any) -> Any:
        return jnp.asarray(False), rules.alike(change(carry[1]), carry[1])

    return jax.lax.while_loop(lambda carry: carry[0], round_, (condition, old))[1]


def _way(here: Params, there: Params) -> tuple[Params, Array]:
    """The update that leads from here to there, and whether it misses by more than rounding should."""
    way = jax.tree.map(lambda a, b: b - a, here, there)
    landed = optax.apply_updates(here, way)
    missed = optax.tree.norm(jax.tree.map(lambda a, b: b - a, landed, there))
    return way, missed > _LANDED_NORM_SHARE * optax.tree.norm(there)


def _begun(params: Params) -> Averages:
    """Averages that have taken in nothing yet: until then, the parameters stand for them."""
    zero = jnp.zeros((), jnp.int32)
    wide = jax.tree.map(lambda p: jnp.asarray(p, _wide(p.dtype)), params)
    return Averages(zero, zero, wide, wide)


def _take_in(averages: Averages, params: Params) -> Averages:
    """The averages, with the parameters after the steps that they have waited for."""
    steps = averages.steps + averages.waiting

    def moved(average: Params, power: float) -> Params:
        part = share(steps, power, averages.waiting)
        return jax.tree.map(lambda a, p: a + jnp.asarray(part, a.dtype) * (p - a), average, params)

    long, short = moved(averages.long, LONG_POWER), moved(averages.short, SHORT_POWER)
    return Averages(steps, jnp.zeros_like(steps), long, short)


def _measure(value_fn: Callable[[Params], Array], params: Params, averages: Averages) -> Array:
    """The gap, as `lrscope.control.gap.gap_of` defines it: the short average is evaluated only where the parameters
    are ahead of the long one."""
    here, long = _loss(value_fn, params), _loss(value_fn, _like(averages.long, params))
    short = _when(here < long, lambda _: _loss(value_fn, _like(averages.short, params)), here)
    return rules.gap_of(here, long, short)


def _like(average: Params, params: Params) -> Params:
    return jax.tree.map(lambda a, p: jnp.asarray(a, p.dtype), average, params)


def _loss(value_fn: Callable[[Params], Array], params: Params) -> Array:
    return jnp.asarray(value_fn(params), jnp.float32)


def _finite(tree: Any) -> Array:
    """Whether all of it is finite, by its squared norm, which is one product: an update of 1e19 is none either."""
    return jnp.isfinite(sum(jnp.vdot(x, x).astype(jnp.float32) for x in jax.tree.leaves(tree)))


def _wide(dtype: Any) -> Any:
    return jnp.promote_types(dtype, jnp.float32)
