"""One metric of one training run, as it was observed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lrscope.errors import UsageError

Point = tuple[int, str, float]
"""One observation: (step, metric name, value). Plain tuples, because millions of them pass through."""


@dataclass(frozen=True, eq=False)
class LossCurve:
    """A metric against the step at which it was observed.

    Parameters
    ----------
    step : array of int64, shape (n,)
        Optimiser steps, strictly increasing, zero or more.
    loss : array of float64, shape (n,)
        The metric, raw; NaN and ±inf are kept.
    lr : array of float64, shape (n,), or None
        The learning rate in use at each step, where it is known.
    name : str
        The metric's name.

    Raises
    ------
    UsageError
        If the arrays differ in length, are not 1-D, or the steps do not strictly increase.
    """

    step: NDArray[np.int64]
    loss: NDArray[np.float64]
    lr: NDArray[np.float64] | None = None
    name: str = field(default="loss")

    def __init__(
        self, step: ArrayLike, loss: ArrayLike, lr: ArrayLike | None = None, name: str = "loss"
    ) -> None:
        steps = _frozen(step, np.int64)
        losses = _frozen(loss, np.float64)
        rates = None if lr is None else _frozen(lr, np.float64)
        if (
            steps.ndim != 1
            or losses.shape != steps.shape
            or (rates is not None and rates.shape != steps.shape)
        ):
            raise UsageError(
                f"step, loss and lr must be 1-D and of one length, but step has shape {steps.shape} "
                f"and loss {losses.shape}."
            )
        if steps.size and (steps[0] < 0 or np.any(np.diff(steps) <= 0)):
            raise UsageError(f"The steps of {name!r} must be zero or more and strictly increase.")
        object.__setattr__(self, "step", steps)
        object.__setattr__(self, "loss", losses)
        object.__setattr__(self, "lr", rates)
        object.__setattr__(self, "name", name)

    def __len__(self) -> int:
        return int(self.step.size)

    def until(self, step: int) -> LossCurve:
        """The part observed at or before `step`."""
        n = int(np.searchsorted(self.step, step, side="right"))
        if n == len(self):
            return self
        return LossCurve(self.step[:n], self.loss[:n], None if self.lr is None else self.lr[:n], self.name)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LossCurve):
            return NotImplemented
        if (self.lr is None) != (other.lr is None):
            return False
        same_lr = self.lr is None or other.lr is None or np.array_equal(self.lr, other.lr, equal_nan=True)
        return (
            self.name == other.name
            and np.array_equal(self.step, other.step)
            and np.array_equal(self.loss, other.loss, equal_nan=True)
            and bool(same_lr)
        )

    __hash__ = None  # type: ignore[assignment]


def curves_from_points(points: Iterable[Point]) -> dict[str, LossCurve]:
    """Sort points into one curve a metric; of two values for one step, the one that came later wins."""
    by_metric: dict[str, dict[int, float]] = {}
    for step, name, value in points:
        by_metric.setdefault(name, {})[step] = value
    curves = {}
    for name, values in by_metric.items():
        steps = sorted(values)
        curves[name] = LossCurve(steps, [values[s] for s in steps], name=name)
    return curves


def _frozen(values: ArrayLike, dtype: type) -> NDArray[np.generic]:
    # A copy: the curve must not change when the caller's array does.
    array: NDArray[np.generic] = np.array(values, dtype=dtype)
    array.flags.writeable = False
    return array
