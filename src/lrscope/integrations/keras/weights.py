"""Averages and snapshots of a Keras model's variables, in the arrays of its backend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import ops

from lrscope.control.average import RunningAverage

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


class PowerAverage(RunningAverage[Any]):
    """The running average of variables; see `lrscope.control.average`."""

    def _begun(self, weights: Sequence[Any]) -> Values:
        return list(weights)

    def _move(self, weights: Sequence[Any], part: float) -> None:
        self.values = [a + part * (w - a) for a, w in zip(self.values, weights, strict=True)]


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

    def to_numpy(self, name: str) -> dict[str, np.ndarray]:
        """Under names, for a file."""
        return to_numpy(f"{name}_weights", self.weights) | to_numpy(f"{name}_optimizer", self.optimizer)

    @classmethod
    def from_numpy(cls, name: str, arrays: dict[str, Any]) -> Snapshot | None:
        """From such a file, if it holds one."""
        if f"{name}_weights.0" not in arrays:
            return None
        return cls(from_numpy(f"{name}_weights", arrays), from_numpy(f"{name}_optimizer", arrays))


def to_numpy(prefix: str, values: Values) -> dict[str, np.ndarray]:
    """Values under names, for a file."""
    return {f"{prefix}.{i}": ops.convert_to_numpy(value) for i, value in enumerate(values)}


def from_numpy(prefix: str, arrays: dict[str, Any]) -> Values:
    """Values again."""
    count = sum(name.startswith(f"{prefix}.") for name in arrays)
    return [ops.convert_to_tensor(arrays[f"{prefix}.{i}"]) for i in range(count)]
