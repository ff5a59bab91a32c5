"""The guard: notices that training diverges, and goes back to weights from before.

It needs the loss alone. It holds the noise of one loss (from differences between neighbours, so that a trend adds
nothing), a fast average, and the best that this average has been.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from lrscope.control.base import Action, Controller, RateChange, require, require_rate

START_LOSSES = 16  # whose mean is the level at the start
MOST_VARIANCES = 9.0  # one squared difference counts for at most so many times the variance so far
OUTLIER_SD = 6.0  # standard deviations of one loss, and half of the improvement: more counts as that much
MOST_ROLL_BACKS = 8  # one after the other, after which the rate is left alone: it is not the cause
CEILING_SHARE = 0.6  # of the rate that failed
CEILING_GROWTH = 1.00174  # a step: 1.25 in 128 steps


class Keeping(NamedTuple):
    """What changes rarely: snapshots and roll-backs."""

    lr: float
    start: float  # mean of the first losses
    kept: int  # step of the newest snapshot; 0 for the start
    kept_variance: float
    proven: int  # step of the snapshot before it, which the steps since have shown to be good
    proven_variance: float
    breaks: int  # roll-backs since a snapshot was taken


class GuardState(NamedTuple):
    """What the guard knows; numbers only."""

    seen: int  # finite losses
    last: float
    variance: float
    fast: float
    best: float
    bad: float  # bad steps in a row, each by how bad it was
    good: int  # good ones
    since: int  # steps since the last roll-back, after which the level is found anew
    ceiling: float  # no rate above it
    keeping: Keeping


@dataclass(frozen=True)
class Guard(Controller[GuardState]):
    """Rolls back and lowers the rate when training diverges.

    A step is bad if the fast average of the loss stands above its best by more than `sd` standard deviations
    of one loss and by more than `share` of what had been gained; one that is above by half of these `sd` at
    least counts as part of a bad one, by the square. So neither the unit of the loss nor its origin matters.
    Bad steps are no measure of the noise: while they last, that stays as it was.

    Parameters
    ----------
    factor : float
        What the rate is multiplied by on a roll-back.
    bad_steps : int
        Bad steps in a row, partly bad ones added up, that count as divergence: a single bad batch is not the
        rate's fault.
    sd : float
        Standard deviations of one loss. The fast average has about a quarter of a loss's deviation, so two
        are eight of its own.
    share : float
        Share of the improvement.
    keep_every : int
        Steps between snapshots, later a sixteenth of the run so far, and healthy steps that each needs before it
        and after it. Divergence shows some steps after it began: only a snapshot that was followed by healthy
        steps can be trusted.

    Raises
    ------
    UsageError
        If an argument is out of its range.

    Notes
    -----
    After a roll-back the ceiling is 0.6 of the rate that failed; it rises by a quarter each 128 steps, since
    what is too high at first may not be so later.
    """

    factor: float = 0.33
    bad_steps: int = 6
    sd: float = 2.0
    share: float = 0.3
    keep_every: int = 64

    def __post_init__(self) -> None:
        require(0.0 < self.factor < 1.0, "factor", "between 0 and 1", self.factor)
        require(self.bad_steps >= 1, "bad_steps", "1 or more", self.bad_steps)
        require(self.sd > 0.0, "sd", "above zero", self.sd)
        require(self.share >= 0.0, "share", "zero or more", self.share)
        require(self.keep_every >= 1, "keep_every", "1 or more", self.keep_every)

    def init(self, lr: float) -> GuardState:
        """The state before the first step."""
        require_rate(lr)
        keeping = Keeping(lr, 0.0, 0, 0.0, 0, 0.0, 0)
        return GuardState(0, 0.0, 0.0, 0.0, math.inf, 0.0, 0, 0, math.inf, keeping)

    def adopt(self, state: GuardState, step: int, lr: float) -> GuardState:
        """Another controller changed the rate; what the loss was still counts."""
        return state._replace(keeping=state.keeping._replace(lr=lr))

    def wants_snapshot(self, state: GuardState, step: int) -> bool:
        """Whether the shell should keep the weights as they are after this step.

        It holds two: the newest, and the one before, which is the one to go back to.
        """
        return state.good >= self.keep_every and step - state.keeping.kept >= max(self.keep_every, step // 16)

    def took_snapshot(self, state: GuardState, step: int) -> GuardState:
        """The shell has kept the weights; what was the newest is proven now."""
        keeping = state.keeping._replace(
            kept=step,
            kept_variance=state.variance,
            proven=state.keeping.kept,
            proven_variance=state.keeping.kept_variance,
            breaks=0,
        )
        return state._replace(keeping=keeping)

    def update(
        self, state: GuardState, step: int, loss: float, *, gap: float | None = None
    ) -> tuple[GuardState, RateChange | None]:
        """Take in one loss; see `Controller.update`."""
        seen, last, variance, fast, best, bad, good, since, ceiling, keeping = state
        if loss - loss != 0.0:  # NaN or infinite
            reason = f"The loss is {loss}: training goes back to the last good weights, at a lower rate."
            return self._back(state, step, reason, {"breaks": keeping.breaks + 1.0})
        seen += 1
        since += 1
        if since == 1:
            last = fast = loss
        move = loss - last
        if bad == 0.0:
            term = 0.5 * move * move
            if seen > 20 and term > MOST_VARIANCES * variance:
                term = MOST_VARIANCES * variance
            variance += (term - variance) * (0.01 if seen > 100 else 1.0 / seen)
        away = loss - fast
        if since > START_LOSSES and variance > 0.0:  # one batch, however bad, moves it by little
            most = OUTLIER_SD * math.sqrt(variance) + 0.5 * (keeping.start - best)
            away = away if away < most else most
        fast += away * (0.1 if since > 10 else 1.0 / since)
        if since <= START_LOSSES:
            best = fast
            if seen <= START_LOSSES:
                keeping = self._first(keeping, seen, loss, variance)
        elif fast < best:
            best = fast
        rise = fast - best
        worse = rise * rise / (self.sd * self.sd * variance) if rise > 0.0 and variance > 0.0 else 0.0
        if worse > 0.25 and since > START_LOSSES and rise > self.share * (keeping.start - best):
            bad += worse if worse < 1.0 else 1.0
            good = 0
        else:
            bad = 0.0
            good += 1
        if ceiling < math.inf:
            ceiling *= CEILING_GROWTH
        state = GuardState(seen, loss, variance, fast, best, bad, good, since, ceiling, keeping)
        if bad >= self.bad_steps:
            return self._diverged(state, step)
        return state, None

    def _first(self, keeping: Keeping, seen: int, loss: float, variance: float) -> Keeping:
        """The level and the noise at the start."""
        level = keeping.start + (loss - keeping.start) / seen
        return keeping._replace(start=level, kept_variance=variance, proven_variance=variance)

    def _diverged(self, state: GuardState, step: int) -> tuple[GuardState, RateChange]:
        rise, start = state.fast - state.best, state.keeping.start
        reason = (
            f"The loss is {rise:.2g} above its best of {state.best:.4g}, more than noise explains: training diverges "
            "and goes back to the last good weights, at a lower rate."
        )
        numbers = {
            "loss": state.fast,
            "best": state.best,
            "sd": math.sqrt(state.variance),
            "gained": start - state.best,
            "bad_steps": state.bad,
        }
        return self._back(state, step, reason, numbers)

    def _back(
        self, state: GuardState, step: int, reason: str, numbers: dict[str, float]
    ) -> tuple[GuardState, RateChange]:
        old = state.keeping
        factor = self.factor if old.breaks < MOST_ROLL_BACKS else 1.0
        lr = old.lr * factor
        start = old.proven == 0
        keeping = old._replace(
            lr=lr,
            kept=old.proven,
            kept_variance=old.proven_variance,
            breaks=old.breaks + 1,
        )
        ceiling = min(state.ceiling, CEILING_SHARE * old.lr)
        state = GuardState(state.seen, 0.0, old.proven_variance, 0.0, math.inf, 0.0, 0, 0, ceiling, keeping)
        where = "start" if start else "snapshot"
        return state, RateChange(step, Action.ROLL_BACK, factor, lr, reason, numbers, "guard", where)
