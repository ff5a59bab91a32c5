"""Small real trainings, seconds each on one core: different models, optimisers and schedules.

Each task is built anew from a seed (weights, order of batches, drop-out), and can be trained by lrscope and its peers
alike: a model, an endless stream of batches, a loss, an optimiser, and the factor that the schedule puts on the rate.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor, nn

Data = tuple[Tensor, Tensor, Tensor, Tensor]
"""Inputs and targets to train on, inputs and targets to validate with."""


@dataclass(frozen=True)
class Task:
    """A training problem.

    Parameters
    ----------
    name : str
    data : callable
        Gives the data; cached.
    model : callable
        Makes a model; its weights are drawn from PyTorch's generator.
    optimiser : callable
        (parameters, lr) → optimiser.
    schedule : callable
        Share of the run done → factor on the rate.
    steps, batch : int
    loss : nn.Module
    """

    name: str
    data: Callable[[], Data]
    model: Callable[[], nn.Module]
    optimiser: Callable[..., torch.optim.Optimizer]
    schedule: Callable[[float], float]
    steps: int
    batch: int
    loss: nn.Module

    def build(
        self, seed: int, lr: float
    ) -> tuple[nn.Module, torch.optim.Optimizer, Iterator[tuple[Tensor, Tensor]]]:
        """Model, optimiser and batches of one run."""
        torch.manual_seed(seed)
        model = self.model()
        return model, self.optimiser(model.parameters(), lr=lr), self.batches(seed)

    def batches(self, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches without end, in an order of their own."""
        x, y, _, _ = self.data()
        rng = np.random.default_rng(seed)
        while True:
            order = rng.permutation(len(x))
            for start in range(0, len(x) - self.batch + 1, self.batch):
                rows = torch.from_numpy(order[start : start + self.batch])
                yield x[rows], y[rows]

    def step(
        self, model: nn.Module, optimiser: torch.optim.Optimizer, x: Tensor, y: Tensor, lr: float
    ) -> float:
        """One step at this rate; the loss before it."""
        for group in optimiser.param_groups:
            group["lr"] = lr
        loss = self.loss(model(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return float(loss.detach())

    def evaluate(self, model: nn.Module) -> float:
        """The validation loss."""
        _, _, x, y = self.data()
        model.eval()
        with torch.no_grad():
            value = float(self.loss(model(x), y))
        model.train()
        return value


def train(
    task: str, lr: float, seed: int, constant: bool = False
) -> Generator[dict[str, float], float | None, None]:
    """A run of a task as a generator that follows a rate it is sent; the schedule is left out if `constant`."""
    problem = TASKS[task]
    model, optimiser, batches = problem.build(seed, lr)
    every = max(1, problem.steps // 20)
    for k in range(1, problem.steps + 1):
        factor = 1.0 if constant else problem.schedule(k / problem.steps)
        told = {"lr": lr * factor, "loss": problem.step(model, optimiser, *next(batches), lr=lr * factor)}
        if k % every == 0:
            told["val_loss"] = problem.evaluate(model)
        lr = (yield told) or lr


def constant_rate(share: float) -> float:
    return 1.0


def warmup_cosine(share: float) -> float:
    return share / 0.1 if share < 0.1 else 0.5 * (1 + math.cos(math.pi * (share - 0.1) / 0.9))


def steps_down(share: float) -> float:
    return 1.0 if share <= 0.5 else 0.1 if share <= 0.8 else 0.01


def _split(x: np.ndarray, y: np.ndarray, kind: torch.dtype) -> Data:
    order = np.random.default_rng(0).permutation(len(x))
    cut = len(x) * 3 // 4
    a, b = order[:cut], order[cut:]
    inputs = torch.tensor(x, dtype=torch.float32)
    targets = torch.tensor(y, dtype=kind)
    return inputs[a], targets[a], inputs[b], targets[b]


@cache
def digits() -> Data:
    from sklearn.datasets import load_digits

    found = load_digits()
    return _split(found.data / 16.0, found.target, torch.long)


@cache
def cancer() -> Data:
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer()
    return _split((found.data - found.data.mean(0)) / found.data.std(0), found.target, torch.long)


@cache
def mnist1d() -> Data:
    from mnist1d.data import get_dataset_args, make_dataset

    args = get_dataset_args()
    args.num_samples = 3000
    args.train_split = 0.999
    made = make_dataset(args)
    return _split(made["x"], made["y"], torch.long)


@cache
def text() -> Data:
    """Characters of Python's own source for parsing arguments, in windows of 24."""
    import argparse

    source = inspect.getsource(argparse)[:60_000]
    letters = sorted(set(source))
    codes = torch.tensor([letters.index(c) for c in source])
    windows = codes.unfold(0, 25, 8)
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(windows)))
    cut = len(order) * 9 // 10
    a, b = windows[order[:cut]], windows[order[cut:][:300]]
    return a[:, :-1], a[:, 1:], b[:, :-1], b[:, 1:]


SYMBOLS = 100


class Conv(nn.Sequential):
    """Two convolutions with batch normalisation on 8 × 8 images."""

    def __init__(self) -> None:
        super().__init__(
            nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(64, 10),
        )  # fmt: skip


class Conv1d(nn.Sequential):
    """Two convolutions on a line of 40 numbers."""

    def __init__(self) -> None:
        super().__init__(
            nn.Unflatten(1, (1, 40)), nn.Conv1d(1, 16, 5, stride=2), nn.ReLU(),
            nn.Conv1d(16, 16, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(128, 10),
        )  # fmt: skip


class Transformer(nn.Module):
    """A causal transformer of one layer over characters; gives scores as (batch, symbol, place)."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.embed = nn.Embedding(SYMBOLS, width)
        self.place = nn.Parameter(0.02 * torch.randn(24, width))
        self.layer = nn.TransformerEncoderLayer(width, 2, 64, dropout=0.0, batch_first=True, norm_first=True)
        self.head = nn.Linear(width, SYMBOLS)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(24))

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.layer(self.embed(x) + self.place, src_mask=self.mask, is_causal=True)
        return self.head(hidden).transpose(1, 2)


class Recurrent(nn.Module):
    """A GRU over characters."""

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.embed = nn.Embedding(SYMBOLS, 24)
        self.rnn = nn.GRU(24, width, batch_first=True)
        self.head = nn.Linear(width, SYMBOLS)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(self.embed(x))[0]).transpose(1, 2)


def mlp(inputs: int, hidden: int, outputs: int, dropout: float = 0.0) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(
        nn.Linear(inputs, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, hidden), nn.ReLU(),
        nn.Linear(hidden, outputs),
    )  # fmt: skip


def momentum(parameters: Iterator[nn.Parameter], lr: float) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=lr, momentum=0.9)


def adamw(parameters: Iterator[nn.Parameter], lr: float) -> torch.optim.Optimizer:
    return torch.optim.AdamW(parameters, lr=lr, weight_decay=0.01)


_CLASSES = nn.CrossEntropyLoss()
TASKS = {
    task.name: task
    for task in (
        Task(
            "linear, SGD", cancer, lambda: nn.Linear(30, 2), torch.optim.SGD, constant_rate, 300, 16, _CLASSES
        ),
        Task("MLP, SGD", digits, mlp(64, 64, 10), torch.optim.SGD, constant_rate, 400, 32, _CLASSES),
        Task("CNN + batch norm, momentum", digits, Conv, momentum, warmup_cosine, 300, 32, _CLASSES),
        Task("1-d CNN, Adam", mnist1d, Conv1d, torch.optim.Adam, constant_rate, 400, 64, _CLASSES),
        Task(
            "MLP + drop-out, AdamW, steps",
            mnist1d,
            mlp(40, 64, 10, 0.2),
            adamw,
            steps_down,
            400,
            64,
            _CLASSES,
        ),
        Task("transformer, AdamW, cosine", text, Transformer, adamw, warmup_cosine, 300, 16, _CLASSES),
        Task("GRU, Adam", text, Recurrent, torch.optim.Adam, constant_rate, 300, 16, _CLASSES),
        Task("MLP, momentum, steps", mnist1d, mlp(40, 64, 10), momentum, steps_down, 400, 64, _CLASSES),
    )
}
"""By name."""
