"""The plateau controller: lowers the rate where the loss has levelled out, and takes back a drop that brought nothing.

From a loss alone a noise floor, a zig-zag across the valley and a shelf before the next descent look alike. So
this asks for evidence that nothing more is coming (an equivalence test: "not significant" is no evidence), at
looks that grow with the run, and judges each of its own drops by what followed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from lrscope.control.base import Action, Controller, RateChange, require, require_rate

FEWEST_LOSSES = 6  # that a test can be made of
MOST_BLOCKS = 128  # then neighbours are merged
LOOK_GROWTH = 1.2  # looks are so far apart that the next sees something new


class FoundPlateau(NamedTuple):
    """A plateau: where the loss stands, and what it would still do."""

    level: float
    error: float
    fall: float  # what as long again at this pace would bring
    share: float  # the same at most, as a share of the improvement


class PlateauHistory(NamedTuple):
    """What changes once a block, or more rarely."""

    lr: float
    blocks: tuple[float, ...]  # means since the last change
    width: int  # values in a block
    first: float | None  # where the loss began, in the whole run
    look: int
    next: int  # values since the last change at which to look again
    wait: float  # how many times longer than usual to wait
    before: tuple[float, float, float] | None  # level, its error and the coming fall before the last drop
    agreed: int = 0  # looks in a row that found it level


class PlateauState(NamedTuple):
    """The block that is being filled, and the rest."""

    filled: int
    total: float
    history: PlateauHistory


@dataclass(frozen=True)
class Plateau(Controller[PlateauState]):
    """Lowers the rate on plateaus.

    Parameters
    ----------
    factor : float
        What the rate is multiplied by.
    threshold : float
        What counts as nothing: if as long again at the present pace brings less than this share of the
        improvement, the loss is level. With `looks`, chosen on published curves (`benchmarks/diagnosis`).
    block : int
        Losses in a block: 8 for the losses of single batches, 1 for values that are averages already, as
        validation losses are.
    patience : int
        Losses before the first look, and after each change; not a count of failures. Losses of single batches
        stand on shelves in their first epochs: give it eight epochs where epochs are known.
    min_lr : float
        The rate is not lowered below.
    take_back : bool
        Whether a drop that brought nothing is taken back. The wait doubles in any case.
    looks : int
        Looks in a row that have to find the loss level, each a fifth of the values later than the one before:
        many shelves end in between. A second look spares half of the premature drops, and costs a few per
        cent of the run.

    Raises
    ------
    UsageError
        If an argument is out of its range.
    """

    factor: float = 0.3
    threshold: float = 0.06
    block: int = 8
    patience: int = 150
    min_lr: float = 0.0
    take_back: bool = True
    looks: int = 2

    def __post_init__(self) -> None:
        require(0.0 < self.factor < 1.0, "factor", "between 0 and 1", self.factor)
        require(0.0 < self.threshold < 1.0, "threshold", "between 0 and 1", self.threshold)
        require(self.block >= 1, "block", "1 or more", self.block)
        require(self.patience >= FEWEST_LOSSES, "patience", f"{FEWEST_LOSSES} or more", self.patience)
        require(self.min_lr >= 0.0, "min_lr", "zero or more", self.min_lr)
        require(self.looks >= 1, "looks", "1 or more", self.looks)

    def init(self, lr: float) -> PlateauState:
        """The state before the first step."""
        require_rate(lr)
        return PlateauState(0, 0.0, PlateauHistory(lr, (), self.block, None, 1, self.patience, 1.0, None))

    def adopt(self, state: PlateauState, step: int, lr: float) -> PlateauState:
        """Another controller changed the rate: history begins anew."""
        old = state.history
        wait = max(self.patience, math.ceil(0.15 * step))
        return PlateauState(
            0, 0.0, old._replace(lr=lr, blocks=(), width=self.block, look=1, next=wait, before=None)
        )

    def update(
        self, state: PlateauState, step: int, loss: float, *, gap: float | None = None
    ) -> tuple[PlateauState, RateChange | None]:
        """Take in one loss; see `Controller.update`."""
        count, total, history = state
        if loss - loss != 0.0:  # NaN or infinite: passed over
            return state, None
        count += 1
        total += loss
        if count < history.width:
            return PlateauState(count, total, history), None
        return self._block(total / count, step, history)

    def _levelled(self, history: PlateauHistory) -> FoundPlateau | None:
        """The plateau that the blocks show, or None."""
        # NumPy comes with the first test, not with the controller, whose other steps have no need of it
        from lrscope.statistics.plateau import FEWEST_VALUES, plateau_test

        values, first = history.blocks, history.first
        if len(values) < FEWEST_VALUES:
            return None
        start = max(values[0], first if first is not None else -math.inf)
        found = plateau_test(values, start=start, rho=self.threshold, look=history.look)
        window = found.window
        if not found.level or found.gained <= 2 * window.noise:
            return None
        error = window.noise * math.sqrt(window.memory / window.count)
        return FoundPlateau(window.level, error, found.latest.fall, found.latest.high / found.gained)

    def _block(
        self, mean: float, step: int, history: PlateauHistory
    ) -> tuple[PlateauState, RateChange | None]:
        blocks = (*history.blocks, mean)
        width = history.width
        first = mean if history.first is None else history.first
        seen = len(blocks) * width
        due = seen >= history.next
        if len(blocks) >= MOST_BLOCKS:
            blocks = tuple((a + b) / 2 for a, b in zip(blocks[::2], blocks[1::2], strict=True))
            width *= 2
        history = history._replace(blocks=blocks, width=width, first=first)
        if not due:
            return PlateauState(0, 0.0, history), None
        look = 1 + max(0, int(math.log2(max(seen / self.patience, 1.0))))
        history = history._replace(look=look, next=max(seen + width, math.ceil(LOOK_GROWTH * seen)))
        found = self._levelled(history)
        agreed = 0 if found is None else history.agreed + 1
        history = history._replace(agreed=agreed)
        if found is None or agreed < self.looks:
            return PlateauState(0, 0.0, history), None
        return self._act(found, seen, step, history)

    def _act(
        self, found: FoundPlateau, seen: int, step: int, history: PlateauHistory
    ) -> tuple[PlateauState, RateChange | None]:
        first = found.level if history.first is None else history.first
        wait, before, mark = history.wait, history.before, None
        numbers = {
            "level": found.level,
            "gained": first - found.level,
            "share_left": found.share,
            "losses": float(seen),
        }
        bought = anyway = 0.0
        if before is not None:
            bought = before[0] - found.level
            # what it would have come to anyway is not the drop's doing
            anyway = math.hypot(found.error, before[1]) + max(before[2], 0.002 * (first - before[0]))
        if bought < anyway:
            wait *= 2.0
            if not self.take_back:
                history = history._replace(wait=wait, before=None, next=int(2 * seen))
                return PlateauState(0, 0.0, history), None
            numbers |= {"bought": bought, "anyway": anyway}
            action, new = Action.RAISE, history.lr / self.factor
            reason = (
                f"The last drop brought the loss down by {bought:.2g}, no more than it would have come down anyway: "
                "the drop is taken back, and the next one waits twice as long."
            )
        else:
            action, new = Action.LOWER, max(history.lr * self.factor, min(self.min_lr, history.lr))
            if new >= history.lr:
                return PlateauState(0, 0.0, history), None
            mark = (found.level, found.error, found.fall)
            reason = (
                f"The loss is level at {found.level:.4g}: training as long again at this rate would improve it by at "
                f"most {max(found.share, 0.0):.1%} of the improvement so far, so the rate is lowered."
            )
        decision = RateChange(step, action, new / history.lr, new, reason, numbers, "plateau")
        wanted = math.ceil(max(self.patience, seen / 2) * wait)
        history = PlateauHistory(new, (), self.block, history.first, history.look, wanted, wait, mark)
        return PlateauState(0, 0.0, history), decision


def epoch_plateau(
    factor: float = 0.3,
    patience: int = 8,
    threshold: float = 0.06,
    *,
    min_lr: float = 0.0,
    take_back: bool = True,
) -> Plateau:
    """The rule for a metric that comes once an epoch, an average already: each value is a block of its own."""
    return Plateau(factor, threshold, 1, patience, min_lr, take_back)


def sign_of(mode: str) -> float:
    """What turns a metric into one of which less is better: 1 for "min", -1 for "max", else a `UsageError`."""
    require(mode in ("min", "max"), "mode", '"min" or "max"', mode)
    return 1.0 if mode == "min" else -1.0
