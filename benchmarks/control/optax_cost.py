"""What `lrscope.optax.gap` costs: share of a compiled training step, `python benchmarks/control/optax_cost.py`.

Adam on a perceptron, on one core; processor time, blocks of steps in turn, so that a busy machine matters little.
"idle" never measures, averages or keeps anything: what is left is the price of deciding, and of scaling the updates.
"""

import os
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")

import jax
import jax.numpy as jnp
import optax

import lrscope
from lrscope.control import Gap, Guard, Guarded

BLOCK, BLOCKS, BATCH = 32, 20, 128
IDLE = Guarded(Gap(every=10**6), Guard(keep_every=10**6, bad_steps=10**6), warmup=0)


def loss_of(params: dict[str, jax.Array], x: jax.Array) -> jax.Array:
    scores = jnp.tanh(x @ params["a"]) @ params["b"]
    return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(scores, jnp.arange(x.shape[0]) % 10))


def compiled(optimizer: optax.GradientTransformationExtraArgs, x: jax.Array) -> Callable[..., Any]:
    def step(params: Any, state: Any) -> Any:
        loss, gradient = jax.value_and_grad(loss_of)(params, x)
        updates, state = optimizer.update(
            gradient, state, params, value=loss, value_fn=lambda p: loss_of(p, x)
        )
        return optax.apply_updates(params, updates), state

    return jax.jit(step, donate_argnums=(0, 1))


def measure(width: int, after: int) -> dict[str, float]:
    """Milliseconds a step, after so many steps: measurements become rarer as a run grows."""
    keys = jax.random.split(jax.random.key(0), 3)
    params = {
        "a": 0.03 * jax.random.normal(keys[0], (784, width)),
        "b": 0.1 * jax.random.normal(keys[1], (width, 10)),
    }
    x = jax.random.normal(keys[2], (BATCH, 784))
    optimizers = {
        "adam": optax.with_extra_args_support(optax.adam(1e-3)),
        "idle": lrscope.optax.gap(optax.adam(1e-3), control=IDLE),
        "gap": lrscope.optax.gap(optax.adam(1e-3)),
    }
    steps, carried, spent = {}, {}, {name: [] for name in optimizers}
    for name, optimizer in optimizers.items():
        state = jax.tree.map(jnp.copy, optimizer.init(params))
        if name != "adam":
            state = state._replace(control=state.control._replace(step=jnp.asarray(after, jnp.int32)))
        steps[name] = compiled(optimizer, x)
        carried[name] = steps[name](jax.tree.map(jnp.copy, params), state)
    for _ in range(BLOCKS):
        for name, step in steps.items():
            begun = time.process_time()
            for _ in range(BLOCK):
                carried[name] = step(*carried[name])
            jax.block_until_ready(carried[name])
            spent[name].append((time.process_time() - begun) / BLOCK * 1e3)
    return {name: sorted(times)[len(times) // 4] for name, times in spent.items()}


if __name__ == "__main__":
    for width in (120, 400, 1300):
        for after in (200, 5000):
            found = measure(width, after)
            shares = ", ".join(f"{n} +{found[n] / found['adam'] - 1:.0%}" for n in ("idle", "gap"))
            print(f"{794 * width:>9,} weights, after {after:>5} steps: adam {found['adam']:.2f} ms, {shares}")
