"""What is compared with the finders at their cost and at a scan's: lrscope's planners, its range test, Optuna."""

from __future__ import annotations

import importlib.util
import math
import time
from collections.abc import Generator
from dataclasses import dataclass
from functools import partial
from typing import Any

from tasks import TASKS, train

import lrscope

LOW, HIGH, PER_DECADE = 1e-5, 10.0, 5


@dataclass(frozen=True)
class Named:
    """A named rate and its price: `full_runs` of training, seconds of wall and of processor time, and of these last the
    share that was not training."""

    lr: float | None
    full_runs: float
    wall: float
    cpu: float
    low: float | None = None
    high: float | None = None
    rules: dict[str, float] | None = None


def shifted(
    lr: float, seed: int, *, task: str, base: int, constant: bool = False
) -> Generator[dict, Any, None]:
    """A run of the task whose seeds are apart from those of other repeats."""
    yield from train(task, lr, 1000 * (base + 1) + seed, constant)


def scan(task: str, planner: str, budget: float, base: int) -> Named:
    """lrscope's scan by one of its planners, at the task's own length; it judges by `val_loss` once that is seen."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = lrscope.scan(
        partial(shifted, task=task, base=base), low=LOW, high=HIGH, per_decade=PER_DECADE,
        steps=TASKS[task].steps, budget=budget, planner=planner,
    )  # fmt: skip
    return Named(
        None if found.lr is None else found.lr.value,
        found.cost.full_runs,
        time.perf_counter() - wall,
        time.process_time() - cpu,
        None if found.lr is None else found.lr.low,
        None if found.lr is None else found.lr.high,
    )


def ramp(task: str, ramps: int, base: int) -> Named:
    """lrscope's range test: ramps of 100 steps over the finders' own range, without the schedule."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = lrscope.scan(
        partial(shifted, task=task, base=base, constant=True),
        low=1e-7,
        high=10.0,
        planner="ramp",
        budget=ramps,
    )
    return Named(
        None if found.lr is None else found.lr.value,
        found.cost.steps / TASKS[task].steps,
        time.perf_counter() - wall,
        time.process_time() - cpu,
        None if found.lr is None else found.lr.low,
        None if found.lr is None else found.lr.high,
        {one.rule: one.lr.value for one in found.recommendation.readings},
    )


def optuna_tpe(task: str, budget: float, base: int) -> Named:
    """Optuna's TPE over log rates, as many full trials as the budget holds; the best of them."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    wall, cpu = time.perf_counter(), time.process_time()
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=base))
    spent, steps = 0.0, TASKS[task].steps
    while spent < budget - 1e-9:
        trial = study.ask()
        lr = trial.suggest_float("lr", LOW, HIGH, log=True)
        value, done = math.inf, 0
        for done, told in enumerate(shifted(lr, 0, task=task, base=base), start=1):  # noqa: B007
            value = told.get("val_loss", value)
            if not math.isfinite(told["loss"]):
                value = math.inf
                break
        spent += done / steps
        study.tell(trial, value if math.isfinite(value) else 1e6)
    return Named(study.best_params["lr"], spent, time.perf_counter() - wall, time.process_time() - cpu)


def planners() -> list[str]:
    """lrscope's planners that this version has."""
    have = ["halving", "grid"]
    return ["flow", *have] if importlib.util.find_spec("lrscope.search.planners.flow") else have
