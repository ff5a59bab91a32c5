"""The controllers of `lrscope.control` once more, in arrays, so that they run inside `jax.jit`.

The states are the very tuples of `lrscope.control`, with arrays in their fields, and the settings are read from
the same controllers; only the arithmetic is written a second time, without branches that depend on a value. Tests
drive both with the same losses and gaps and hold one against the other.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy

from lrscope.control import average, gap, guard
from lrscope.control.base import Action
from lrscope.control.compose import ComposedState, Guarded
from lrscope.control.gap import Gap, GapState
from lrscope.control.guard import Guard, GuardState

ACTIONS: tuple[Action | None, ...] = (None, *Action)
"""What the number in `Verdict.action` means."""

LAST, START, SNAPSHOT = range(3)
"""What to go on with: the present weights, those of the start, those of the snapshot."""

jnp: Any = jax.numpy  # its arrays stand in fields that are numbers to a type checker
Array = Any
Tree = TypeVar("Tree")


class Verdict(NamedTuple):
    """A decision in numbers: its place in `ACTIONS`, where to go on, and what it rests on."""

    action: Array
    restore: Array
    gap: Array  # mean of the gaps since the last change
    t: Array  # in standard errors


def arrays(state: Tree) -> Tree:
    """A state of numbers as a state of arrays: whole numbers in 32 bits, others in single precision."""
    made: Tree = jax.tree.map(
        lambda x: jnp.asarray(x, jnp.int32 if isinstance(x, int) else jnp.float32), state
    )
    return made


def start(control: Guarded) -> ComposedState:
    """The state before the first step. Rates are multiples of the optimiser's own."""
    return arrays(control.init(1.0))


