"""What a scan looks like from outside while it runs: plain facts, for a table, a log line or a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lrscope.config import RunKey
from lrscope.curves import RunState

RESUMING_ACTIVITY = "reading what was measured before"
"""What a session is doing in its first snapshot where an earlier one has left runs: those are no news."""


@dataclass(frozen=True, slots=True)
class RunStatus:
    """One run now: `step` is the last step reported, `last` the latest value of the metric that is judged."""

    key: RunKey
    state: RunState
    step: int
    last: float | None
    reason: str | None = None

    @property
    def lr(self) -> float:
        """Its learning rate."""
        return self.key.lr

    @property
    def seed(self) -> int:
        """Its seed."""
        return self.key.seed


@dataclass(frozen=True, slots=True)
class SearchSnapshot:
    """The scan now.

    Parameters
    ----------
    runs : sequence of RunStatus
        All runs started so far, by learning rate, then seed.
    metric : str or None
        The metric judged, once one has been seen.
    horizon : int or None
        Steps in a full run, once known.
    spent, budget : float
        In full runs; `spent` is 0 while the horizon is unknown.
    seconds : float
        Wall time since this session began.
    remaining : float or None
        Estimated seconds to the end of the budget, once there is anything to estimate it from.
    doing : str
        What goes on now, for a person ("learning how long a run is", "19 rates to step 128").
    notes : tuple of str
        Things to tell a person that have not been told in an earlier snapshot.
    """

    runs: Sequence[RunStatus]
    metric: str | None
    horizon: int | None
    spent: float
    budget: float
    seconds: float
    remaining: float | None
    doing: str
    notes: tuple[str, ...] = ()


Observer = Callable[[SearchSnapshot], None]
"""Called by the session a few times a second at most, and whenever a run changes state."""
