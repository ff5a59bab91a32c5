"""`reduce_on_plateau`: the loss alone, in the place of `optax.contrib.reduce_on_plateau`."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from lrscope.control.base import from_json, require, to_json
from lrscope.control.plateau import PlateauState, epoch_plateau
from lrscope.errors import UsageError

Array = Any

_STATE_BYTES = 4096  # 128 means at most, of 25 characters each, and some numbers


class ReduceOnPlateauState(NamedTuple):
    """The values that are being gathered, and what the controller remembers of those before."""

    scale: Array
    total: Array
    count: Array
    values: Array  # seen since the start, as the controller counts them
    memory: Array  # the controller's state as JSON, byte by byte: JAX by itself has no numbers of 64 bits


def reduce_on_plateau(
    factor: float = 0.3,
    accumulation_size: int = 1,
    min_scale: float = 0.0,
    *,
    patience: int = 10,
    threshold: float = 0.06,
    take_back: bool = True,
) -> optax.GradientTransformationExtraArgs:
    """Lower the rate where the loss has levelled out; a drop-in for `optax.contrib.reduce_on_plateau`.

    That one counts failures to beat the luckiest value so far; this one asks for evidence that nothing more is to
    come, and takes back a drop that brought nothing. Values may be of any sign and size. See
    `lrscope.control.Plateau`.

    Parameters
    ----------
    factor : float
        What the rate is multiplied by.
    accumulation_size : int
        Values whose mean is one value for the test: 1 if `value` is a validation loss, 8 or more if it is the
        loss of a batch.
    min_scale : float
        The rate is not lowered below this share of the optimiser's own.
    patience : int
        Means before the first look, and after each change; not a count of failures. `cooldown` and tolerances have
        no counterpart: how long to wait follows from the noise.
    threshold : float
        What counts as nothing more to come, as a share of the improvement so far.
    take_back : bool
        Whether a drop that brought nothing is taken back.

    Returns
    -------
    optax.GradientTransformationExtraArgs
        To stand after the optimiser in `optax.chain`; its `update` takes `value`.

    Raises
    ------
    UsageError
        If an argument is out of its range.

    Notes
    -----
    The test runs in NumPy, on the host, once for each mean: give `accumulation_size` something where steps are
    short. Everything else is arrays, so it runs inside `jit` and `scan`, and a checkpoint of the state resumes
    exactly.
    """
    require(accumulation_size >= 1, "accumulation_size", "1 or more", accumulation_size)
    rule = epoch_plateau(factor, patience, threshold, min_lr=min_scale, take_back=take_back)
    first = rule.init(1.0)
    empty = _pack(first)

    def init(_: Any) -> ReduceOnPlateauState:
        nothing, zero = jnp.zeros((), jnp.float32), jnp.zeros((), jnp.int32)
        return ReduceOnPlateauState(jnp.ones((), jnp.float32), nothing, zero, zero, jnp.asarray(empty))

    def on_host(memory: np.ndarray, mean: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        state, _ = rule.update(_unpack(np.asarray(memory), first), int(values), float(mean))
        return _pack(state), np.asarray(state.history.lr, np.float32)

    shape: Any = jax.ShapeDtypeStruct
    shapes = (shape(empty.shape, empty.dtype), shape((), jnp.float32))

    def update(
        updates: Any, state: ReduceOnPlateauState, params: Any = None, *, value: Array, **extra: Any
    ) -> tuple[Any, ReduceOnPlateauState]:
        del params, extra
        total = state.total + jnp.asarray(value, jnp.float32)
        count = state.count + 1

        def look() -> ReduceOnPlateauState:
            values = state.values + 1
            memory, scale = jax.pure_callback(
                on_host, shapes, state.memory, total / count, values, vmap_method="sequential"
            )
            return ReduceOnPlateauState(scale, jnp.zeros_like(total), jnp.zeros_like(count), values, memory)

        new = jax.lax.cond(count >= accumulation_size, look, lambda: state._replace(total=total, count=count))
        return jax.tree.map(lambda u: u * jnp.asarray(new.scale, u.dtype), updates), new

    return optax.GradientTransformationExtraArgs(init, update)


def _pack(state: PlateauState) -> np.ndarray:
    """A state in one array of fixed size, exactly."""
    text = json.dumps(to_json(state), separators=(",", ":")).encode()
    if len(text) > _STATE_BYTES:
        raise UsageError(f"A plateau's state of {len(text)} bytes does not fit into {_STATE_BYTES}.")
    return np.frombuffer(text.ljust(_STATE_BYTES), np.uint8)


def _unpack(packed: np.ndarray, like: PlateauState) -> PlateauState:
    state: PlateauState = from_json(json.loads(packed.tobytes()), like)
    return state
