"""One training run under one method, from one start, with one seed."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Iterator
from typing import Any

import torch
from methods import Method
from run import Run, loss_on
from tasks import CHECK_EVERY, TASKS, Pair, Splits, Task
from torch import nn
from torch.optim.swa_utils import update_bn

_KINDS = {"train": 0, "spare": 1, "test": 2}


@functools.lru_cache(maxsize=8)
def splits(task: str, seed: int) -> Splits:
    return TASKS[task].splits(seed)


def train(task_name: str, optimizer: str, method: type[Method], lr: float, seed: int) -> dict[str, Any]:
    """Train; the losses at the end on all three sets of points, at the last weights and at averaged ones."""
    task, points = TASKS[task_name], splits(task_name, seed)
    torch.manual_seed(seed)
    run = Run(task, optimizer, points, task.build(), lr, seed)
    acting = method(run)
    began = time.process_time()
    for step, (x, y) in enumerate(batches(points.train, task, seed), 1):
        loss = task.loss(run.model(x), y)
        acting.optimizer.zero_grad()
        loss.backward()
        if task.clip is not None:
            nn.utils.clip_grad_norm_(run.model.parameters(), task.clip)
        acting.step(step, loss, (x, y))
        if step % CHECK_EVERY == 0:
            acting.check(step)
    result: dict[str, Any] = {"seconds": round(time.process_time() - began, 2)}
    for suffix, averaged in (("", False), ("_avg", True)):
        with acting.at_end(averaged):
            found = losses(run)
        result |= {name + suffix: value for name, value in found.items()}
    return result | acting.notes()


def batches(points: Pair, task: Task, seed: int) -> Iterator[Pair]:
    """`steps` batches: pass after pass, each in an order of its own, the same for all methods."""
    x, y = points
    rng = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(x), generator=rng)
    place = 0
    for _ in range(task.steps):
        if place + task.batch > len(x):
            order, place = torch.randperm(len(x), generator=rng), 0
        rows = order[place : place + task.batch]
        place += task.batch
        yield x[rows], y[rows]


def losses(run: Run) -> dict[str, float]:
    """On all points of each set, with the statistics of BatchNorm computed anew for these weights."""
    model = run.model
    if any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in model.modules()):
        update_bn(run.points.train[0].split(250), model)
    model.eval()
    try:
        found = {name: loss_on(run, run.points[at]) for name, at in _KINDS.items()}
    finally:
        model.train()
    return {name: value if math.isfinite(value) else math.inf for name, value in found.items()}
