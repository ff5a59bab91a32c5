"""Everything that can be said of one logged run: the diagnosis, and each tool where it applies."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lrscope.curves.curve import LossCurve
from lrscope.diagnosis.backtest import Replay, backtest
from lrscope.diagnosis.base import Diagnosis
from lrscope.diagnosis.diagnose import diagnose_curves
from lrscope.diagnosis.patience import Patience, patience_for
from lrscope.diagnosis.series import epoch_length
from lrscope.diagnosis.stepping import Finding, check_stepping
from lrscope.errors import UsageError
from lrscope.readers.base import LoggedRun
from lrscope.vocabulary import Goal, goal_of, is_validation

MOST_REPORTS = 500  # a curve of more points is one of mini-batches, of which plateau rules see means
BLOCKS = 200


@dataclass(frozen=True)
class Asked:
    """What the caller said about the logs; None where it is to be found out.

    `percent` and `false_cuts` are for patience, `processes` and `accumulation` for stepping.
    """

    metric: str | None = None
    goal: Goal | None = None
    epoch_steps: float | None = None
    plain_sgd: bool | None = None
    percent: float = 1.0
    false_cuts: float = 0.05
    processes: int | None = None
    accumulation: int | None = None


class Examined:
    """One run, and what is said of it. The tools are reckoned when they are asked for, once.

    Parameters
    ----------
    run : LoggedRun
        As a reader gave it.
    asked : Asked
        What the caller said about it.

    Raises
    ------
    UsageError
        If `asked` names no curve of this run, or a number is out of range.
    """

    def __init__(self, run: LoggedRun, asked: Asked) -> None:
        self.run = run
        self.asked = asked
        with np.errstate(all="ignore"):  # see patience
            self.diagnosis: Diagnosis = diagnose_curves(
                _with_clock(run),
                metric=asked.metric,
                goal=asked.goal,
                epoch_steps=asked.epoch_steps,
                plain_sgd=asked.plain_sgd,
            )

    @property
    def curve(self) -> LossCurve:
        """The curve that was judged."""
        return self.run.curves[self.diagnosis.metric]

    @property
    def goal(self) -> Goal:
        """Whether less or more of it is better."""
        return self.asked.goal or goal_of(self.diagnosis.metric)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was lost in reading, and what to doubt in judging."""
        return (*self.run.warnings, *self.diagnosis.warnings)

    @cached_property
    def epoch_steps(self) -> float | None:
        """Steps in an epoch, as told or as logged; None where neither."""
        return self.asked.epoch_steps or epoch_length(_with_clock(self.run))

    @cached_property
    def reports(self) -> tuple[LossCurve, str]:
        """The judged curve as a plateau rule would be shown it, and in what a report differs from a point.

        Means over epochs where their length is known and they are at least eight; a curve of more than 500
        points without that as 200 means; the curve itself otherwise.
        """
        curve, per_epoch = self.curve, self.epoch_steps
        if len(curve) > 1 and per_epoch is not None:
            epoch = ((curve.step - curve.step[0]) // per_epoch).astype(np.int64)
            if 8 <= int(epoch[-1]) + 1 <= len(curve) // 2:
                return _means(curve, epoch), "A report is the mean over an epoch."
        if len(curve) > MOST_REPORTS:
            block = np.arange(len(curve)) * BLOCKS // len(curve)
            size = len(curve) / BLOCKS
            return _means(
                curve, block
            ), f"A report is the mean of {size:.3g} points; say how long an epoch is."
        return curve, "A report is one point of the log."

    @cached_property
    def patience(self) -> Patience:
        """What the curve's own noise asks of a plateau rule."""
        with np.errstate(all="ignore"):  # a diverged run may hold values whose squares are not finite
            return patience_for(
                self.reports[0], self.asked.percent, goal=self.goal, false_cuts=self.asked.false_cuts
            )

    @cached_property
    def replays(self) -> tuple[Replay, ...]:
        """What each plateau rule would have done; empty for fewer than eight reports."""
        reports = self.reports[0]
        with np.errstate(all="ignore"):
            return backtest(reports, goal=self.goal) if len(reports) >= 8 else ()

    @cached_property
    def stepping(self) -> tuple[Finding, ...] | None:
        """Mistakes in stepping the schedule; None where no rate was logged to look at."""
        if self.run.lr is None or len(self.run.lr) < 2:
            return None
        curves, name = self.run.curves, self.diagnosis.metric
        skipped = next(
            (c for n, c in curves.items() if n.rsplit("/", 1)[-1] in ("skipped", "grad_norm")), None
        )
        return check_stepping(
            self.run.lr,
            processes=self.asked.processes,
            accumulation=self.asked.accumulation,
            skipped=skipped,
            metric=curves[name] if is_validation(name) else None,
        )


def examine(run: LoggedRun, asked: Asked) -> Examined:
    """Judge one run; see `Examined`."""
    if asked.percent <= 0 or not math.isfinite(asked.percent):
        raise UsageError(f"percent must be positive, but is {asked.percent}.")
    return Examined(run, asked)


def _with_clock(run: LoggedRun) -> dict[str, LossCurve]:
    """The run's curves with its rate and epoch among them, as the judges look for them there."""
    curves = dict(run.curves)
    for name, curve in (("lr", run.lr), ("epoch", run.epoch)):
        if curve is not None:
            curves.setdefault(name, curve)
    return curves


def _means(curve: LossCurve, group: np.ndarray) -> LossCurve:
    _, first, count = np.unique(group, return_index=True, return_counts=True)
    last = first + count - 1
    with np.errstate(all="ignore"):
        loss = np.add.reduceat(curve.loss, first) / count
    lr = None if curve.lr is None else curve.lr[last]
    return LossCurve(curve.step[last], loss, lr, curve.name)
