"""Make whole scans of small trainings, in the form in which the published ones are kept.

    python benchmarks/scan_corpus/make.py FOLDER [--falling] [--only NAME…] [--seeds 10]

Each problem is trained with Adam, SGD and momentum at 36 rates from 1e-5 to 1e2 (five a decade), and with
`--seeds` seeds at the rate that ended lowest. One `.npz` a problem goes into FOLDER, with the loss of every batch
and the losses after each epoch; problems that are there already are left as they are. `scan_replay` reads the folder.

All rates of a problem are trained at once, one copy of the weights each (`torch.func.vmap`), on the same batches in
the same order from the same start. The optimisers are PyTorch's own: they step a point at zero with a rate of 1, and
what they would add to it is multiplied with each copy's rate, which is what they do themselves.

With `--falling` the trainings are a third as long, and the rate falls on the way: after a warm-up along a cosine, in
two steps down, or linearly, by problem and optimiser in turn. The share of the full rate at each step is kept too.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch
from problems import PROBLEMS, Problem
from schedules import FALLING, Schedule, constant
from torch import Tensor
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

RATES = np.logspace(-5, 2, 36)


def optimiser(name: str, points: list[Tensor], beta: float) -> torch.optim.Optimizer:
    if name == "adam":
        return torch.optim.Adam(points, lr=1.0, foreach=True)
    return torch.optim.SGD(points, lr=1.0, momentum=beta if name == "momentum" else 0.0, foreach=True)


def train(
    problem: Problem, name: str, rates: np.ndarray, seeds: list[int], schedule: Schedule = constant
) -> dict[str, np.ndarray]:
    """One copy for each rate and its seed. Copies of one seed start alike and see the same batches.

    Returns "train" and "test", shape (copies, epochs + 1), and "batch", shape (copies, steps).
    """
    x, y, test_x, test_y = problem.data()
    models = []
    for seed in seeds:
        torch.manual_seed(seed)
        models.append(problem.model())
    weights, buffers = stack_module_state(models)
    weights = {key: value.detach().clone() for key, value in weights.items()}
    base = models[0]
    rate = torch.tensor(rates, dtype=torch.float32)
    points = [torch.zeros_like(p) for p in weights.values()]
    stepper = optimiser(name, points, problem.beta)
    alike = len(set(seeds)) == 1

    def loss(p: dict[str, Tensor], b: dict[str, Tensor], inputs: Tensor, targets: Tensor) -> Tensor:
        return problem.loss(functional_call(base, (p, b), (inputs,)), targets)

    where = None if alike else 0
    steps = vmap(grad_and_value(loss), in_dims=(0, 0, where, where), randomness="same")
    looks = vmap(loss, in_dims=(0, 0, None, None), randomness="same")
    order = [np.random.default_rng(seed) for seed in (seeds[:1] if alike else seeds)]
    an_epoch = len(x) // problem.batch
    look_x, look_y = x[:800], y[:800]
    batch, told = [], {"train": [], "test": []}

    def look() -> None:
        base.eval()
        with torch.no_grad():
            torch.manual_seed(12345)
            told["train"].append(looks(weights, buffers, look_x, look_y).numpy().copy())
            torch.manual_seed(12345)
            told["test"].append(looks(weights, buffers, test_x, test_y).numpy().copy())
        base.train()

    torch.manual_seed(seeds[0])
    look()
    torch.manual_seed(seeds[0])
    for epoch in range(problem.epochs):
        rows = torch.from_numpy(np.stack([rng.permutation(len(x)) for rng in order]))
        for k in range(an_epoch):
            here = rows[:, k * problem.batch : (k + 1) * problem.batch]
            here = here[0] if alike else here
            grads, value = steps(weights, buffers, x[here], y[here])
            batch.append(value.numpy().copy())
            for point, key in zip(points, weights, strict=True):
                point.zero_()
                point.grad = grads[key]
            stepper.step()
            now = rate * schedule((epoch * an_epoch + k) / (problem.epochs * an_epoch))
            for point, p in zip(points, weights.values(), strict=True):
                p.add_(point * now.view(-1, *[1] * (p.dim() - 1)))
        state = torch.get_rng_state()
        look()
        torch.set_rng_state(state)
    return {"batch": np.stack(batch, 1), **{key: np.stack(rows, 1) for key, rows in told.items()}}


def scan(problem: Problem, name: str, seeds: int, schedule: Schedule) -> dict[str, np.ndarray]:
    """All rates with seed 0, then the best of them with the other seeds."""
    whole = train(problem, name, RATES, [0] * RATES.size, schedule)
    ends = np.where(np.isfinite(whole["test"][:, -1]), whole["test"][:, -1], math.inf)
    best = float(RATES[int(ends.argmin())])
    again = train(problem, name, np.full(seeds - 1, best), list(range(1, seeds)), schedule)
    joined = {key: np.concatenate([whole[key], again[key]]) for key in whole}
    kept = joined["batch"][:, :20_000].astype(np.float32)
    hyper = {"batch_size": problem.batch, "num_epochs": problem.epochs, "train_log_interval": 1}
    steps = whole["batch"].shape[1]
    return {
        f"{name}_share": np.array([schedule(k / steps) for k in range(steps)]),
        f"{name}_lr": np.concatenate([RATES, np.full(seeds - 1, best)]),
        f"{name}_seed": np.concatenate([np.zeros(RATES.size, int), np.arange(1, seeds)]),
        f"{name}_train": joined["train"],
        f"{name}_test": joined["test"],
        f"{name}_batch": kept,
        f"{name}_hyper": np.array(
            json.dumps(hyper | ({"momentum": problem.beta} if name == "momentum" else {}))
        ),
    }


def main() -> int:
    """Read the arguments and make what is missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="+", default=list(PROBLEMS), choices=PROBLEMS)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--falling", action="store_true", help="a third as long, with a rate that falls")
    given = parser.parse_args()
    torch.set_num_threads(1)
    given.folder.mkdir(parents=True, exist_ok=True)
    for name in given.only:
        target = given.folder / f"{name}{'_falling' if given.falling else ''}.npz"
        if target.exists():
            continue
        started = time.perf_counter()
        found: dict[str, np.ndarray] = {}
        problem, turn = PROBLEMS[name], list(PROBLEMS).index(name)
        if given.falling:
            problem = dataclasses.replace(problem, epochs=problem.epochs // 3)
        for i, kind in enumerate(("adam", "sgd", "momentum")):
            schedule = FALLING[(turn + i) % len(FALLING)] if given.falling else constant
            found |= scan(problem, kind, given.seeds, schedule)
        partial = target.with_suffix(".part")
        with partial.open("wb") as file:
            np.savez_compressed(file, **found)
        partial.rename(target)
        print(f"{name}: {time.perf_counter() - started:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
