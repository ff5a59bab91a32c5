"""What every scheduler does around its controller, whatever the host: decide, apply, keep weights, save its state."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from lrscope.control.base import Action, Controller, RateChange, from_json, to_json
from lrscope.control.compose import ComposedState, Guarded
from lrscope.errors import UsageError

NOT_STARTED = "There is no scheduler before training has started; call this once it has."

State = TypeVar("State")
Snapshot = TypeVar("Snapshot")


class Delegate(Generic[State]):
    """A controller at work on an optimiser, from whose rate `lr` it starts; ``set_lr(lr)`` sets the rate of the first
    parameter group, and the others with it."""

    def __init__(self, control: Controller[State], lr: float, set_lr: Callable[[float], None]) -> None:
        self.control = control
        self.state = control.init(lr)
        self.step_count = 0
        self.decisions: list[RateChange] = []
        self._set_lr = set_lr

    def decide(self, loss: float, gap: float | None = None) -> RateChange | None:
        """Take in what the latest step showed, and apply what follows."""
        self.state, decision = self.control.update(self.state, self.step_count, loss, gap=gap)
        if decision is not None:
            # the single steps of a warm-up or cool-down are seen in the rate itself
            if decision.action not in (Action.WARM, Action.COOL):
                self.decisions.append(decision)
            if decision.restore is not None:
                self._roll_back()
            self._set_lr(decision.lr)
        return decision

    def to_json(self) -> dict[str, Any]:
        """All of it that changes, as JSON."""
        return {
            "step": self.step_count,
            "control": to_json(self.state),
            "decisions": [decision.to_json() for decision in self.decisions],
        }

    def from_json(self, data: Mapping[str, Any], *others: str) -> None:
        """Go on from `to_json()`, to which a host has added `others`; a `UsageError` if one of them is missing, or the
        state is another controller's."""
        if not isinstance(data, Mapping) or not {"control", "step", "decisions", *others} <= set(data):
            raise UsageError(
                "This is no saved state of the scheduler, or one of another version of lrscope: give what its "
                "`state_dict()` returned, or start without it."
            )
        self.state = from_json(data["control"], self.state)
        self.step_count = int(data["step"])
        self.decisions = [RateChange.from_json(decision) for decision in data["decisions"]]

    def _roll_back(self) -> None:
        """Bring back kept weights."""


def warn_missing(monitor: str, looked_at: str, logged: Iterable[str]) -> None:
    """Say that a plateau scheduler did not find its metric."""
    warnings.warn(
        f"lrscope's PlateauScheduler follows {monitor!r}, which this {looked_at} did not log; logged: "
        f"{', '.join(logged) or 'nothing'}.",
        stacklevel=3,
    )


class GuardedDelegate(Delegate[ComposedState], Generic[Snapshot]):
    """A guarded controller at work: it keeps two snapshots, and goes back to the older when training diverges.

    ``keep(spare)`` copies weights and optimiser state as they are now, into the memory of a snapshot that is not needed
    any more where there is one. ``restore(kept)`` puts them back; running averages then begin anew.
    """

    control: Guarded

    def __init__(
        self,
        control: Guarded,
        lr: float,
        set_lr: Callable[[float], None],
        keep: Callable[[Snapshot | None], Snapshot],
        restore: Callable[[Snapshot], None],
    ) -> None:
        super().__init__(control, lr, set_lr)
        self._keep = keep
        self._restore = restore
        self.newest: Snapshot | None = None
        self.proven: Snapshot | None = None  # followed by healthy steps: the one to go back to

    @property
    def lr(self) -> float:
        """The rate of the next step."""
        return self.control.lr(self.state)

    def wants_gap(self) -> bool:
        """Whether to measure the gap before the next step."""
        return self.control.wants_gap(self.state, self.step_count + 1)

    def finish(self, steps: int) -> None:
        """See `Guarded.finish`."""
        self.state = self.control.finish(self.state, steps)

    def keep_start(self) -> None:
        """Before the first step: keep the weights that training starts from."""
        if self.newest is None:
            self.newest = self.proven = self._keep(None)

    def decide(self, loss: float, gap: float | None = None) -> RateChange | None:
        """See `Delegate.decide`."""
        decision = super().decide(loss, gap)
        if decision is None and self.control.wants_snapshot(self.state):
            # at first, and after a roll-back, both are one, whose memory is still needed
            spare = self.proven if self.proven is not self.newest else None
            self.proven, self.newest = self.newest, self._keep(spare)
            self.state = self.control.took_snapshot(self.state)
        return decision

    def _roll_back(self) -> None:
        self.newest = self.proven
        if self.proven is not None:
            self._restore(self.proven)
