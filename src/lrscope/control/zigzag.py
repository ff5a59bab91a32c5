"""The zig-zag controller: raises the rate while gradients point along the updates before them, and lowers it on a
plateau of the loss where they do not. It needs one dot product, and neither data nor evaluations.

The cosine between a gradient and the update before it is positive while the last step's direction still leads
downhill, negative when it overshot. Negative alone is no reason to lower: at the edge of stability it is so
while the loss still falls. So a drop needs a plateau of the loss as well.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

from lrscope.control.base import Action, Controller, RateChange, require
from lrscope.control.plateau import Plateau, PlateauState

FEWEST_COSINES = 16  # to judge by
MOST_COSINES = 256  # then the sums are halved, so that old cosines fade


class ZigZagState(NamedTuple):
    """Cosines since the last change, and the plateau's own state."""

    since: int
    measured: float
    mean: float
    squares: float
    plateau: PlateauState


@dataclass(frozen=True)
class ZigZag(Controller[ZigZagState]):
    """Raises the rate by the updates alone, lowers it by updates and loss together.

    Parameters
    ----------
    raise_by : float
        What the rate is multiplied by while updates agree.
    t : float
        Standard errors that the mean cosine has to lie above zero.
    wait : int
        Least steps between raises.
    plateau : Plateau
        Finds the plateaus; its `factor` is that of a drop.

    Raises
    ------
    UsageError
        If an argument is out of its range.
    """

    takes_zigzag = True

    raise_by: float = 2.0
    t: float = 3.0
    wait: int = 32
    plateau: Plateau = field(default_factory=lambda: Plateau(factor=0.4, threshold=0.02))

    def __post_init__(self) -> None:
        require(self.raise_by > 1.0, "raise_by", "above 1", self.raise_by)
        require(self.t > 0.0, "t", "above zero", self.t)
        require(self.wait >= 1, "wait", "1 or more", self.wait)

    def init(self, lr: float) -> ZigZagState:
        """The state before the first step."""
        return ZigZagState(0, 0.0, 0.0, 0.0, self.plateau.init(lr))

    def adopt(self, state: ZigZagState, step: int, lr: float) -> ZigZagState:
        """Another controller changed the rate."""
        return ZigZagState(step, 0.0, 0.0, 0.0, self.plateau.adopt(state.plateau, step, lr))

    def update(
        self,
        state: ZigZagState,
        step: int,
        loss: float,
        *,
        gap: float | None = None,
        zigzag: float | None = None,
    ) -> tuple[ZigZagState, RateChange | None]:
        """Take in a loss, and a cosine where one was measured; see `Controller.update`."""
        since, count, mean, squares, plateau = state
        if zigzag is not None and math.isfinite(zigzag):
            count += 1.0
            move = zigzag - mean
            mean += move / count
            squares += move * (zigzag - mean)
            if count >= MOST_COSINES:
                count, squares = count / 2, squares / 2
        error = math.sqrt(squares / (count - 1.0) / count) if count > 1.0 else 0.0
        t = mean / error if error > 0 else 0.0
        if zigzag is not None and count >= FEWEST_COSINES and t > self.t and step - since >= self.wait:
            lr = plateau.history.lr
            new = lr * self.raise_by
            reason = (
                f"Gradients still point along the updates before them (cosine {mean:.2g}, {t:.1f} standard errors): "
                "steps can be longer, so the rate is raised."
            )
            numbers = {"cos": mean, "t": t, "threshold": self.t, "measured": count}
            decision = RateChange(step, Action.RAISE, self.raise_by, new, reason, numbers, "zigzag")
            return self.adopt(state, step, new), decision
        after, found = self.plateau.update(plateau, step, loss)
        if found is not None and found.action is Action.LOWER and not (count >= FEWEST_COSINES and t < 0.0):
            # level, but the updates do not zig-zag: a shelf, on which a lower rate only takes longer
            return ZigZagState(since, count, mean, squares, self.plateau.postpone(plateau)), None
        if found is not None:
            return ZigZagState(step, 0.0, 0.0, 0.0, after), found
        return ZigZagState(since, count, mean, squares, after), None
