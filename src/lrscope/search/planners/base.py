"""The seam for planners: asked what to advance next, from nothing but the scan so far."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from lrscope.curves import RunKey, Scan
from lrscope.search.rate.recommendation import Recommendation


@dataclass(frozen=True, slots=True)
class Advance:
    """Advance the run `key` = (learning rate, seed) until `to_step` (None: to its own end), because of `reason`."""

    key: RunKey
    to_step: int | None
    reason: str


class Planner(ABC):
    """Decides how the budget is spent.

    Pure: the answer depends on the scan alone (and on the planner's own fixed settings), never on a clock,
    a disk, or what it was asked before. So an interrupted scan goes on exactly as it would have gone.
    It reads each run's curves only up to `run.step`, and counts cost as the sum of `run.step`: what a
    restart had to repeat is reported to the user, but does not change decisions.

    Anytime: `name` gives the best answer that can be had from any scan, finished or not.
    A conformance suite is `lrscope.testing.planner_suite`.
    """

    @abstractmethod
    def ask(self, scan: Scan) -> list[Advance]:
        """What to advance now; all of these may advance at once, and the next call comes when they have.

        Asks never name a run in a final state, nor a step that a run has reached. An empty list means that
        the budget is spent, or that nothing more can be learned from it.
        """

    @abstractmethod
    def name(self, scan: Scan) -> Recommendation:
        """The answer from the scan so far."""

    def promise(self, scan: Scan) -> dict[RunKey, float]:
        """How promising each unfinished run is (more is better), for dropping paused runs when memory is short."""
        return {}
