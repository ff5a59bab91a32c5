"""The seam for planners: asked what to advance next, from nothing but the scan so far."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from lrscope.config import RunKey
from lrscope.curves import Plan, Scan
from lrscope.search.rate.budget import check_budget
from lrscope.search.rate.caveats import wrong_length
from lrscope.search.rate.model.forecast import Forecast
from lrscope.search.rate.nothing import why_nothing
from lrscope.search.rate.recommendation import Recommendation


@dataclass(frozen=True, slots=True)
class Advance:
    """Advance the run `key` until `to_step` (None: to its own end), because of `reason`."""

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

    @property
    def identity(self) -> str:
        """Its class with its plain settings: what must be equal for decisions to be. Planners that come with lrscope
        have the name by which they are found."""
        plain = [
            f"{k}={v!r}" for k, v in sorted(vars(self).items()) if isinstance(v, int | float | str | bool)
        ]
        return f"{type(self).__name__}({', '.join(plain)})"

    def check(self, plan: Plan) -> None:
        """Raise UsageError where `plan` cannot be carried out.

        Called before the first run, and once more when the horizon has been learned: only then can it be told how much
        a short part of a run costs, and whether the first run has left anything.
        """
        check_budget(plan)

    @abstractmethod
    def ask(self, scan: Scan) -> list[Advance]:
        """What to advance now; all of these may advance at once, and the next call comes when they have.

        Asks never name a run in a final state, nor a step that a run has reached. An empty list means that
        the budget is spent, or that nothing more can be learned from it.
        """

    @abstractmethod
    def name(self, scan: Scan) -> Recommendation:
        """The answer from the scan so far."""

    def futile(self, scan: Scan) -> str | None:
        """Why it is not worth going on (all runs alike, the metric never reported); None where it is."""
        return why_nothing(scan)

    def caveats(self, scan: Scan) -> list[str]:
        """Caveats about how the runs went, whatever rate is named, such as a run length that was not what it was taken
        to be."""
        return list(wrong_length(scan))

    def forecast(self, scan: Scan, reached: Mapping[RunKey, int]) -> Forecast | None:
        """What its model expected of each rate when runs stood at these steps; None where it has no model."""
        del scan, reached
        return None

    def promise(self, scan: Scan) -> dict[RunKey, float]:
        """How promising each unfinished run is (more is better), for dropping paused runs when memory is short."""
        return {}
