"""The guard: notices that training diverges, and goes back to where it did not.

It needs the loss alone. What it holds: the noise of one loss (from differences between neighbours, so that a
trend is none), a fast average, and the best that this average has been.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from lrscope.control.base import Action, Controller, Decision

_FIRST = 16  # losses whose mean is the level at the start
_LIMIT = 25.0  # one difference counts for at most so many times the variance so far
_BREAKS = 8  # steps that are not finite, one roll-back after the other, before the rate is left alone


class GuardState(NamedTuple):
    """What the guard knows; numbers only."""

    lr: float
    seen: int  # finite losses
    last: float
    variance: float
    fast: float
    start: float  # mean of the first losses
    best: float
    bad: int  # bad steps in a row
    good: int  # good ones
    since: int  # steps since the rate was last changed
    ceiling: float  # no rate above it
    snapshot: int  # step at which weights were last kept
    breaks: int  # roll-backs without a healthy stretch in between
    early: int  # step until which the start is on trial
    descended: int  # 1 once the run has come down from where it began


@dataclass(frozen=True)
class Guard(Controller[GuardState]):
    """Rolls back and lowers the rate when training diverges.

    A step is bad if the fast average of the loss stands above its best by more than `sd` standard deviations
    of one loss and by more than `share` of what had been gained. So neither the unit of the loss nor its
    origin matters.

    Parameters
    ----------
    factor : float
        What the rate is multiplied by on a roll-back.
    patience : int
        Bad steps in a row that it takes: a single bad batch is none of the rate's doing.
    sd : float
        Standard deviations of one loss. The fast average has about a quarter of a loss's deviation, so two
        are eight of its own.
    share : float
        Share of what was gained.
    trial : int
        Steps after which the start is judged: if nothing was gained by then, from the start again, lower.
        0 for no such trial.
    keep_every : int
        Steps between snapshots, taken while training is healthy.

    Notes
    -----
    After a roll-back the ceiling is 0.6 of the rate that failed; it rises by a quarter each 128 steps, since
    what is too high at first may not be so later.
    """

    factor: float = 0.33
    patience: int = 6
    sd: float = 2.0
    share: float = 0.3
    trial: int = 96
    keep_every: int = 64

    def init(self, lr: float) -> GuardState:
        """The state before the first step."""
        return GuardState(lr, 0, 0.0, 0.0, 0.0, 0.0, math.inf, 0, 0, 0, math.inf, 0, 0, self.trial, 0)

    def adopt(self, state: GuardState, step: int, lr: float) -> GuardState:
        """Another controller changed the rate."""
        raised = lr > state.lr
        return state._replace(lr=lr, since=0, descended=1 if raised else state.descended)

    def ceiling(self, state: GuardState) -> float:
        """The highest rate that is allowed now."""
        return state.ceiling

    def wants_snapshot(self, state: GuardState, step: int) -> bool:
        """Whether the shell should keep the weights as they are after this step."""
        return step - state.snapshot >= self.keep_every and state.good >= self.keep_every // 2

    def kept(self, state: GuardState, step: int) -> GuardState:
        """The shell has kept the weights."""
        return state._replace(snapshot=step, breaks=0)

    def update(
        self,
        state: GuardState,
        step: int,
        loss: float,
        *,
        gap: float | None = None,
        zigzag: float | None = None,
    ) -> tuple[GuardState, Decision | None]:
        """Take in one loss; see `Controller.update`."""
        (
            lr,
            seen,
            last,
            variance,
            fast,
            start,
            best,
            bad,
            good,
            since,
            ceiling,
            kept,
            breaks,
            early,
            down,
        ) = state
        if not math.isfinite(loss):
            return self._broken(state, step, loss)
        seen += 1
        since += 1
        if seen == 1:
            last = fast = start = loss
        move = loss - last
        term = 0.5 * move * move
        if seen > 20 and term > _LIMIT * variance:
            term = _LIMIT * variance
        variance += (term - variance) * (0.01 if seen > 100 else 1.0 / seen)
        fast += (loss - fast) * (0.1 if seen > 10 else 1.0 / seen)
        if seen <= _FIRST:
            start += (loss - start) / seen
            best = fast
        elif fast < best:
            best = fast
        rise = fast - best
        gained = start - best
        if seen > 8 and rise * rise > self.sd * self.sd * variance and rise > self.share * gained:
            bad += 1
            good = 0
        else:
            bad = 0
            good += 1
        if ceiling < math.inf:
            ceiling *= 1.00174  # 1.25 in 128 steps
        state = GuardState(
            lr, seen, loss, variance, fast, start, best, bad, good, since, ceiling, kept, breaks, early, down
        )
        if bad >= self.patience and since >= 2 * self.patience:
            numbers = {
                "loss": fast,
                "best": best,
                "sd": math.sqrt(variance),
                "gained": gained,
                "steps": float(bad),
            }
            reason = (
                f"The loss has stood {rise:.3g} above its best of {best:.4g} for {bad} steps, more than noise "
                "explains: training diverges. Back to the last good weights, at a lower rate."
            )
            return self._back(state, step, reason, numbers)
        if step == early and not down:
            return self._judge_start(state, step)
        return state, None

    def _broken(self, state: GuardState, step: int, loss: float) -> tuple[GuardState, Decision]:
        reason = f"The loss is {loss}: back to the last good weights, at a lower rate."
        return self._back(state, step, reason, {"breaks": float(state.breaks + 1)})

    def _judge_start(self, state: GuardState, step: int) -> tuple[GuardState, Decision | None]:
        sd = math.sqrt(state.variance)
        gained = state.start - state.fast
        if gained > sd:
            return state._replace(descended=1), None
        reason = (
            f"In {step} steps the loss has come down by no more than the noise of one batch ({gained:.3g} against "
            f"{sd:.3g}), and nothing called for a higher rate: once more from the start, at a lower one."
        )
        if state.breaks >= _BREAKS:
            return state, None
        return self._back(state, step, reason, {"gained": gained, "sd": sd}, "start")

    def _back(
        self, state: GuardState, step: int, reason: str, numbers: dict[str, float], to: str | None = None
    ) -> tuple[GuardState, Decision]:
        factor = self.factor if state.breaks < _BREAKS else 1.0
        where = to or ("snapshot" if state.snapshot else "start")
        lr = state.lr * factor
        state = state._replace(
            lr=lr,
            fast=state.start if where == "start" else state.best,
            best=min(state.best, state.start) if where == "snapshot" else state.start,
            bad=0,
            good=0,
            since=0,
            ceiling=min(state.ceiling, 0.6 * state.lr),
            breaks=state.breaks + 1,
            early=step + self.trial if where == "start" else state.early,
        )
        return state, Decision(step, Action.ROLL_BACK, factor, lr, reason, numbers, "guard", where)
