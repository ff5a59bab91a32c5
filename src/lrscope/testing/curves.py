"""Scans of known truth: losses as a function of learning rate and step, with the features of real training.

The shape left of the cliff is flow time: the loss falls with rate times steps, down to a floor that rises
with the rate. Right of the cliff it grows until it is no number any more.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from lrscope.config import Config
from lrscope.curves import LossCurve, Plan, Run, RunKey, RunState, Scan
from lrscope.search.planners.base import Planner
from lrscope.search.rate.cliff import DivergenceWatch


@dataclass(frozen=True)
class KnownTraining:
    """A training whose loss is known for every rate and step.

    Parameters
    ----------
    horizon : int
        Steps in a full run.
    needed : float
        Rate times steps over which the loss falls by a factor of e. With ``horizon * best`` well above it,
        runs settle.
    floor : float
        Slope of the final loss in the rate: larger rates end higher. This makes short runs flatter high
        rates.
    cliff : float
        From this rate on the loss grows instead of falling.
    noise : float
        Standard deviation of what is added to each value, the same for all rates of a seed in half of its
        variance (the same batches), and different in the other half.
    start, offset, scale : float
        Loss before training; then everything is multiplied by `scale` and `offset` is added.
    every : int
        The training reports each `every` steps.
    """

    horizon: int = 400
    needed: float = 0.4
    floor: float = 1.0
    cliff: float = 1.0
    noise: float = 0.0
    start: float = 2.0
    offset: float = 0.0
    scale: float = 1.0
    every: int = 1

    def clean(self, lr: float, step: int) -> float:
        """The loss without noise; infinite once it has blown up."""
        if lr >= self.cliff:
            growth = step * math.log(1.5 + lr / self.cliff)
            return self.scale * self.start * math.exp(growth) + self.offset if growth < 700 else math.inf
        bottom = self.floor * lr
        fallen = math.exp(-lr * step / self.needed)
        return self.scale * (bottom + (self.start - bottom) * fallen) + self.offset

    def curve(self, lr: float, seed: int = 0) -> LossCurve:
        """The curve of a whole run, infinite values included."""
        steps = np.arange(self.every, self.horizon + 1, self.every)
        clean = np.array([self.clean(lr, int(step)) for step in steps])
        shared = np.random.default_rng([seed, 1]).normal(size=steps.size)
        own = np.random.default_rng([seed, 2, round(lr * 1e9)]).normal(size=steps.size)
        return LossCurve(steps, clean + self.scale * self.noise * (shared + own) / math.sqrt(2))

    def best(self, rates: Iterable[float]) -> float:
        """The rate that ends lowest, in truth."""
        return min(rates, key=lambda lr: (self.clean(lr, self.horizon), lr))

    def run(self, key: RunKey, to_step: int | None) -> Run:
        """The run as it looks when it has been advanced to `to_step`."""
        lr, seed = key.lr, key.seed
        whole = self.curve(lr, seed)
        target = self.horizon if to_step is None else min(to_step, self.horizon)
        watch = DivergenceWatch()
        for step, value in zip(whole.step.tolist(), whole.loss.tolist(), strict=True):
            if step > target:
                break
            reason = watch(step, "loss", value)
            if reason is not None:
                curves = {"loss": whole.until(step)}
                return Run(Config(lr=lr), seed, curves, RunState.DIVERGED, step, reason)
        state = RunState.COMPLETE if target >= self.horizon else RunState.PAUSED
        return Run(Config(lr=lr), seed, {"loss": whole.until(target)}, state, target)


def carry_out(planner: Planner, plan: Plan, training: KnownTraining, limit: int | None = None) -> Scan:
    """Let `planner` spend the budget of `plan` on `training`; stop after `limit` advances, where given."""
    runs: dict[RunKey, Run] = {}
    if plan.scout is not None:
        runs[plan.scout] = training.run(plan.scout, None)
    done = 0
    while True:
        scan = Scan(plan, tuple(runs[key] for key in sorted(runs)))
        asks = planner.ask(scan)
        if not asks:
            return scan
        for ask in asks:
            if limit is not None and done >= limit:
                return Scan(plan, tuple(runs[key] for key in sorted(runs)))
            runs[ask.key] = training.run(ask.key, ask.to_step)
            done += 1


def spent(scan: Scan) -> float:
    """What a scan has cost so far, in full runs."""
    return sum(run.step for run in scan.runs) / (scan.plan.horizon or 1)
