"""Makes the files of this folder, with lrscope as it was at commit fab5c37: `python make.py`."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

from lrscope.scanning.planner.base import Advance, Planner  # its names at that commit
from lrscope.scanning.recommendation import Recommendation

import lrscope
from lrscope.statistics.estimate import Estimate

RANGE = {"low": 1e-3, "high": 1, "per_decade": 3}


def noisy(lr, seed):
    """A noisy parabola in two metrics."""
    numbers, w = random.Random(seed), 1.0
    for _ in range(60):
        w -= lr * (2 * w + 0.3 * numbers.gauss(0, 1))
        yield {"loss": w * w, "acc": max(0.0, 1 - abs(w))}


def seldom(lr, seed):
    """A parabola with a validation loss every ten steps."""
    w = 1.0
    for step in range(1, 41):
        w -= lr * 2 * w
        yield {"loss": w * w, **({"val_loss": w * w + 0.1} if step % 10 == 0 else {})}


def failing(lr, seed):
    """Fails above 0.05."""
    if lr > 0.05:
        raise ValueError("too large")
    w = 1.0
    for _ in range(40):
        w -= lr * 2 * w
        yield w * w


def following(lr, seed):
    """Takes a new rate at each step."""
    w = 1.0
    for _ in range(100):
        w -= lr * 2 * w
        lr = (yield w * w) or lr


class Three(Planner):
    """The three lowest rates, and names the middle one."""

    def ask(self, scan):
        have = {run.lr for run in scan.runs if run.step}
        return [Advance((lr, 0), 40, "three") for lr in scan.plan.rates[:3] if lr not in have]

    def name(self, scan):
        low, middle, high = scan.plan.rates[:3]
        found = Estimate(middle, low, high, 0.9, "by hand")
        return Recommendation(found, None, None, "the middle one", "three", "loss")


MADE = {
    "flow": (noisy, {"steps": 60}),
    "seeds": (noisy, {"seeds": 2, "budget": 8}),
    "learned": (seldom, {}),
    "failing": (failing, {"planner": "halving"}),
    "grid": (noisy, {"planner": "grid", "budget": 20}),
    "race": (noisy, {"planner": "race", "budget": 6, "steps": 60}),
    "ramp": (following, {"planner": "ramp"}),
    "own": (seldom, {"planner": Three(), "steps": 40}),
    "plain": (lambda lr: (lr - 0.1) ** 2, {}),
}

for name, (function, options) in MADE.items():
    result = lrscope.scan(function, **{**RANGE, **options}, out=name)
    shutil.move(f"{name}/scan.sqlite", f"{name}.sqlite")
    Path(f"{name}.json").write_text(json.dumps(result.to_dict()))
