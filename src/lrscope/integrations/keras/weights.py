"""Averages and snapshots of a Keras model's variables, in the arrays of its backend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import ops

from lrscope.control.average import share

Values = list[Any]


def averageable(model: keras.Model) -> list[Any]:
    """The variables whose average makes a model: weights, and BatchNorm's statistics, which belong to them."""
    others = [v for v in model.non_trainable_variables if "float" in str(v.dtype)]
    return [*model.trainable_variables, *others]


def values_of(variables: Sequence[Any]) -> Values:
    """Copies; JAX gives the memory of the originals away at the next step."""
    return [ops.copy(ops.stop_gradient(v.value)) for v in variables]


def assign(variables: Sequence[Any], values: Values) -> None:
    """Copies of the values into the variables."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(ops.copy(value))


@contextmanager
def replaced(variables: Sequence[Any], values: Values) -> Iterator[None]:
    """Other values in the variables for the while."""
    kept = values_of(variables)
    assign(variables, values)
    try:
        yield
    finally:
        assign(variables, kept)


class PowerAverage:
    """The running average of variables; see `lrscope.control.average`."""

    def __init__(self, power: float) -> None:
        self.power = power
        self.steps = 0
        self.values: Values = []

    def update(self, values: Values, new: int) -> None:
        """Take in the values after `new` more steps."""
        self.steps += new
        if self.steps == new or not self.values:
            self.values = list(values)
            return
        part = share(self.steps, self.power, new)
        self.values = [a + part * (v - a) for a, v in zip(self.values, values, strict=True)]

    def forget(self) -> None:
        """Begin anew."""
        self.steps, self.values = 0, []


class Snapshot:
    """Weights and optimiser state at one moment."""

    def __init__(self, weights: Values, optimizer: Values) -> None:
        self.weights = weights
        self.optimizer = optimizer

    @classmethod
    def take(cls, model: keras.Model) -> Snapshot:
        """As everything is now."""
        return cls(values_of(averageable(model)), values_of(model.optimizer.variables))

    def restore(self, model: keras.Model) -> None:
        """As everything was; the optimiser's rate, which is among its variables, too."""
        assign(averageable(model), self.weights)
        assign(model.optimizer.variables, self.optimizer)


def to_numpy(prefix: str, values: Values) -> dict[str, np.ndarray]:
    """Values under names, for a file."""
    return {f"{prefix}.{i}": ops.convert_to_numpy(value) for i, value in enumerate(values)}


def from_numpy(prefix: str, arrays: dict[str, Any]) -> Values:
    """Values again."""
    count = sum(name.startswith(f"{prefix}.") for name in arrays)
    return [ops.convert_to_tensor(arrays[f"{prefix}.{i}"]) for i in range(count)]
