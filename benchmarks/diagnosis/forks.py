"""Does the advice help? Real trainings are forked, and each fork goes on at another rate.

    python benchmarks/diagnosis/forks.py [--steps 200]

Digits (scikit-learn, 10 % of the labels wrong) by logistic regression and by a small network, with SGD,
momentum 0.9 and Adam, at 0.1, 0.3, 1, 3 and 10 times the best constant rate. At steps 150, 300, 600 and 1200
training goes on at 0.1, 0.3, 1 and 3 times the rate on the same batches; the truth is which has the lowest
full training loss. Printed: the area under the curve with which the gap and the cosine tell that lowering, or
raising, helps (by more than 1 %), and what the advice of `diagnose_curves` did: lowering multiplies by 0.3,
raising by 3; harmful is more than 1 % worse than keeping the rate.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from lrscope.curves.curve import LossCurve
from lrscope.diagnosis.base import Advice
from lrscope.diagnosis.diagnose import diagnose_curves

Array = NDArray[np.float64]
LOOK_BACK = 120
FACTORS = (0.1, 0.3, 1.0, 3.0)


@dataclass
class Task:
    """Softmax regression (`hidden` = 0) or a network with one tanh layer, all weights in one vector."""

    x: Array
    y: NDArray[np.int64]
    hidden: int

    def start(self, rng: np.random.Generator) -> Array:
        d, h = self.x.shape[1], self.hidden
        if not h:
            return np.zeros(d * 10 + 10)
        return np.concatenate(
            [
                rng.normal(size=d * h) / np.sqrt(d),
                np.zeros(h),
                rng.normal(size=h * 10) / np.sqrt(h),
                np.zeros(10),
            ]
        )

    def loss(self, w: Array, rows: NDArray[np.int64] | slice, gradient: bool = True) -> tuple[float, Array]:
        x, y = self.x[rows], self.y[rows]
        d, h, n = x.shape[1], self.hidden, len(y)
        k = d * h + h if h else 0
        inner = np.tanh(x @ w[: d * h].reshape(d, h) + w[d * h : k]) if h else x
        m = inner.shape[1]
        top = w[k : k + m * 10].reshape(m, 10)
        logits = inner @ top + w[k + m * 10 :]
        logits -= logits.max(axis=1, keepdims=True)
        logp = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        loss = -float(logp[np.arange(n), y].mean())
        if not gradient:
            return loss, w
        delta = np.exp(logp)
        delta[np.arange(n), y] -= 1
        delta /= n
        parts = [(inner.T @ delta).ravel(), delta.sum(axis=0)]
        if h:
            back = delta @ top.T * (1 - inner**2)
            parts = [(x.T @ back).ravel(), back.sum(axis=0), *parts]
        return loss, np.concatenate(parts)


@dataclass
class State:
    """Weights, momentum buffers and the step."""

    w: Array
    m: Array
    v: Array
    t: int = 0

    def copy(self) -> State:
        return State(self.w.copy(), self.m.copy(), self.v.copy(), self.t)


def update(kind: str, s: State, g: Array, lr: float) -> Array:
    """What the step takes away from the weights."""
    s.t += 1
    if kind == "sgd":
        return lr * g
    if kind == "momentum":
        s.m = 0.9 * s.m + g
        return lr * s.m
    s.m, s.v = 0.9 * s.m + 0.1 * g, 0.999 * s.v + 0.001 * g * g
    return lr * (s.m / (1 - 0.9**s.t)) / (np.sqrt(s.v / (1 - 0.999**s.t)) + 1e-8)


def batches(seed: int, n: int, count: int) -> NDArray[np.int64]:
    """Rows of each mini-batch of 32."""
    return np.random.default_rng(seed).integers(0, n, size=(count, 32))


def go_on(task: Task, kind: str, s: State, lr: float, order: NDArray[np.int64]) -> float:
    """Train on through `order`; the full training loss at the end."""
    with np.errstate(all="ignore"):
        for rows in order:
            s.w -= update(kind, s, task.loss(s.w, rows)[1], lr)
        end = task.loss(s.w, slice(None), gradient=False)[0]
    return end if np.isfinite(end) else 1e3


def best_rate(task: Task, kind: str, seed: int) -> float:
    """Best of a grid of constant rates after 600 steps, on a seed of its own."""
    rng = np.random.default_rng(seed)
    start = task.start(rng)
    order = batches(seed, len(task.y), 600)
    grid = 10.0 ** np.arange(-3.5 if kind == "adam" else -2.5, 0.6, 0.5)
    ends = [go_on(task, kind, State(start.copy(), 0 * start, 0 * start), lr, order) for lr in grid]
    return float(grid[int(np.argmin(ends))])


def trunk(
    task: Task, kind: str, lr: float, seed: int, horizon: int, at: tuple[int, ...]
) -> list[tuple[dict[str, LossCurve], list[float]]]:
    """One training with its record, and at each checkpoint the ends of its four forks."""
    rng = np.random.default_rng(seed)
    w = task.start(rng)
    s = State(w, 0 * w, 0 * w)
    mean, before, norm = w.copy(), np.zeros_like(w), 0.0
    order = batches(seed + 1, len(task.y), max(at) + horizon)
    log: list[tuple[float, float, float]] = []
    found = []
    with np.errstate(all="ignore"):
        for t in range(1, max(at) + 1):
            rows = order[t - 1]
            loss, g = task.loss(s.w, rows)
            gap = loss - task.loss(mean, rows, gradient=False)[0] if t % 4 == 0 else np.nan
            size = float(np.linalg.norm(g))
            log.append((loss, float(g @ before) / (size * norm) if norm * size > 0 else np.nan, gap))
            before = update(kind, s, g, lr)
            norm = float(np.linalg.norm(before))
            s.w = s.w - before
            mean += (1 - (1 - 1 / t) ** 8) * (s.w - mean)  # mean age t / 9
            if t in at:
                array = np.array(log)
                step = np.arange(1, t + 1)
                record = {
                    n: LossCurve(step, array[:, i], name=n) for i, n in enumerate(("loss", "cos", "gap"))
                }
                ends = [go_on(task, kind, s.copy(), f * lr, order[t : t + horizon]) for f in FACTORS]
                found.append((record, ends))
    return found


def auc(score: Array, truth: NDArray[np.bool_]) -> float:
    """Probability that a case where it is true scores above one where it is not."""
    good = np.isfinite(score)
    a, b = score[good & truth], score[good & ~truth]
    return float(np.mean((a[:, None] > b) + 0.5 * (a[:, None] == b))) if a.size and b.size else float("nan")


def t_value(values: Array) -> float:
    """Mean over its plain standard error, of the finite values."""
    values = values[np.isfinite(values)]
    return (
        float(values.mean() / (values.std(ddof=1) / np.sqrt(values.size) + 1e-300))
        if values.size > 2
        else np.nan
    )


def turns(losses: Array) -> float:
    """Share of points at which the loss turns from up to down or back: how much it zig-zags."""
    moves = np.diff(losses[np.isfinite(losses)])
    return float(np.mean(moves[1:] * moves[:-1] < 0)) if moves.size > 1 else np.nan


def main() -> None:
    """Run the forks and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    x, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    y = np.where(rng.random(len(y)) < 0.1, rng.integers(0, 10, len(y)), y)
    rows: list[tuple[float, float, list[float], dict[str, Advice], float]] = []
    for hidden in (0, 32):
        task = Task(x / 16 - 0.3, y, hidden)
        for kind in ("sgd", "momentum", "adam"):
            best = best_rate(task, kind, 100)
            for multiple in (0.1, 0.3, 1.0, 3.0, 10.0):
                for seed in range(options.seeds):
                    for record, ends in trunk(
                        task, kind, multiple * best, 7 + seed, options.steps, (150, 300, 600, 1200)
                    ):
                        views = {
                            "loss": {"loss": record["loss"]},
                            "updates": {k: record[k] for k in ("loss", "cos")},
                            "gap": record,
                        }
                        advice = {
                            k: diagnose_curves(v, plain_sgd=kind == "sgd").advice for k, v in views.items()
                        }
                        rows.append(
                            (
                                t_value(record["gap"].loss[-LOOK_BACK:]),
                                t_value(record["cos"].loss[-LOOK_BACK:]),
                                ends,
                                advice,
                                turns(record["loss"].loss[-LOOK_BACK:]),
                            )
                        )
    ends = np.array([r[2] for r in rows])
    keep = ends[:, 2]
    lower = ends[:, :2].min(axis=1) < 0.99 * keep
    higher = ends[:, 3] < 0.99 * keep
    gap, cos, jumps = (np.array([r[i] for r in rows], dtype=float) for i in (0, 1, 4))
    result: dict[str, object] = {
        "checkpoints": len(rows),
        "lower_helps": int(lower.sum()),
        "raise_helps": int(higher.sum()),
        "auc": {
            "gap_lower": auc(gap, lower), "gap_raise": auc(-gap, higher),
            "cos_lower": auc(-cos, lower), "cos_raise": auc(cos, higher),
            "turns_of_the_loss_lower": auc(jumps, lower), "turns_of_the_loss_raise": auc(-jumps, higher),
        },
    }  # fmt: skip
    floor = ends.min(axis=1)
    for view in ("loss", "updates", "gap"):
        column = [{Advice.LOWER: 1, Advice.RAISE: 3}.get(r[3][view], 2) for r in rows]
        got = ends[np.arange(len(rows)), column]
        result[view] = {
            "acted_%": 100 * float(np.mean(np.array(column) != 2)),
            "harmful_%": 100 * float(np.mean(got > 1.01 * keep)),
            "median_excess_%": 100 * float(np.median(got / floor - 1)),
            "median_excess_if_kept_%": 100 * float(np.median(keep / floor - 1)),
        }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
