"""What a method has bought so far: which published runs it has advanced how far, and what it saw there.

Every method pays the same price: runs are paused and resumed for nothing, a run that died costs what it took, and a
step that was paid for once is free when it is asked for again. That is generous to those whose own programs
start each trial anew.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from published import PublishedScan


class SpentError(Exception):
    """The budget is over."""


class Account:
    """Buys training.

    Parameters
    ----------
    scan : PublishedScan
    limit : float
        Full runs that may be spent.
    """

    def __init__(self, scan: PublishedScan, limit: float) -> None:
        self.scan = scan
        self.limit = limit
        self.spent = 0.0
        self.first: float | None = None
        self.reached: dict[float, int] = {}
        self.bought: list[tuple[float, float, int, float]] = []

    @property
    def epochs(self) -> int:
        """Epochs in a full run."""
        return len(next(iter(self.scan.per_epoch.values()))) - 1

    def train(self, lr: float, step: int) -> float:
        """Advance the run at `lr` to `step`; what it reads there, infinite where it died on the way.

        Raises
        ------
        SpentError
            If that costs more than is left; nothing is bought then.
        """
        self.first = lr if self.first is None else self.first
        dead = self.scan.runs[lr].dead
        done = step if dead is None else min(step, dead)
        cost = max(0, done - self.reached.get(lr, 0)) / self.scan.horizon
        if self.spent + cost > self.limit + 1e-9:
            raise SpentError
        self.spent += cost
        self.reached[lr] = max(done, self.reached.get(lr, 0))
        value = self.reading(lr, step)
        self.bought.append((self.spent, lr, step, value))
        return value

    def epoch(self, lr: float, epoch: int) -> float:
        """The same, by epochs."""
        return self.train(lr, epoch * self.scan.horizon // self.epochs)

    def reading(self, lr: float, step: int) -> float:
        """The evaluated loss of the last epoch before `step` (or the best so far, where that is what is judged);
        within the first epoch the mean batch loss over the last tenth."""
        run = self.scan.runs[lr]
        if run.dead is not None and run.dead <= step:
            return math.inf
        epoch = step * self.epochs // self.scan.horizon
        if epoch:
            seen = self.scan.per_epoch[lr][1 : epoch + 1]
            value = float(np.nanmin(seen)) if self.scan.objective == "best" else float(seen[-1])
        else:
            curve = run.curves["loss"]
            n = max(1, int(np.searchsorted(curve.step, step, side="right")))
            value = float(np.mean(curve.loss[n - max(1, n // 10) : n]))
        return value if math.isfinite(value) else math.inf

    def named(self, budget: float) -> float:
        """The rate that stood best, among those that had come furthest, when `budget` had been spent."""
        stood: dict[float, tuple[int, float]] = {}
        for spent, lr, step, value in self.bought:
            if spent <= budget + 1e-9 and step >= stood.get(lr, (0, 0.0))[0]:
                stood[lr] = (step, value)
        alive = {lr: there for lr, there in stood.items() if math.isfinite(there[1])}
        if not alive:
            return next(iter(stood), self.first if self.first is not None else self.scan.rates[0])
        furthest = max(step for step, _ in alive.values())
        return min((value, lr) for lr, (step, value) in alive.items() if step == furthest)[1]


Named = dict[float, float]
"""The rate that a method names, by budget."""


def names(account: Account, budgets: Sequence[float]) -> Named:
    """What was named on the way, for methods whose course does not depend on the budget."""
    return {budget: account.named(budget) for budget in budgets}
