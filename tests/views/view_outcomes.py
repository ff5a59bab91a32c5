"""Outcomes to look at and to test with: small problems that are really trained, over a grid, with halving.

The planner and the session belong to other rooms, so the loop here is a plain twin of theirs: it is short
enough to be read, and needs nothing but the dataclasses that views take.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from lrscope.config import Config, RunKey, at_rate
from lrscope.curves import Plan, Run, RunState, Scan
from lrscope.curves.curve import curves_from_points
from lrscope.search.outcome import Cost, Outcome
from lrscope.search.rate.recommendation import Band, Recommendation
from lrscope.search.space import log_grid
from lrscope.statistics.estimate import Estimate
from lrscope.training.store.base import Decision

Trainer = Callable[[float, int], Iterator[dict[str, float]]]


def network(lr: float, seed: int) -> Iterator[dict[str, float]]:
    """A network of 20-32-5 units on noisy clusters: minibatch loss each step, val_loss and val_acc each
    tenth."""
    data = np.random.default_rng(7)
    centre = data.normal(size=(5, 20)) * 0.9
    label = data.integers(5, size=900)
    x = centre[label] + data.normal(size=(900, 20)) * 1.3
    rng = np.random.default_rng(seed)
    w, v = rng.normal(size=(20, 32)) / math.sqrt(20), rng.normal(size=(32, 5)) / math.sqrt(32)
    step = 0
    while True:
        step += 1
        pick = rng.integers(600, size=32)
        with np.errstate(all="ignore"):
            h = np.maximum(x[pick] @ w, 0)
            p, loss, _ = _softmax(h @ v, label[pick])
            p[np.arange(32), label[pick]] -= 1
            back = (p @ v.T) * (h > 0)
            v = v - lr * h.T @ p / 32
            w = w - lr * x[pick].T @ back / 32
            point = {"loss": loss}
            if step % 10 == 0:
                _, held_out, accuracy = _softmax(np.maximum(x[600:] @ w, 0) @ v, label[600:])
                point |= {"val_loss": held_out, "val_acc": accuracy}
        yield point


def _softmax(logits: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, float, float]:
    shifted = logits - logits.max(axis=1, keepdims=True)
    p = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    rows = np.arange(len(label))
    return p, float(-np.log(p[rows, label]).mean()), float((p.argmax(axis=1) == label).mean())


def quadratic(lr: float, seed: int) -> Iterator[dict[str, float]]:
    """Ten curvatures over two decades, no noise: losses run over many decades, and diverge to inf beyond
    2."""
    curvature = np.logspace(-2, 0, 10)
    w = np.random.default_rng(seed).normal(size=10) * 3
    while True:
        with np.errstate(all="ignore"):
            yield {"loss": float((curvature * w**2).sum() / 2)}
            w = w - lr * curvature * w


def likelihood(lr: float, seed: int) -> Iterator[dict[str, float]]:
    """Negative log likelihood of a Gaussian's scale: falls below zero."""
    rng = np.random.default_rng(seed)
    log_scale = 1.0
    while True:
        z = rng.normal(size=16) * 0.05
        with np.errstate(all="ignore"):
            squared = float(np.mean((z * np.exp(-log_scale)) ** 2))
        yield {"nll": log_scale + squared / 2}
        log_scale -= lr * (1 - squared)


