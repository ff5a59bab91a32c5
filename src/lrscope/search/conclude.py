"""From a scan to its conclusion: the planner's answer, and every caveat about the runs.

Pure, so that a scan which was never concluded (killed, still running) can be looked at from outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lrscope.curves import RunState, Scan
from lrscope.errors import InconclusiveError
from lrscope.search.outcome import last_step
from lrscope.search.planners.base import Planner
from lrscope.search.rate.enough import provisional
from lrscope.search.rate.ranking import judge
from lrscope.search.rate.recommendation import Recommendation
from lrscope.training.store.base import Decision

OVERSHOOT_SHARE = 0.25
"""Share of the budget that runs may spend past where they were paused before the user is told."""


def conclude(
    scan: Scan, planner: Planner, decisions: Sequence[Decision], *, finished: bool = True
) -> Recommendation:
    """The planner's answer with all caveats; provisional where the search was interrupted.

    Its `lr` is None, with the reason, where nothing can be concluded: no run reported the metric, every value is NaN,
    or all curves are alike although their rates differ.
    """
    nothing = planner.futile(scan)
    if nothing is None:
        answer = planner.name(scan)
        if not (finished or answer.provisional):
            answer = provisional(
                answer, "The scan was interrupted: what it had yet to run may change the rate."
            )
    else:
        by = judge(scan)
        answer = Recommendation(None, None, None, nothing, planner.identity, by.metric, by.goal)
    warnings = (*answer.warnings, *session_caveats(scan, decisions), *planner.caveats(scan))
    return replace(answer, warnings=tuple(dict.fromkeys(warnings)))


def session_caveats(scan: Scan, decisions: Sequence[Decision]) -> list[str]:
    """Caveats about how the runs behaved, whatever rate is named."""
    found = [d.reason for d in decisions if d.kind == "note" and d.detail.get("warning")]
    differing = [d for d in decisions if d.kind == "mismatch"]
    if differing:
        more = f" (and {len(differing) - 1} more runs)" if len(differing) > 1 else ""
        found.append(
            differing[0].reason.rstrip(".") + more + ", so small differences between rates may be chance."
        )
    horizon = scan.plan.horizon
    if horizon:
        past = sum(last_step(run) - run.step for run in scan.runs) / horizon
        if past > OVERSHOOT_SHARE * scan.plan.budget:
            found.append(
                f"Runs trained on past the step at which they were to pause, by {past:.1f} full runs in all, because "
                "the program prints many lines at a time; let it write out each line at once."
            )
    failed = [run for run in scan.runs if run.state is RunState.FAILED]
    if failed and len(failed) < len(scan.runs):
        found.append(
            f"{len(failed)} of {len(scan.runs)} runs failed, the first at lr {failed[0].lr:g}: "
            f"{failed[0].reason}"
        )
    return found


def all_failed(scan: Scan) -> InconclusiveError | None:
    """The error for a scan none of whose runs worked."""
    if scan.runs and all(run.state is RunState.FAILED for run in scan.runs):
        return InconclusiveError(f"All {len(scan.runs)} runs failed: {scan.runs[0].reason}")
    return None
