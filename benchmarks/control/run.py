"""What a method is given: a task, its points, a model at its start, and the rate that was asked for."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from tasks import OPTIMIZERS, Pair, Splits, Task
from torch import nn


@dataclass
class Run:
    """What a method is given."""

    task: Task
    optimizer_name: str
    points: Splits
    model: nn.Module
    lr: float
    seed: int

    def optimizer(self, lr: float | None = None) -> torch.optim.Optimizer:
        make = OPTIMIZERS[self.optimizer_name]
        return make(self.model.parameters(), lr=lr or self.lr, decay=self.task.decay)


@torch.no_grad()
def loss_on(run: Run, points: Pair) -> float:
    """The mean loss; the model's mode is the caller's."""
    x, y = points[0][:2000], points[1][:2000]
    return float(run.task.loss(run.model(x), y))
