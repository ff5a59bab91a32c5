"""`lrscope.optax`: learning rates set by evidence, as gradient transformations that run inside `jax.jit`."""

from __future__ import annotations

from lrscope.integrations.optax.plateau import reduce_on_plateau as reduce_on_plateau
from lrscope.integrations.optax.reading import Record as Record
from lrscope.integrations.optax.reading import averaged as averaged
from lrscope.integrations.optax.reading import finish as finish
from lrscope.integrations.optax.reading import observed as observed
from lrscope.integrations.optax.reading import scale as scale
from lrscope.integrations.optax.wrapper import gap as gap

__all__ = ["Record", "averaged", "finish", "gap", "observed", "reduce_on_plateau", "scale"]
