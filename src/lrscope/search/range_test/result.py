"""A range test, whoever ran it: its ramps as observed, and what was read off them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lrscope.search.outcome import Outcome
from lrscope.search.range_test.answer import RangeTestAnswer
from lrscope.search.range_test.planner import observed_ramps, ramps_of
from lrscope.search.range_test.ramp_curve import RampCurve, line, mean_ramp
from lrscope.search.rate.ranking import judge_by

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RangeTest:
    """A range test.

    Parameters
    ----------
    name : str
        What was trained or read.
    answer : RangeTestAnswer
    ramps : sequence of (rates, losses), shape (n,) each
        As observed.
    curves : sequence of RampCurve
        The same on common rates, signed so that less is better; empty where they hold too little.
    outcome : Outcome or None
        Runs, cost and decisions of a test that lrscope ran; None of one that was read.
    """

    name: str
    answer: RangeTestAnswer
    ramps: Sequence[tuple[Array, Array]]
    curves: Sequence[RampCurve]
    outcome: Outcome | None = None

    @classmethod
    def of(cls, outcome: Outcome) -> RangeTest:
        """A range test that lrscope ran."""
        answer = outcome.recommendation
        assert isinstance(answer, RangeTestAnswer)  # noqa: S101  (its planner gives no other)
        scan = outcome.scan
        curves = ramps_of(scan, judge_by(scan.plan, answer.metric))
        return cls(outcome.name, answer, observed_ramps(scan, answer.metric), curves, outcome)

    @property
    def line(self) -> tuple[Array, Array, float]:
        """Rates, the smooth line through the mean of all ramps, and the loss at their start, in the metric's unit.

        Empty arrays where there is no line.
        """
        if not self.curves:
            return np.empty(0), np.empty(0), float("nan")
        mean = mean_ramp(self.curves)
        sign = -1.0 if self.answer.goal == "max" else 1.0
        return 10.0**mean.log_lr, sign * line(mean)[0], sign * mean.start