def scan(
    train: Trainer,
    *,
    name: str = "digits",
    metric: str = "loss",
    goal: str = "min",
    horizon: int = 320,
    rates: tuple[float, ...] = log_grid(),
    seeds: tuple[int, ...] = (0,),
    levels: int = 5,
    finished: bool = True,
    warnings: tuple[str, ...] = (
        "Only one seed was run, so luck cannot be told from the rate: --seeds 2 costs 1.0 runs more.",
    ),
) -> Outcome:
    """Successive halving with resume over `rates`, then a conclusion by the plainest rules there are."""
    sign = 1.0 if goal == "min" else -1.0
    live = {at_rate(r, s): train(r, s) for r in rates for s in seeds}
    points: dict[RunKey, list[tuple[int, str, float]]] = {k: [] for k in live}
    runs = {k: Run(k.config, k.seed, id=n) for n, k in enumerate(live, 1)}
    decisions: list[Decision] = [
        Decision("note", f"Read `{metric}` from what the function yields.", None, {}, 1.79e9)
    ]
    worst: dict[RunKey, float] = {}
    alive = list(live)
    for k in range(levels + 1):
        target = horizon >> (levels - k)
        scores = {}
        for key in alive:
            run = _advance(runs[key], live[key], points[key], target, metric, sign, horizon)
            runs[key] = run
            decisions.append(
                Decision(
                    "advance",
                    f"To step {target}, with the best of its level.",
                    key,
                    {"to_step": target},
                    1.79e9 + k,
                )
            )
            if run.state is RunState.DIVERGED:
                decisions.append(Decision("stop", run.reason or "", key, {}, 1.79e9 + k))
                worst[key] = run.step
                continue
            tail = run.metric(metric).loss[-max(1, target // 20) :]
            scores[key] = sign * float(np.mean(tail)) if len(tail) else math.inf
        ranked = sorted(scores, key=lambda q: (scores[q], q))
        keep = ranked if k == levels else ranked[: max(2, math.ceil(len(ranked) / 2))]
        for key in set(ranked) - set(keep):
            reason = f"Not among the better half of {len(ranked)} runs at step {target}."
            runs[key] = replace(runs[key], state=RunState.STOPPED, reason=reason)
            decisions.append(Decision("stop", reason, key, {"score": scores[key]}, 1.79e9 + k))
        alive = sorted(keep)
        if not finished and k == levels - 2:
            break
    else:
        for key in alive:
            runs[key] = replace(runs[key], state=RunState.COMPLETE, reason="Reached the horizon.")
    plan = Plan(rates=tuple(rates), seeds=seeds, horizon=horizon, metric=metric, goal=goal)  # type: ignore[arg-type]
    done = tuple(runs[k] for k in sorted(runs))
    steps = sum(r.step for r in done)
    full = len(done) - len(worst) + sum(worst.values()) / horizon
    cost = Cost(steps / horizon, steps, 0, steps * 0.004, len(done), full)
    decisions.append(Decision("name", "The lowest loss at the horizon.", None, {}, 1.79e9 + 99))
    answer = _conclude(done, metric, goal, scores, warnings, tuple(rates))
    return Outcome(name, Scan(plan, done), answer, cost, tuple(decisions), finished)


def _advance(
    run: Run,
    live: Iterator[dict[str, float]],
    points: list,
    target: int,
    metric: str,
    sign: float,
    horizon: int,
) -> Run:
    step, start = run.step, next((v for _, m, v in points if m == metric), None)
    while step < target:
        step += 1
        for m, v in next(live).items():
            points.append((step, m, v))
            if m == metric:
                start = v if start is None else start
                bad = not math.isfinite(v) or (sign > 0 and v > start + 30 * abs(start))
                if bad:
                    reason = (
                        f"Loss became {v:.3g} at step {step}."
                        if math.isfinite(v)
                        else f"Loss became {v} at step {step}."
                    )
                    return replace(
                        run,
                        curves=curves_from_points(points),
                        step=step,
                        state=RunState.DIVERGED,
                        reason=reason,
                        seconds=step * 0.004,
                    )
    return replace(
        run, curves=curves_from_points(points), step=step, state=RunState.PAUSED, seconds=step * 0.004
    )


def _conclude(
    runs: tuple[Run, ...],
    metric: str,
    goal: str,
    scores: dict,
    warnings: tuple[str, ...],
    rates: tuple[float, ...],
) -> Recommendation:
    diverged = sorted({r.lr for r in runs if r.state is RunState.DIVERGED})
    well = sorted({r.lr for r in runs} - set(diverged))
    cliff = None
    if diverged and well and well[-1] < diverged[0]:
        cliff = Estimate(
            math.sqrt(well[-1] * diverged[0]), well[-1], diverged[0], 0.9, "between neighbours on the grid"
        )
    if not scores:
        return Recommendation(
            None,
            None,
            cliff,
            "Every run diverged, so no rate can be recommended: lower --low.",
            "halving",
            metric,
            goal,
            warnings,
        )
    best = min(scores, key=lambda q: (scores[q], q)).lr
    i = rates.index(best)
    lr = Estimate(
        best,
        rates[max(0, i - 1)],
        rates[min(len(rates) - 1, i + 1)],
        0.9,
        "best at the horizon, to its neighbours",
    )
    first = next(r.metric(metric).loss[0] for r in runs if len(r.metric(metric)))
    gain = abs(first - min(scores.values()))
    inside = sorted({q.lr for q in scores if scores[q] - min(scores.values()) <= 0.05 * gain})
    band = Band(inside[0], inside[-1], 0.05, inside[0] == rates[0], inside[-1] == rates[-1])
    word = "lowest" if goal == "min" else "highest"
    reason = (
        f"It has the {word} {metric} at the horizon of all runs that got there; "
        "its neighbours on the grid are within 5 % of the improvement."
    )
    return Recommendation(lr, band, cliff, reason, "halving (eta 2), last value", metric, goal, warnings)


def one_point(value: float) -> Outcome:
    """One run with one value: the least that can be drawn."""
    run = Run(Config(lr=0.1), 0, curves_from_points([(1, "loss", value)]), RunState.COMPLETE, 1)
    plan = Plan((0.1,), horizon=1, metric="loss", goal="min")
    return Outcome(
        "one",
        Scan(plan, (run,)),
        Recommendation(None, None, None, "One run is too few.", "grid", "loss"),
        Cost(1, 1, 0, 0.0, 1, 1),
    )


def make(kind: str) -> Outcome:
    """The outcomes by name; see `KINDS`."""
    if kind == "network":
        return scan(network, name="examples/digits.py:train")
    if kind == "val":
        return scan(network, name="digits", metric="val_loss")
    if kind == "accuracy":
        return scan(
            network, name="digits", metric="val_acc", goal="max", rates=log_grid(1e-4, 10), seeds=(0, 1)
        )
    if kind == "quadratic":
        return scan(quadratic, name="quadratic", horizon=2048, rates=log_grid(1e-3, 100))
    if kind == "negative":
        return scan(likelihood, name="likelihood", metric="nll", rates=log_grid(1e-4, 10, 4))
    if kind == "three":
        return scan(network, name="three", rates=(0.01, 0.1, 1.0), levels=1)
    if kind == "interrupted":
        return scan(network, name="interrupted", finished=False)
    if kind == "hopeless":
        return scan(quadratic, name="hopeless", rates=log_grid(30.0, 3000.0))
    if kind == "empty":
        plan = Plan(log_grid(), metric=None)
        answer = Recommendation(
            None, None, None, "No losses were found in what the program printed.", "halving"
        )
        return Outcome("empty", Scan(plan, ()), answer, Cost(0, 0, 0, 0.0, 0, 0), (), False)
    raise ValueError(kind)


KINDS = ("network", "val", "accuracy", "quadratic", "negative", "three", "interrupted", "hopeless", "empty")
