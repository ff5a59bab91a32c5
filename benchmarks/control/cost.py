"""What a controller costs, in one run: microseconds a step without a framework, and shares of a training step.

    python benchmarks/control/cost.py

Processor time of one thread. Steps with and without the scheduler alternate in short blocks, so that a busy
machine slows both alike; the share is the median over the blocks.
"""

from __future__ import annotations

import json
import math
import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn

import lrscope
from lrscope.control import Controller, Gap, Guard, Guarded, Plateau
from lrscope.integrations.torch.suspend import suspend

STEPS = 50_000
BLOCKS, IN_BLOCK = 12, 64
STAGES = (1024, 4096)  # the cadence grows with the run


def pure(controller: Controller[Any], gap_every: int = 0) -> float:
    """Microseconds a step, the least of three runs over a noisy descent."""
    rng = np.random.default_rng(0)
    losses = (np.exp(-np.arange(STEPS) / 20_000) + 0.05 * rng.normal(size=STEPS)).tolist()
    gaps = (0.01 * rng.normal(size=STEPS)).tolist()
    best = math.inf
    for _ in range(3):
        state = controller.init(0.1)
        begin = time.process_time()
        for step, loss in enumerate(losses, 1):
            gap = gaps[step - 1] if gap_every and step % gap_every == 0 else None
            state, _ = controller.update(state, step, loss, gap=gap)
        best = min(best, time.process_time() - begin)
    return 1e6 * best / STEPS


def empty_loop() -> float:
    """Microseconds a step of the loop itself."""
    losses = [0.0] * STEPS
    begin = time.process_time()
    for _ in enumerate(losses, 1):
        pass
    return 1e6 * (time.process_time() - begin) / STEPS


def share(width: int, batch: int, held_out: bool) -> dict[str, float]:
    """The scheduler's share of a step of Adam on a perceptron: after 1024 steps, and after 4096."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    sizes = [64, width, width]
    layers = [layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), nn.ReLU())]
    model = nn.Sequential(*layers, nn.Linear(width, 10))
    optimizer = torch.optim.Adam(model.parameters(), 1e-4)
    loss_fn = nn.CrossEntropyLoss()
    data = [(torch.randn(batch, 64), torch.randint(0, 10, (batch,))) for _ in range(16)]

    def train(steps: int, scheduler: Any) -> float:
        begin = time.process_time()
        for step in range(steps):
            x, y = data[step % 16]
            optimizer.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            optimizer.step()
            if scheduler is not None:
                scheduler.step(loss)
        return time.process_time() - begin

    train(20, None)
    scheduler = lrscope.torch.GapScheduler(optimizer, model, loss_fn, held_out=data[:4] if held_out else None)
    shares = {}
    for start in STAGES:
        train(start - scheduler.step_count, scheduler)
        pairs = []
        for _ in range(BLOCKS):
            watched = train(IN_BLOCK, scheduler)
            with suspend():  # the scheduler's hooks do nothing then, and cost next to nothing
                pairs.append(watched / train(IN_BLOCK, None) - 1)
        shares[f"share_after_{start}_%"] = round(100 * statistics.median(pairs), 2)
    scheduler.close()
    step = 1e3 * statistics.median(train(IN_BLOCK, None) / IN_BLOCK for _ in range(5))
    weights = sum(p.numel() for p in model.parameters())
    return {
        "weights": weights,
        "batch": batch,
        "step_ms": round(step, 2),
        **shares,
    }


def main() -> None:
    """Print the table."""
    loop = empty_loop()
    rules: dict[str, Callable[[], float]] = {
        "guard": lambda: pure(Guard()),
        "plateau (loss only)": lambda: pure(Plateau()),
        "guard + plateau (loss only)": lambda: pure(Guarded(Plateau(), warmup=0)),
        "guard + gap, every 8th": lambda: pure(Guarded(Gap(), warmup=0), gap_every=8),
    }
    print(json.dumps({"us_per_step": {name: round(cost() - loop, 2) for name, cost in rules.items()}}))
    for width, batch in ((280, 128), (960, 128), (960, 32)):
        for held_out in (False, True):
            row = {
                "gap_on": "held-out batches" if held_out else "the step's batch",
                **share(width, batch, held_out),
            }
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
