"""A rule under a guard, with a warm-up before and a cool-down after: what the schedulers run.

The guard sees every loss and decides first, then the rule. The rate that they agree on is ramped up at the start,
and taken down to zero once `finish` was asked for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from lrscope.control.base import Action, Controller, RateChange, require
from lrscope.control.gap import Gap
from lrscope.control.guard import Guard, GuardState


class ComposedState(NamedTuple):
    """The states of guard and rule, and where the rate is on its way."""

    target: float  # the rate that guard and rule agree on
    lr: float  # the rate in use, which the warm-up and the cool-down hold below it
    step: int
    warm_from: int  # step at which the warm-up began
    cool_from: int  # step at which the cool-down began; -1 before
    cool_steps: int
    cool_lr: float
    guard: GuardState
    rule: Any


@dataclass(frozen=True)
class Guarded(Controller[ComposedState]):
    """Guard, then rule; warm-up before, cool-down after.

    Parameters
    ----------
    rule : Controller
        Decides while training is healthy: `Gap` or `Plateau`.
    guard : Guard
        Rolls back when training diverges.
    warmup : int
        Steps on which the rate climbs, by a constant factor each, from `warm_start` of itself to itself; 0 for
        none. A rate that is too high at first can kill units of a net for good; on the way up the guard sees the
        divergence before it does harm.
    warm_start : float
        Where the warm-up begins, as a share of the rate.

    Raises
    ------
    UsageError
        If an argument is out of its range, or `rule` or `guard` is none.

    Notes
    -----
    `update` returns a decision at each step of the warm-up and of the cool-down, as the rate changes there.
    """

    rule: Controller[Any]
    guard: Guard = field(default_factory=Guard)
    warmup: int = 50
    warm_start: float = 0.01

    def __post_init__(self) -> None:
        require(isinstance(self.rule, Controller), "rule", "a controller, such as Gap()", self.rule)
        require(isinstance(self.guard, Guard), "guard", "a Guard", self.guard)
        require(self.warmup >= 0, "warmup", "zero or more", self.warmup)
        require(0.0 < self.warm_start <= 1.0, "warm_start", "above 0 and at most 1", self.warm_start)

    def init(self, lr: float) -> ComposedState:
        """The state before the first step; the rate of that step is `lr(state)`."""
        rule = self.rule.init(lr)
        first = lr * self.warm_start if self.warmup else lr
        return ComposedState(lr, first, 0, 0, -1, 0, 0.0, self.guard.init(first), rule)

    def lr(self, state: ComposedState) -> float:
        """The rate of the next step."""
        return state.lr

    def adopt(self, state: ComposedState, step: int, lr: float) -> ComposedState:
        """The rate was changed from outside."""
        return state._replace(
            target=lr,
            lr=lr,
            warm_from=-self.warmup,
            guard=self.guard.adopt(state.guard, step, lr),
            rule=self.rule.adopt(state.rule, step, lr),
        )

    def finish(self, state: ComposedState, steps: int) -> ComposedState:
        """Take the rate to zero, in a straight line over the coming `steps` steps; the rule is not asked any more.

        About a tenth of the run is enough: then the weights themselves are as good as their average.

        Raises
        ------
        UsageError
            If `steps` is below 1.
        """
        require(steps >= 1, "steps", "the number of steps to come, 1 or more", steps)
        return state._replace(cool_from=state.step, cool_steps=steps, cool_lr=state.lr)

    @property
    def measures_gap(self) -> bool:
        """Whether the rule decides by gaps."""
        return type(self.rule).wants_gap is not Controller.wants_gap

    def wants_gap(self, state: ComposedState, step: int) -> bool:
        """Whether to measure the gap before this step."""
        if state.cool_from >= 0 or step - state.warm_from <= self.warmup:
            return False
        return self.rule.wants_gap(state.rule, step)

    def wants_snapshot(self, state: ComposedState) -> bool:
        """Whether to keep the weights as they are now, for a roll-back; then call `took_snapshot`."""
        return self.guard.wants_snapshot(state.guard, state.step)

    def took_snapshot(self, state: ComposedState) -> ComposedState:
        """The weights were kept."""
        return state._replace(guard=self.guard.took_snapshot(state.guard, state.step))

    def update(
        self, state: ComposedState, step: int, loss: float, *, gap: float | None = None
    ) -> tuple[ComposedState, RateChange | None]:
        """Take in one step; see `Controller.update`."""
        target, lr, _, warm_from, cool_from, cool_steps, cool_lr, guard, rule = state
        guard, decision = self.guard.update(guard, step, loss)
        if decision is not None:
            return self._rolled_back(state, step, guard, decision)
        if cool_from >= 0:
            left = max(cool_steps - (step - cool_from), 0) / cool_steps if cool_steps else 0.0
            state = ComposedState(
                target, cool_lr * left, step, warm_from, cool_from, cool_steps, cool_lr, guard, rule
            )
            return state, _moved(
                step, lr, state.lr, Action.COOL, "cool-down", "The cool-down takes the rate to zero."
            )
        if step - warm_from <= self.warmup:
            new = target * self.warm_start ** max(0.0, 1.0 - (step - warm_from) / self.warmup)
            guard = self.guard.adopt(guard, step, new)
            rule, _ = self.rule.update(rule, step, loss)
            if step - warm_from == self.warmup:
                rule = self.rule.adopt(rule, step, new)
            state = ComposedState(target, new, step, warm_from, cool_from, cool_steps, cool_lr, guard, rule)
            return state, _moved(
                step, lr, new, Action.WARM, "warm-up", "The warm-up takes the rate to where it starts."
            )
        rule, decision = self.rule.update(rule, step, loss, gap=gap)
        if decision is not None:
            if decision.lr > lr and decision.lr > guard.ceiling:
                rule = self.rule.adopt(rule, step, lr)  # asked again once there is room
                decision = None
            else:
                target = lr = decision.lr
                guard = self.guard.adopt(guard, step, lr)
        return ComposedState(
            target, lr, step, warm_from, cool_from, cool_steps, cool_lr, guard, rule
        ), decision

    def _rolled_back(
        self, state: ComposedState, step: int, guard: GuardState, decision: RateChange
    ) -> tuple[ComposedState, RateChange]:
        target = decision.lr if decision.factor < 1.0 else state.target
        rule = self.rule.adopt(state.rule, step, target)
        again = decision.restore == "start" and self.warmup > 0 and state.cool_from < 0
        lr = target * self.warm_start if again else target
        old = state.lr
        state = state._replace(
            target=target,
            lr=lr,
            step=step,
            warm_from=step if again else state.warm_from,
            cool_lr=state.cool_lr * decision.factor,
            guard=self.guard.adopt(guard, step, lr),
            rule=rule,
        )
        factor = lr / old if old > 0 else decision.factor
        return state, replace(decision, factor=factor, lr=lr)


def _moved(step: int, old: float, new: float, action: Action, part: str, reason: str) -> RateChange | None:
    if new == old:
        return None
    factor = new / old if old > 0 else math.nan
    return RateChange(step, action, factor, new, reason, {}, part)


def guarded_gap(
    control: Guarded | None = None, *, every: int = 8, warmup: int = 50, memory: float = 1.0
) -> Guarded:
    """What a gap scheduler runs: the controller that it was given, else a gap under a guard.

    `every` and `memory` are as for `Gap`, `warmup` as for `Guarded`. A `UsageError` if one of them is out of its range,
    or `control` is no `Guarded`.
    """
    made = Guarded(Gap(every=every, memory=memory), warmup=warmup)
    if control is None:
        return made
    require(isinstance(control, Guarded), "control", "a Guarded, such as Guarded(Gap())", control)
    return control
