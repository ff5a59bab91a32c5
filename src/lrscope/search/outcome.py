"""Everything that a finished (or interrupted) scan has to say: what the views draw and the commands print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from lrscope.curves import Run, RunState, Scan
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
        Its `warnings` hold every caveat, those of the session included.
    cost : Cost
    decisions : sequence of Decision
        The ledger.
    finished : bool
        False where the scan was interrupted before its budget was spent.
    planner : str
        Which planner decided: its name in the registry, or its class where it is somebody's own.
    """

    name: str
    scan: Scan
    recommendation: Recommendation
    cost: Cost
    decisions: Sequence[Decision] = field(default=())
    finished: bool = True
    planner: str = ""

    @classmethod
    def of(
        cls,
        name: str,
        scan: Scan,
        answer: Recommendation,
        planner: str,
        decisions: Sequence[Decision],
        *,
        finished: bool,
    ) -> Outcome:
        """The outcome of a scan with this answer: the metric that was judged joins the plan, the cost is counted."""
        plan = replace(scan.plan, metric=scan.plan.metric or answer.metric)
        found = Scan(plan, scan.runs)
        return cls(name, found, answer, cost_of(found), tuple(decisions), finished, planner)


def cost_of(scan: Scan) -> Cost:
    """What the scan cost, and what a full grid would have cost.

    There, a diverged or failed run counts as far as it got, and a rate that was not tried as a full run.
    """
    horizon = scan.plan.horizon
    rework = sum(run.rework for run in scan.runs)
    steps = sum(last_step(run) for run in scan.runs) + rework
    full = 0.0
    for lr in scan.plan.rates:
        shares = [_share(run, horizon) for run in scan.runs if run.lr == lr]
        full += len(scan.plan.seeds) * (sum(shares) / len(shares) if shares else 1.0)
    return Cost(
        full_runs=steps / horizon if horizon else 0.0,
        steps=steps,
        rework=rework,
        seconds=sum(run.seconds for run in scan.runs),
        runs=sum(1 for run in scan.runs if run.step or run.curves or run.state is not RunState.PAUSED),
        full_grid=full,
        overshoot=sum(last_step(run) - run.step for run in scan.runs),
    )


def last_step(run: Run) -> int:
    """The last step that a run did, whether it was asked for or not."""
    return max([run.step, *(int(c.step[-1]) for c in run.curves.values() if len(c))])


def _share(run: Run, horizon: int | None) -> float:
    ended = run.state in (RunState.DIVERGED, RunState.FAILED, RunState.COMPLETE)
    return min(1.0, run.step / horizon) if ended and horizon else 1.0
