"""What the logged rate and the stated length of a run leave to advise: nothing is left to lower where the
schedule is over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from lrscope.curves.curve import LossCurve
from lrscope.diagnosis.base import Advice, Regime, Verdict

SPENT_SHARE = 0.05  # of its peak: at or below, a rate is near nothing, and its schedule over
_WARMING_POINTS = 5  # a rate that has risen through so many of its last points is still warming up
_PLANNED = frozenset({"total_steps", "max_steps", "num_training_steps", "total_iters", "max_iters"})


@dataclass(frozen=True, slots=True)
class Schedule:
    """Where a run stands in its schedule.

    Parameters
    ----------
    rate, peak : float or None
        The last logged rate and the highest; None where no rate was logged.
    spent_since : int or None
        Step from which the rate has been at most 5 % of its peak; None where it is above.
    warming : bool
        It rises at its end and stands at its peak.
    step : int
        Last step of the log.
    planned : int or None
        Last step of the run, as the log states it.
    """

    rate: float | None
    peak: float | None
    spent_since: int | None
    warming: bool
    step: int
    planned: int | None

    @property
    def finished(self) -> bool:
        """The run has reached its stated last step."""
        return self.planned is not None and self.step >= self.planned


def rate_of(curves: Mapping[str, LossCurve]) -> LossCurve | None:
    """The curve of the learning rate; None where it was not logged."""
    return next((c for n, c in curves.items() if n.rsplit("/", 1)[-1] in ("lr", "learning_rate")), None)


def planned_steps(curves: Mapping[str, LossCurve]) -> int | None:
    """The run's length where a column states it: one and the same number, no less than any step."""
    last = max((int(c.step[-1]) for c in curves.values() if len(c)), default=0)
    for name, curve in curves.items():
        if name.lower().rsplit("/", 1)[-1] in _PLANNED and len(curve):
            stated = float(curve.loss[0])
            if np.all(curve.loss == stated) and stated >= max(last, 1):
                return int(stated)
    return None


def read_schedule(rate: LossCurve | None, last_step: int, planned: int | None = None) -> Schedule:
    """Where the run stands; `rate` holds the learning rate at each step that was logged."""
    none = Schedule(None, None, None, False, last_step, planned)
    if rate is None:
        return none
    good = np.isfinite(rate.loss) & (rate.loss >= 0)
    step, r = rate.step[good], rate.loss[good]
    if r.size < 2 or not float(r.max()) > 0:
        return none
    peak = float(r.max())
    above = np.flatnonzero(r > SPENT_SHARE * peak)
    spent = int(step[above[-1] + 1]) if above[-1] + 1 < r.size else None
    tail = np.diff(r[-_WARMING_POINTS - 1 :])
    warming = r.size > _WARMING_POINTS and bool((tail > 0).all()) and float(r[-1]) >= peak
    return Schedule(float(r[-1]), peak, spent, warming, last_step, planned)


def heed_schedule(verdict: Verdict, schedule: Schedule) -> Verdict:
    """The verdict with advice that the schedule leaves open.

    A rate that is near nothing beside its own peak, or a run at its stated last step, has nothing left to lower
    or raise, and a run that has not levelled nothing to keep: the advice is then to stop, and the reason says what
    is left, a longer run. A rate that still warms up is not lowered on a plateau.
    """
    changes = verdict.advice in (Advice.LOWER, Advice.RAISE)
    fact = (
        verdict.reason.partition(". ")[0].rstrip(".") + "."
    )  # what is seen; the advice follows from it elsewhere
    if verdict.regime is Regime.DESCENDING:
        fact = "It got better up to the last step."
    moving = verdict.regime in (Regime.DESCENDING, Regime.UNDECIDED)
    if schedule.spent_since is not None and (changes or moving):
        over = (
            f"The schedule is over: since step {schedule.spent_since:,} the rate has been at most "
            f"{100 * SPENT_SHARE:.0f} % of "
            f"its peak ({schedule.peak:.3g}), now {schedule.rate:.3g}. There is nothing left to lower; "
        )
        left = (
            "at such a rate the rise has another cause (data, precision, a resumed state)."
            if verdict.regime is Regime.DIVERGING
            else "what is left is a longer run, with a schedule of its length."
        )
        return replace(verdict, advice=Advice.STOP, reason=f"{fact} {over}{left}")
    if schedule.finished and verdict.regime is not Regime.DIVERGING:
        end = f"{fact} The run has reached its stated last step, {schedule.planned:,}: "
        if changes:
            left = "what is left is another run, longer or with a schedule that ends at a lower rate."
            return replace(verdict, advice=Advice.STOP, reason=end + left)
        if verdict.regime is Regime.DESCENDING:
            return replace(verdict, reason=f"{end}a longer run would bring more.")
    if schedule.warming and verdict.regime is Regime.PLATEAU and verdict.advice is Advice.LOWER:
        wait = f"The rate still rises (warm-up, {schedule.rate:.3g} at the last step): wait until it is at its peak."
        return replace(verdict, advice=Advice.KEEP, reason=f"{fact} {wait}")
    return verdict
