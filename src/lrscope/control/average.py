"""The running average of weights: how far it moves at each step, and when. Needs no horizon.

    a_t = a_(t-1) + share(t) (theta_t - a_(t-1)),   share(t) = 1 - (1 - 1/t)^p

The weight of theta_s in a_t grows as (s/t)^(p-1), so the average forgets the start at the pace at which the
run grows, and the mean age of what it holds is t/(p+1). (Shamir and Zhang 2013, "polynomial decay averaging",
for the idea.)
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

LONG_POWER = 2.0
"""p of the average that the gap is measured against: it looks back over a third of the run. Shorter ones want
the rate lower too early."""

SHORT_POWER = 8.0
"""p of the average that is evaluated and saved: it looks back over a ninth."""

STRIDES = ((64, 1), (256, 4), (1024, 8), (4096, 16), (math.inf, 32))
"""Until which step the averages are updated how often: each update reads and writes all weights, and so many steps
are below a tenth of what the shorter average looks back over, a ninth of the run."""

Value = TypeVar("Value")


def share(steps: int, power: float, new: int = 1) -> float:
    """How far the average moves towards the newest weights, when `new` of the `steps` steps are new to it.

    Arithmetic alone, so that arrays may stand for the numbers.
    """
    moved: float = 1.0 - (1.0 - new / steps) ** power
    return moved


def due(step: int) -> bool:
    """Whether the averages take in the weights after this step, and those since the last time with them."""
    return step % next(stride for until, stride in STRIDES if step <= until) == 0


class RunningAverage(ABC, Generic[Value]):
    """The running average of a list of weights, in the arrays of any framework.

    `values` has one array for each weight and is empty at the start; `steps` counts the steps that went in.
    """

    def __init__(self, power: float = LONG_POWER) -> None:
        self.power = power
        self.values: list[Value] = []
        self.steps = 0

    def update(self, weights: Sequence[Value], new: int = 1) -> None:
        """Take in the weights after `new` more steps.

        The caller leaves out weights that are not finite: an average that has taken in one NaN stays NaN.
        """
        self.steps += new
        if self.steps == new or len(self.values) != len(weights):
            self.values = self._begun(weights)
        else:
            self._move(weights, share(self.steps, self.power, new))

    def forget(self) -> None:
        """Begin anew."""
        self.steps, self.values = 0, []

    @abstractmethod
    def _begun(self, weights: Sequence[Value]) -> list[Value]:
        """Copies of the weights, in single precision at least."""

    @abstractmethod
    def _move(self, weights: Sequence[Value], part: float) -> None:
        """Move `values` by this part of the way to the weights."""