def wants_gap(control: Guarded, state: ComposedState, step: Array) -> Array:
    """`Guarded.wants_gap`."""
    rule = _gap_of(control)
    often = jnp.select(
        [step <= gap.EARLY_STEPS, step <= gap.GROWN_STEPS, step <= 4 * gap.GROWN_STEPS],
        [max(rule.every // 4, 1), rule.every, 2 * rule.every],
        4 * rule.every,
    )
    return (
        (step >= gap.FIRST_STEP)
        & (step % often == 0)
        & (state.cool_from < 0)
        & (step - state.warm_from > control.warmup)
    )


def gap_of(here: Array, long: Array, short: Array) -> Array:
    """`lrscope.control.gap.gap_of`; the loss at the short average counts only where the weights are ahead of the
    long one, and may be anything elsewhere."""
    plain, other = here - long, here - short
    ahead = jnp.where(other > plain, other, plain)  # not `maximum`: NaN at the short average says nothing
    return jnp.where(plain < 0.0, jnp.minimum(ahead, 0.0), plain)


def takes_in(step: Array) -> Array:
    """`lrscope.control.average.due`."""
    until, strides = zip(*average.STRIDES, strict=True)
    return step % jnp.select([step <= u for u in until], strides) == 0


def wants_snapshot(control: Guarded, state: ComposedState) -> Array:
    """`Guarded.wants_snapshot`."""
    keep = control.guard.keep_every
    return (state.guard.good >= keep) & (
        state.step - state.guard.keeping.kept >= jnp.maximum(keep, state.step // 16)
    )


def took_snapshot(state: ComposedState) -> ComposedState:
    """`Guarded.took_snapshot`."""
    watch = state.guard
    keeping = watch.keeping._replace(
        kept=state.step,
        kept_variance=watch.variance,
        proven=watch.keeping.kept,
        proven_variance=watch.keeping.kept_variance,
        breaks=jnp.zeros_like(watch.keeping.breaks),
    )
    return state._replace(guard=watch._replace(keeping=keeping))


def update(
    control: Guarded, state: ComposedState, step: Array, loss: Array, measured: Array
) -> tuple[ComposedState, Verdict]:
    """`Guarded.update`; a gap that was not measured is NaN."""
    watch, restore = _watch(control.guard, state.guard, loss)
    back = restore != LAST
    cooling = (state.cool_from >= 0) & ~back
    warming = (step - state.warm_from <= control.warmup) & ~back & ~cooling
    calm = ~back & ~cooling & ~warming

    # Cooling down: the rate is a straight line, and no rule is asked.
    left = jnp.maximum(state.cool_steps - (step - state.cool_from), 0) / jnp.maximum(state.cool_steps, 1)
    cool = state.cool_lr * left

    # Warming up: the rule is not asked either, and begins at the end of it.
    share = jnp.maximum(0.0, 1.0 - (step - state.warm_from) / max(control.warmup, 1))
    warm = state.target * control.warm_start**share
    warmed = warming & (step - state.warm_from == control.warmup)

    # Quiet times: the rule decides, below the guard's ceiling.
    asked, decision, evidence = _balance(_gap_of(control), state.rule, step, measured)
    wanted = asked.lr
    forbidden = (decision == _RAISE) & (wanted > watch.ceiling)
    changed = calm & (decision != 0) & ~forbidden
    forbidden = calm & forbidden
    rule = choose(calm, asked, state.rule)
    rule = choose(forbidden, _anew(step, state.lr), rule)
    rule = choose(warmed, _anew(step, warm), rule)
    factor = jnp.where(state.guard.keeping.breaks < guard.MOST_ROLL_BACKS, control.guard.factor, 1.0)
    lowered = jnp.where(factor < 1.0, watch.keeping.lr, state.target)
    rule = choose(back, _anew(step, lowered), rule)

    again = back & (restore == START) & (control.warmup > 0) & (state.cool_from < 0)
    target = jnp.where(back, lowered, jnp.where(changed, wanted, state.target))
    lr = jnp.select(
        [again, back, cooling, warming, changed],
        [target * control.warm_start, target, cool, warm, wanted],
        state.lr,
    )
    at = jnp.where(cooling, watch.keeping.lr, lr)
    watch = watch._replace(keeping=watch.keeping._replace(lr=at))
    new = ComposedState(
        target=target,
        lr=lr,
        step=step,
        warm_from=jnp.where(again, step, state.warm_from),
        cool_from=state.cool_from,
        cool_steps=state.cool_steps,
        cool_lr=jnp.where(back, state.cool_lr * factor, state.cool_lr),
        guard=watch,
        rule=rule,
    )
    moved = lr != state.lr
    action = jnp.select([back, cooling & moved, warming & moved, changed], [_BACK, _COOL, _WARM, decision], 0)
    return alike(new, state), Verdict(action, jnp.where(back, restore, LAST), *evidence)


def finish(state: ComposedState, steps: Array) -> ComposedState:
    """`Guarded.finish`."""
    return alike(state._replace(cool_from=state.step, cool_steps=steps, cool_lr=state.lr), state)


# -- the parts ----------------------------------------------------------------------------------------------

_LOWER, _RAISE, _BACK, _COOL, _WARM = (
    ACTIONS.index(a) for a in (Action.LOWER, Action.RAISE, Action.ROLL_BACK, Action.COOL, Action.WARM)
)


def _balance(
    rule: Gap, state: GapState, step: Array, measured: Array
) -> tuple[GapState, Array, tuple[Array, Array]]:
    """`Gap.update`: the state, the action (0 for none), and mean and t of the gaps."""
    count = state.measured + 1.0
    move = measured - state.mean
    mean = state.mean + move / count
    squares = state.squares + move * (measured - mean)
    old = jnp.where(count >= gap.MOST_GAPS, 0.5, 1.0)
    count, squares = count * old, squares * old
    error = jnp.sqrt(squares / jnp.maximum(count - 1.0, 1.0) / count)
    endless = jnp.where(mean == 0, 0.0, jnp.copysign(jnp.inf, mean))
    t = jnp.where(error > 0, mean / jnp.where(error > 0, error, 1.0), endless)
    age = step - state.since
    floor = max(16.0, 4.0 * rule.memory)
    known = jnp.isfinite(measured) & (count >= gap.FEWEST_GAPS)
    enough = rule.t * jnp.maximum(gap.LEAST_T_SHARE, 1.0 - 2.0 * age / step)
    lower = known & (t > enough) & (age >= jnp.maximum(floor, rule.wait_lower * step))
    higher = known & (t < -rule.t) & (age >= jnp.maximum(floor, rule.wait_raise * step))
    grown = GapState(state.lr, state.since, count, mean, squares)
    new = choose(jnp.isfinite(measured), grown, state)
    factor = jnp.where(lower, rule.lower, rule.raise_by)
    new = choose(lower | higher, _anew(step, state.lr * factor), new)
    return new, jnp.select([lower, higher], [_LOWER, _RAISE], 0), (mean, t)


def _watch(rule: Guard, state: GuardState, loss: Array) -> tuple[GuardState, Array]:
    """`Guard.update`: the state, and where to go on."""
    old = state.keeping
    seen, since = state.seen + 1, state.since + 1
    last, fast = (jnp.where(since == 1, loss, x) for x in (state.last, state.fast))
    move = loss - last
    term = 0.5 * move * move
    term = jnp.where(seen > 20, jnp.minimum(term, guard.MOST_VARIANCES * state.variance), term)
    noise = state.variance + (term - state.variance) * jnp.where(seen > 100, 0.01, 1.0 / seen)
    variance = jnp.where(state.bad == 0.0, noise, state.variance)
    most = guard.OUTLIER_SD * jnp.sqrt(variance) + 0.5 * (old.start - state.best)
    known = (since > guard.START_LOSSES) & (variance > 0.0)
    away = jnp.where(known, jnp.minimum(loss - fast, most), loss - fast)
    fast = fast + away * jnp.where(since > 10, 0.1, 1.0 / since)
    early = since <= guard.START_LOSSES
    best = jnp.where(early, fast, jnp.minimum(fast, state.best))
    first = old._replace(
        start=old.start + (loss - old.start) / seen, kept_variance=variance, proven_variance=variance
    )
    keeping = choose(early & (seen <= guard.START_LOSSES), first, old)
    rise = fast - best
    unit = rule.sd * rule.sd * variance
    worse = jnp.where((rise > 0.0) & (unit > 0.0), rise * rise / jnp.where(unit > 0.0, unit, 1.0), 0.0)
    bad = (worse > 0.25) & ~early & (rise > rule.share * (keeping.start - best))
    calm = GuardState(
        seen=seen,
        last=loss,
        variance=variance,
        fast=fast,
        best=best,
        bad=jnp.where(bad, state.bad + jnp.minimum(worse, 1.0), 0.0),
        good=jnp.where(bad, 0, state.good + 1),
        since=since,
        ceiling=state.ceiling * guard.CEILING_GROWTH,
        keeping=keeping,
    )
    finite = jnp.isfinite(loss)
    calm = choose(finite, calm, state)
    act = ~finite | (calm.bad >= rule.bad_steps)
    old = calm.keeping
    back = GuardState(
        seen=calm.seen,
        last=0.0,
        variance=old.proven_variance,
        fast=0.0,
        best=jnp.inf,
        bad=0.0,
        good=0,
        since=0,
        ceiling=jnp.minimum(calm.ceiling, guard.CEILING_SHARE * old.lr),
        keeping=old._replace(
            lr=old.lr * jnp.where(old.breaks < guard.MOST_ROLL_BACKS, rule.factor, 1.0),
            kept=old.proven,
            kept_variance=old.proven_variance,
            breaks=old.breaks + 1,
        ),
    )
    return choose(act, back, calm), jnp.where(act, jnp.where(old.proven == 0, START, SNAPSHOT), LAST)


def _anew(step: Array, lr: Array) -> GapState:
    return GapState(lr, step, 0.0, 0.0, 0.0)


def _gap_of(control: Guarded) -> Gap:
    if not isinstance(control.rule, Gap):
        raise TypeError("only the gap is written in arrays")  # `wrapper.gap` refuses any other
    return control.rule


def choose(condition: Array, yes: Tree, no: Tree) -> Tree:
    """One or the other, leaf by leaf."""
    chosen: Tree = jax.tree.map(lambda a, b: jnp.where(condition, a, b), yes, no)
    return chosen


def alike(new: Tree, old: Tree) -> Tree:
    """The same kinds of numbers as before: `scan` and `cond` need that."""
    same: Tree = jax.tree.map(lambda a, b: jnp.asarray(a, jnp.result_type(b)), new, old)
    return same
