"""The plateau rules that people use, as plain state machines: one metric value in, the learning rate out.

Each does what its owner's code does, settings and defaults included, and is tested against the owner's
package: PyTorch 2.13's ``ReduceLROnPlateau``, Keras 3.15's callback of that name, optax 0.2.8's
``contrib.reduce_on_plateau``, Transformers 5.23's ``GreedyLR``. dlib's rule follows its published description
(D. King, "Automatic Learning Rate Scheduling That Really Works", 2018).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np

from lrscope.control.plateau import Plateau
from lrscope.statistics.student import normal_quantile
from lrscope.vocabulary import Goal


class Rule(Protocol):
    """A rule that changes the rate by what it sees. `lr` is the present rate."""

    lr: float

    def step(self, value: float) -> None:
        """See one value of the metric, and change `lr` if the rule says so."""


@dataclass
class TorchPlateau:
    """PyTorch's rule: more than `patience` values in a row that are no new best, then ``lr * factor``.

    Relative mode compares with ``best * (1 - threshold)``, which for a negative best lies *above* it: then
    standing still counts as progress, and so does getting slightly worse. NaN is never a new best.
    """

    lr: float = 1.0
    mode: Goal = "min"
    factor: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    threshold_mode: Literal["rel", "abs"] = "rel"
    cooldown: int = 0
    min_lr: float = 0.0
    eps: float = 1e-8
    best: float = field(init=False)
    bad: int = 0
    cooling: int = 0

    def __post_init__(self) -> None:
        self.best = math.inf if self.mode == "min" else -math.inf

    def step(self, value: float) -> None:
        if _better(value, self.best, self.mode, self.threshold, self.threshold_mode):
            self.best, self.bad = value, 0
        else:
            self.bad += 1
        if self.cooling > 0:
            self.cooling -= 1
            self.bad = 0
        if self.bad > self.patience:
            new = max(self.lr * self.factor, self.min_lr)
            if self.lr - new > self.eps:
                self.lr = new
            self.cooling, self.bad = self.cooldown, 0


@dataclass
class KerasPlateau:
    """Keras's rule: `patience` values in a row that do not beat the best by the absolute `min_delta`, then
    ``lr * factor``.

    While cooling down a new best is kept and nothing is counted. The first value is always the best, so a NaN
    in the first epoch is never beaten and the rule cuts for ever after. At `min_lr` it goes on counting.
    """

    lr: float = 1.0
    mode: Goal = "min"
    factor: float = 0.1
    patience: int = 10
    min_delta: float = 1e-4
    cooldown: int = 0
    min_lr: float = 0.0
    best: float | None = None
    wait: int = 0
    cooling: int = 0

    def step(self, value: float) -> None:
        if self.cooling > 0:
            self.cooling -= 1
            self.wait = 0
        delta = abs(self.min_delta)
        improved = self.best is None or (
            value + delta < self.best if self.mode == "min" else value - delta > self.best
        )
        if improved:
            self.best, self.wait = value, 0
        elif self.cooling <= 0:
            self.wait += 1
            if self.wait >= self.patience and self.lr > np.float32(self.min_lr):
                # the optimiser keeps its rate in single precision
                self.lr = float(np.float32(max(self.lr * self.factor, self.min_lr)))
                self.cooling, self.wait = self.cooldown, 0


@dataclass
class OptaxPlateau:
    """optax's rule, on means of `accumulation_size` values: `patience` of them in a row no better than
    ``(1 - rtol) * best - atol``, then ``scale * factor``. It only minimises; a metric to be maximised has to
    be negated first, and then the relative tolerance is as wrong as PyTorch's. While cooling down no count is
    kept.
    """

    lr: float = 1.0
    mode: Goal = "min"
    factor: float = 0.1
    patience: int = 10
    rtol: float = 1e-4
    atol: float = 0.0
    cooldown: int = 0
    accumulation_size: int = 1
    min_scale: float = 0.0
    best: float = math.inf
    bad: int = 0
    cooling: int = 0
    count: int = 0
    mean: float = 0.0
    scale: float = 1.0
    base: float = field(init=False)

    def __post_init__(self) -> None:
        self.base = self.lr

    def step(self, value: float) -> None:
        value = value if self.mode == "min" else -value
        self.mean = (self.count * self.mean + value) / (self.count + 1)
        self.count += 1
        if self.count != self.accumulation_size:
            return
        mean, self.mean, self.count = self.mean, 0.0, 0
        if mean < (1 - self.rtol) * self.best - self.atol:
            self.best, bad = mean, 0
        else:
            bad = self.bad + 1
        if self.cooling > 0:
            self.bad = 0
            self.cooling -= 1
            return
        full = bad == self.patience
        self.bad = 0 if full else bad
        if full:
            self.scale = max(self.scale * self.factor, self.min_scale)
            self.cooling = self.cooldown
        self.lr = self.base * self.scale


@dataclass
class Greedy:
    """GreedyLR with Transformers' published defaults: raise by 1 / `factor` after more than `patience` new
    bests in a row, lower by `factor` after more than `patience` values that are none; after `reset_start`
    cuts that could cut no further, start over.
    """

    lr: float = 1.0
    mode: Goal = "min"
    factor: float = 0.95
    patience: int = 10
    threshold: float = 1e-6
    threshold_mode: Literal["rel", "abs"] = "abs"
    cooldown: int = 0
    warmup: int = 0
    min_lr: float = 1e-3
    max_lr: float = 1.0
    eps: float = 1e-8
    smooth: bool = False
    window_size: int = 50
    reset_start: int = 500
    best: float = field(init=False)
    bad: int = 0
    good: int = 0
    waiting: int = 0  # after a cut
    warming: int = 0  # after a raise
    recent: list[float] = field(default_factory=list)
    first: float = field(init=False)
    left: int = field(init=False)

    def __post_init__(self) -> None:
        self.first = self.lr
        self._fresh()

    def step(self, value: float) -> None:
        if self.smooth:
            self.recent = [*self.recent, value][-self.window_size :]
            value = sum(self.recent) / len(self.recent)
        if self.waiting > 0 or self.warming > 0:
            if self.waiting > 0:
                self.waiting -= 1
            else:
                self.warming -= 1
            self.bad = self.good = 0
            return
        if _better(value, self.best, self.mode, self.threshold, self.threshold_mode):
            self.best, self.bad, self.good = value, 0, self.good + 1
        else:
            self.bad, self.good = self.bad + 1, 0
        if self.good > self.patience:
            new = min(self.lr / self.factor, self.max_lr)
            if new - self.lr > self.eps:
                self.lr = new
            self.left = self.reset_start
            self.warming, self.good = self.warmup, 0
        elif self.bad > self.patience:
            self._cut()
            self.waiting, self.bad = self.cooldown, 0

    def _cut(self) -> None:
        new = max(self.lr * self.factor, self.min_lr)
        if self.lr - new > self.eps:
            self.lr = new
        if self.lr <= self.min_lr:
            self.left -= 1
            if self.left <= 0:
                self.lr = self.first
                self._fresh()

    def _fresh(self) -> None:
        self.best = math.inf if self.mode == "min" else -math.inf
        self.bad = self.good = self.waiting = self.warming = 0
        self.recent = []
        self.left = self.reset_start


@dataclass
class DlibPlateau:
    """dlib's rule: cut when the latest `patience` values, or more, show no sure descent.

    Looking back from the newest value, for each length j > 2 the least-squares slope and its error, with
    independent normal noise (variance ``12 s^2 / (n^3 - n)``), give the probability that the series falls;
    the largest j with that below 0.51 is the count of steps without progress. Above `patience`, the rate is
    cut and the history forgotten. dlib's own patience is 2000 mini-batches.
    """

    lr: float = 1.0
    mode: Goal = "min"
    factor: float = 0.1
    patience: int = 2000
    probability: float = 0.51
    min_lr: float = 1e-5
    look_every: int = 1
    history: list[float] = field(default_factory=list)
    seen: int = 0

    def step(self, value: float) -> None:
        self.seen += 1
        if not math.isfinite(value):
            return
        self.history.append(value if self.mode == "min" else -value)
        if len(self.history) <= self.patience or self.seen % self.look_every:
            return
        if self.steps_without_progress() > self.patience:
            self.lr = max(self.lr * self.factor, min(self.min_lr, self.lr))
            self.history.clear()

    def steps_without_progress(self) -> int:
        """The longest stretch up to now in which a descent is no likelier than `probability`."""
        y = np.asarray(self.history[::-1], dtype=np.float64)
        y = y - y[0]
        n = np.arange(1, y.size + 1, dtype=np.float64)
        x = n - 1
        sx, sxx = np.cumsum(x), np.cumsum(x * x)
        sy, syy, sxy = np.cumsum(y), np.cumsum(y * y), np.cumsum(x * y)
        with np.errstate(all="ignore"):
            xx, xy, yy = sxx - sx * sx / n, sxy - sx * sy / n, syy - sy * sy / n
            slope = xy / xx  # looking back, a falling series rises
            variance = np.maximum(yy - slope * xy, 0) / (n - 2) / xx
            z = np.where(
                variance > 0, slope / np.sqrt(variance), np.where(slope == 0, 0.0, np.sign(slope) * np.inf)
            )
        limit = normal_quantile(self.probability)
        without = np.flatnonzero((n > 2) & (z < limit))
        return int(without[-1]) + 1 if without.size else 0


@dataclass
class OurPlateau:
    """Our own rule, `lrscope.control.Plateau`, as it is shipped. On a logged curve no drop can show what it
    bought, so none is taken back here; the next one waits twice as long.
    """

    lr: float = 1.0
    mode: Goal = "min"
    factor: float = 0.3
    rho: float = 0.06
    points_per_epoch: float = 1.0
    min_lr: float = 0.0

    def __post_init__(self) -> None:
        least = max(8, math.ceil(8 * self.points_per_epoch))
        self._rule = Plateau(self.factor, self.rho, 1, least, self.min_lr, take_back=False)
        self._state = self._rule.init(self.lr)
        self._seen = 0

    def step(self, value: float) -> None:
        self._seen += 1
        self._state, decision = self._rule.update(
            self._state, self._seen, value if self.mode == "min" else -value
        )
        if decision is not None:
            self.lr = decision.lr


def _better(value: float, best: float, mode: Goal, threshold: float, kind: Literal["rel", "abs"]) -> bool:
    if mode == "min":
        return value < (best * (1 - threshold) if kind == "rel" else best - threshold)
    return value > (best * (threshold + 1) if kind == "rel" else best + threshold)
