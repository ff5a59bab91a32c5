"""Everything that a finished (or interrupted) scan has to say: what the views draw and the commands print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lrscope.curves import Scan
from lrscope.search.rate.recommendation import Recommendation
from lrscope.training.store.base import Decision


@dataclass(frozen=True, slots=True)
class Cost:
    """What a scan cost.

    Parameters
    ----------
    full_runs : float
        All steps done, repeated ones included, in full runs.
    steps : int
        All steps done, repeated ones included.
    rework : int
        Those of them that had been done before (runs dropped and started anew, a resumed scan).
    seconds : float
        Time spent training, summed over runs that trained side by side.
    runs : int
        Runs started.
    full_grid : float
        What running every rate of the grid to the horizon would have cost, in full runs; diverged runs are
        counted only as far as they got, as a sweep that stops them would.
    overshoot : int
        Steps that runs did past where they were paused; `steps` includes them.
    """

    full_runs: float
    steps: int
    rework: int
    seconds: float
    runs: int
    full_grid: float
    overshoot: int = 0

    def __str__(self) -> str:
        return f"{self.full_runs:.3g} full runs (a full grid: {self.full_grid:.3g})"


@dataclass(frozen=True)
class Outcome:
    """A scan with its conclusion.

    Parameters
    ----------
    name : str
        The source's name for people.
    scan : Scan
        Plan (with what was learned: horizon, metric) and runs, curves included.
    recommendation : Recommendation
        Its `warnings` hold every doubt, those of the session included.
    cost : Cost
    decisions : sequence of Decision
        The ledger.
    finished : bool
        False where the scan was interrupted before its budget was spent.
    """

    name: str
    scan: Scan
    recommendation: Recommendation
    cost: Cost
    decisions: Sequence[Decision] = field(default=())
    finished: bool = True
