"""The two running averages that a gap scheduler keeps, in the arrays of any framework."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from lrscope.control.average import LONG_POWER, SHORT_POWER, RunningAverage, due
from lrscope.control.gap import gap_of

Value = TypeVar("Value")


class AveragePair(Generic[Value]):
    """The long average, which the gap is measured against, and the short one, which is evaluated and saved;
    ``make(power)`` gives an empty one in the arrays of the framework."""

    def __init__(self, make: Callable[[float], RunningAverage[Value]]) -> None:
        self.long = make(LONG_POWER)
        self.short = make(SHORT_POWER)
        self.waiting = 0  # steps that are not in the averages yet

    def take_in(self, new: int, total: int, weights: Callable[[], Sequence[Value] | None]) -> None:
        """`new` more steps, of `total` so far. `weights()` is asked for only where they are due, and gives None for
        weights that are not finite, which are left out."""
        self.waiting += new
        if not due(total):
            return
        found = weights()
        if found is not None:
            self.long.update(found, self.waiting)
            self.short.update(found, self.waiting)
        self.waiting = 0

    def gap(self, here: float, loss_at: Callable[[list[Value]], float]) -> float:
        """The gap on a batch, from the loss at the weights and a function that gives the loss at others."""
        return gap_of(here, loss_at(self.long.values), lambda: loss_at(self.short.values))

    def forget(self) -> None:
        """Begin anew."""
        self.long.forget()
        self.short.forget()
