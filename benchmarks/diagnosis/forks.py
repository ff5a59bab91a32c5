"""Does the advice help? Real trainings are forked, and each fork goes on at another rate.

    python benchmarks/diagnosis/forks.py [--steps 200] [--seeds 2] [--first-seed 7] [--tasks digits]

The five tasks of `tasks.py` with SGD, momentum 0.9 and Adam, at 0.1, 0.3, 1, 3 and 10 times the best constant
rate. At steps 150, 300, 600 and 1200 training goes on at 0.1, 0.3, 1 and 3 times the rate on the same batches;
the truth is which has the lowest full training loss after `--steps` more. Recorded is what the recorder writes
at its defaults: the loss at each step, the cosine at each 4th, the gap to the average of mean age t / 3 at each
4th step up to 64 and each 16th later.

Printed, with standard errors over trainings (the four checkpoints of one are not independent): the area under
the curve with which gap and cosine tell that lowering, or raising, helps (by more than 1 %), and what the
advice of `diagnose_curves` did. Lowering multiplies by 0.3, raising by 3; harmful is a loss more than 1 % above
that of keeping the rate. All shares are of all checkpoints, those at which nothing is advised included.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from tasks import TASKS, Array, Task

from lrscope.curves.curve import LossCurve
from lrscope.diagnosis.base import Advice
from lrscope.diagnosis.diagnose import diagnose_curves

FACTORS = (0.1, 0.3, 1.0, 3.0)
MULTIPLES = (0.1, 0.3, 1.0, 3.0, 10.0)
CHECKPOINTS = (150, 300, 600, 1200)
SHARE = 0.3  # of the run so far, by which the bare t values are judged
VIEWS = {"loss": ("loss",), "updates": ("loss", "cos"), "gap": ("loss", "cos", "gap")}


@dataclass
class State:
    """Weights, momentum buffers and the step."""

    w: Array
    m: Array
    v: Array
    t: int = 0

    @classmethod
    def begin(cls, w: Array) -> State:
        return cls(w.copy(), 0 * w, 0 * w)

    def copy(self) -> State:
        return State(self.w.copy(), self.m.copy(), self.v.copy(), self.t)


@dataclass
class Checkpoint:
    """What was on record at a step, and where its forks ended."""

    task: str
    optimiser: str
    multiple: float
    seed: int
    step: int
    record: dict[str, LossCurve]
    ends: list[float] = field(default_factory=list)

    @property
    def training(self) -> tuple[str, str, float, int]:
        return self.task, self.optimiser, self.multiple, self.seed


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


def batches(seed: int, task: Task, count: int) -> NDArray[np.int64]:
    """Rows of each mini-batch."""
    return np.random.default_rng(seed).integers(0, task.size, size=(count, task.batch))


def go_on(task: Task, kind: str, s: State, lr: float, order: NDArray[np.int64]) -> float:
    """Train on through `order`; the full training loss at the end."""
    with np.errstate(all="ignore"):
        for rows in order:
            s.w -= update(kind, s, task.loss(s.w, rows)[1], lr)
        end = task.loss(s.w, slice(None), gradient=False)[0]
    return end if np.isfinite(end) else 1e3


def best_rate(task: Task, kind: str, seed: int = 100) -> float:
    """Best of a grid of constant rates after 600 steps, on a seed of its own."""
    order = batches(seed, task, 600)
    grid = 10.0 ** np.arange(-3.5 if kind == "adam" else -2.5, 0.6, 0.5)
    ends = [go_on(task, kind, State.begin(task.start(seed)), lr, order) for lr in grid]
    return float(grid[int(np.argmin(ends))])


def trunk(
    task: Task, kind: str, lr: float, seed: int, horizon: int
) -> Iterator[tuple[int, Array, list[float]]]:
    """One training; at each checkpoint its loss, cosine and gap at each step, and the ends of its forks."""
    s = State.begin(task.start(seed))
    mean, before, norm = s.w.copy(), 0 * s.w, 0.0
    order = batches(seed + 1, task, max(CHECKPOINTS) + horizon)
    log: list[tuple[float, float, float]] = []
    with np.errstate(all="ignore"):
        for t in range(1, max(CHECKPOINTS) + 1):
            rows = order[t - 1]
            loss, g = task.loss(s.w, rows)
            due = t >= 16 and t % (4 if t <= 64 else 16) == 0
            gap = loss - task.loss(mean, rows, gradient=False)[0] if due else np.nan
            size = float(np.linalg.norm(g))
            known = t % 4 == 1 and norm * size > 0  # the recorder keeps each 4th update
            log.append((loss, float(g @ before) / (size * norm) if known else np.nan, gap))
            before = update(kind, s, g, lr)
            norm = float(np.linalg.norm(before))
            s.w = s.w - before
            if np.isfinite(norm):
                mean += (1 - (1 - 1 / t) ** 2) * (s.w - mean)
            if t in CHECKPOINTS:
                ends = [go_on(task, kind, s.copy(), f * lr, order[t : t + horizon]) for f in FACTORS]
                yield t, np.array(log), ends


def checkpoints(names: list[str], seeds: range, horizon: int) -> list[Checkpoint]:
    """All trainings of these tasks and seeds."""
    found = []
    for name in names:
        task = TASKS[name]()
        for kind in ("sgd", "momentum", "adam"):
            best = best_rate(task, kind)
            for multiple in MULTIPLES:
                for seed in seeds:
                    for step, log, ends in trunk(task, kind, multiple * best, seed, horizon):
                        at = np.arange(1, step + 1)
                        record = {}
                        for i, column in enumerate(VIEWS["gap"]):
                            kept = ~np.isnan(log[:, i]) if column != "loss" else np.ones(step, bool)
                            record[column] = LossCurve(at[kept], log[kept, i], name=column)
                        found.append(Checkpoint(name, kind, multiple, seed, step, record, ends))
    return found


def auc(score: Array, truth: NDArray[np.bool_]) -> float:
    """Probability that a case where it is true scores above one where it is not."""
    good = np.isfinite(score)
    a, b = score[good & truth], score[good & ~truth]
    return float(np.mean((a[:, None] > b) + 0.5 * (a[:, None] == b))) if a.size and b.size else float("nan")


def t_value(curve: LossCurve) -> float:
    """Mean over its plain standard error, of the finite values in the latest share of the run."""
    if not len(curve):
        return float("nan")  # a run that broke off before anything was measured
    values = curve.loss[curve.step > (1 - SHARE) * curve.step[-1]]
    values = values[np.isfinite(values)]
    if values.size < 3:
        return float("nan")
    return float(values.mean() / (values.std(ddof=1) / np.sqrt(values.size) + 1e-300))


def turns(curve: LossCurve) -> float:
    """How much the loss zig-zags: the share of points, in the latest share of the run, at which it turns."""
    moves = np.diff(curve.loss[curve.step > (1 - SHARE) * curve.step[-1]])
    moves = moves[np.isfinite(moves)]
    return float(np.mean(moves[1:] * moves[:-1] < 0)) if moves.size > 1 else float("nan")


def error(values: NDArray[np.bool_], cases: list[Checkpoint]) -> float:
    """Standard error of a mean over checkpoints, by leaving out one training at a time."""
    owners = [c.training for c in cases]
    groups = [np.array([o != owner for o in owners]) for owner in dict.fromkeys(owners)]
    means = np.array([values[kept].mean() for kept in groups])
    n = len(groups)
    return float(np.sqrt((n - 1) / n * ((means - means.mean()) ** 2).sum())) if n > 1 else float("nan")


def summary(cases: list[Checkpoint], advice: dict[str, list[Advice]]) -> dict[str, object]:
    """The figures of some checkpoints."""
    ends = np.array([c.ends for c in cases])
    keep, floor = ends[:, 2], ends.min(axis=1)
    lower, higher = ends[:, :2].min(axis=1) < 0.99 * keep, ends[:, 3] < 0.99 * keep
    gap, cos = (np.array([t_value(c.record[name]) for c in cases]) for name in ("gap", "cos"))
    jumps = np.array([turns(c.record["loss"]) for c in cases])
    result: dict[str, object] = {
        "checkpoints": len(cases),
        "trainings": len({c.training for c in cases}),
        "lower_helps": int(lower.sum()),
        "raise_helps": int(higher.sum()),
        "auc": {
            "gap_lower": auc(gap, lower), "gap_raise": auc(-gap, higher),
            "cos_lower": auc(-cos, lower), "cos_raise": auc(cos, higher),
            "turns_of_the_loss_lower": auc(jumps, lower), "turns_of_the_loss_raise": auc(-jumps, higher),
        },
    }  # fmt: skip
    for view in VIEWS:
        column = np.array([{Advice.LOWER: 1, Advice.RAISE: 3}.get(a, 2) for a in advice[view]])
        got = ends[np.arange(len(cases)), column]
        harm = got > 1.01 * keep
        result[view] = {
            "lowered_%": 100 * float(np.mean(column == 1)),
            "raised_%": 100 * float(np.mean(column == 3)),
            "harmful_%": 100 * float(harm.mean()),
            "harmful_error_%": 100 * error(harm, cases),
            "harmful_lowering": int((harm & (column == 1)).sum()),
            "harmful_raising": int((harm & (column == 3)).sum()),
            "median_excess_%": 100 * float(np.median(got / floor - 1)),
            "median_excess_if_kept_%": 100 * float(np.median(keep / floor - 1)),
            "mean_excess_%": 100 * float(np.mean(np.minimum(got / floor - 1, 1))),
            "mean_excess_if_kept_%": 100 * float(np.mean(np.minimum(keep / floor - 1, 1))),
        }
    return result


def advise(cases: list[Checkpoint]) -> dict[str, list[Advice]]:
    """What the judges say at each checkpoint, from the loss alone, with updates, and with the gap too."""
    return {
        view: [
            diagnose_curves(
                {k: c.record[k] for k in columns if len(c.record[k])}, plain_sgd=c.optimiser == "sgd"
            ).advice
            for c in cases
        ]
        for view, columns in VIEWS.items()
    }


def main() -> None:
    """Run the forks and print the figures as JSON, of all tasks together and of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--first-seed", type=int, default=7)
    parser.add_argument("--tasks", default="", help="only tasks whose name holds this")
    options = parser.parse_args()
    torch.set_num_threads(1)
    names = [name for name in TASKS if options.tasks in name]
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    begun = time.process_time()
    cases = checkpoints(names, seeds, options.steps)
    advice = advise(cases)
    result: dict[str, object] = {"all": summary(cases, advice)}
    for key in [*names, "sgd", "momentum", "adam"]:
        chosen = [i for i, c in enumerate(cases) if key in (c.task, c.optimiser)]
        part = {view: [advice[view][i] for i in chosen] for view in VIEWS}
        result[key] = summary([cases[i] for i in chosen], part)
    result["seconds"] = time.process_time() - begun
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
