"""Does training all rates at once give what training each alone gives?

    python benchmarks/scan_corpus/check.py [PROBLEM]

One epoch of a problem (cancer_mlp unless another is named) at three rates, once all together as `make.py` does it
and once each in a plain loop with PyTorch's own optimiser; prints the largest difference between the batch losses, as
a share of the first.
"""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
import torch
from make import train
from problems import PROBLEMS, Problem

RATES = np.array([1e-3, 1e-2, 1e-1])


def alone(problem: Problem, name: str, lr: float) -> list[float]:
    """The losses of the batches of one run in a plain loop, batches in the order of seed 0."""
    x, y, _, _ = problem.data()
    torch.manual_seed(0)
    model = problem.model()
    optimiser = (
        torch.optim.Adam(model.parameters(), lr=lr)
        if name == "adam"
        else torch.optim.SGD(model.parameters(), lr=lr, momentum=problem.beta if name == "momentum" else 0.0)
    )
    rng, losses = np.random.default_rng(0), []
    for _ in range(problem.epochs):
        order = torch.from_numpy(rng.permutation(len(x)))
        for k in range(len(x) // problem.batch):
            rows = order[k * problem.batch : (k + 1) * problem.batch]
            loss = problem.loss(model(x[rows]), y[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(float(loss.detach()))
    return losses


def main() -> int:
    """Compare, and say how far apart they are."""
    name = sys.argv[1] if len(sys.argv) > 1 else "cancer_mlp"
    if name not in PROBLEMS:
        print(f"There is no problem {name}; there are {', '.join(PROBLEMS)}.", file=sys.stderr)
        return 2
    torch.set_num_threads(1)
    problem = dataclasses.replace(PROBLEMS[name], epochs=1)
    for kind in ("adam", "sgd", "momentum"):
        together = train(problem, kind, RATES, [0] * RATES.size)["batch"]
        apart = np.array([alone(problem, kind, float(lr)) for lr in RATES])
        print(
            f"{name}, {kind}: {np.abs(together - apart).max() / apart[0, 0]:.1e} over {apart.shape[1]} steps"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
