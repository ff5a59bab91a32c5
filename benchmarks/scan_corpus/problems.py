"""Training problems whose whole scans can be made in minutes: what they are trained on, by which model, how long.

They are chosen to differ in what a planner may take for granted: some overfit late, some sit on a plateau first, some
have a training loss that is no stand-in for the evaluated one (drop-out, noise in the labels), some are all noise.
"""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

Data = tuple[Tensor, Tensor, Tensor, Tensor]
"""Inputs and targets to train on, inputs and targets to test with."""


@dataclass(frozen=True)
class Problem:
    """What is trained: `loss(output, target)` is a mean over the batch; `beta` is the momentum that goes with it."""

    data: Callable[[], Data]
    model: Callable[[], nn.Module]
    loss: Callable[[Tensor, Tensor], Tensor]
    batch: int
    epochs: int
    beta: float = 0.9


def _split(x: np.ndarray, y: np.ndarray, kind: torch.dtype, train: float = 0.7, most: int = 10**9) -> Data:
    order = np.random.default_rng(0).permutation(len(x))[:most]
    cut = int(len(order) * train)
    inputs, targets = torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=kind)
    a, b = order[:cut], order[cut:][:800]
    return inputs[a], targets[a], inputs[b], targets[b]


def _scaled(x: np.ndarray) -> np.ndarray:
    return (x - x.mean(0)) / (x.std(0) + 1e-9)


@cache
def digits(most: int = 10**9, wrong: float = 0.0) -> Data:
    """8 x 8 digits; `wrong` is the share of training labels that are drawn anew."""
    from sklearn.datasets import load_digits

    found = load_digits()
    x, y, a, b = _split(found.data / 16.0, found.target, torch.long, most=most)
    rng = np.random.default_rng(1)
    hit = torch.from_numpy(rng.random(len(y)) < wrong)
    y = torch.where(hit, torch.from_numpy(rng.integers(0, 10, len(y))), y)
    return x, y, a, b


@cache
def pictures() -> Data:
    """Digits to be drawn again from themselves."""
    x, _, a, _ = digits()
    return x, x, a, a


@cache
def mnist1d(samples: int = 2500) -> Data:
    from mnist1d.data import get_dataset_args, make_dataset

    args = get_dataset_args()
    args.num_samples, args.train_split = samples, 0.999
    made = make_dataset(args)
    return _split(made["x"], made["y"], torch.long)


@cache
def cancer() -> Data:
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer()
    return _split(_scaled(found.data), found.target, torch.long)


@cache
def wine() -> Data:
    from sklearn.datasets import load_wine

    found = load_wine()
    return _split(_scaled(found.data), found.target, torch.long)


@cache
def diabetes() -> Data:
    from sklearn.datasets import load_diabetes

    found = load_diabetes()
    return _split(_scaled(found.data), _scaled(found.target)[:, None], torch.float32)


@cache
def friedman() -> Data:
    from sklearn.datasets import make_friedman1

    x, y = make_friedman1(2000, noise=1.0, random_state=0)
    return _split(x, _scaled(y)[:, None], torch.float32)


@cache
def spirals() -> Data:
    """Two spirals: a deep narrow net sits on a plateau before it sees them."""
    rng = np.random.default_rng(0)
    t = np.sqrt(rng.random(2000)) * 3 * math.pi
    side = rng.integers(0, 2, 2000)
    r = t / (3 * math.pi)
    angle = t + math.pi * side
    x = np.stack([r * np.cos(angle), r * np.sin(angle)], 1) + 0.01 * rng.standard_normal((2000, 2))
    return _split(2 * x, side, torch.long)


@cache
def text() -> Data:
    """Characters of Python's own source for parsing arguments, in windows of 16."""
    import argparse

    source = inspect.getsource(argparse)[:50_000]
    letters = sorted(set(source))
    codes = torch.tensor([letters.index(c) for c in source])
    windows = codes.unfold(0, 17, 12)
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(windows)))
    cut = len(order) * 8 // 10
    a, b = windows[order[:cut]], windows[order[cut:][:300]]
    return a[:, :-1], a[:, 1:], b[:, :-1], b[:, 1:]


@cache
def centres(size: int = 100) -> Data:
    """Points about the origin; a quadratic bowl is lowest at their mean, which no batch knows."""
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.standard_normal((1000, size)), dtype=torch.float32)
    return x, x, x, x


@cache
def ratings() -> Data:
    """Pairs of indices and the noisy product of two hidden vectors of rank three."""
    rng = np.random.default_rng(0)
    u, v = rng.standard_normal((60, 3)), rng.standard_normal((50, 3))
    pairs = np.stack([rng.integers(0, 60, 2400), rng.integers(0, 50, 2400)], 1)
    y = (u[pairs[:, 0]] * v[pairs[:, 1]]).sum(1) / 1.7 + 0.3 * rng.standard_normal(2400)
    a, b, c, d = _split(pairs, y, torch.float32)
    return a.long(), b, c.long(), d


def mlp(
    *widths: int, drop: float = 0.0, act: Callable[[], nn.Module] = nn.ReLU, shrink: float = 1.0
) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        layers: list[nn.Module] = []
        for a, b in itertools.pairwise(widths[:-1]):
            layers += [nn.Linear(a, b), act(), *([nn.Dropout(drop)] if drop else [])]
        net = nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1]))
        with torch.no_grad():
            for p in net.parameters():
                p.mul_(shrink)
        return net

    return make


class Conv(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(
            nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(48, 10),
        )  # fmt: skip


class Conv1d(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(
            nn.Unflatten(1, (1, 40)), nn.Conv1d(1, 12, 5, stride=2), nn.ReLU(),
            nn.Conv1d(12, 12, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(96, 10),
        )  # fmt: skip


class Vae(nn.Module):
    """A variational autoencoder; gives (drawing, mean, log of the variance) in one row."""

    def __init__(self, hidden: int = 4) -> None:
        super().__init__()
        self.inner, self.code = nn.Linear(64, 64), nn.Linear(64, 2 * hidden)
        self.back, self.out = nn.Linear(hidden, 64), nn.Linear(64, 64)

    def forward(self, x: Tensor) -> Tensor:
        mean, spread = self.code(functional.relu(self.inner(x))).chunk(2, -1)
        code = mean + torch.exp(0.5 * spread) * torch.randn_like(mean)
        return torch.cat([self.out(functional.relu(self.back(code))), mean, spread], -1)


def vae_loss(out: Tensor, x: Tensor) -> Tensor:
    drawn, mean, spread = out[..., :64], out[..., 64:68], out[..., 68:]
    apart = functional.binary_cross_entropy_with_logits(drawn, x, reduction="none").sum(-1)
    return (apart + 0.5 * (mean**2 + spread.exp() - spread - 1).sum(-1)).mean()


class Recurrent(nn.Module):
    """A plain recurrent net over characters, unrolled by hand."""

    def __init__(self, width: int = 48, symbols: int = 100) -> None:
        super().__init__()
        self.embed, self.into = nn.Embedding(symbols, width), nn.Linear(width, width)
        self.turn, self.head = nn.Linear(width, width), nn.Linear(width, symbols)

    def forward(self, x: Tensor) -> Tensor:
        inputs = self.into(self.embed(x))
        hidden, rows = torch.zeros_like(inputs[:, 0]), []
        for t in range(x.shape[1]):
            hidden = torch.tanh(inputs[:, t] + self.turn(hidden))
            rows.append(hidden)
        return self.head(torch.stack(rows, 1)).transpose(1, 2)


class Attention(nn.Module):
    """A transformer of one layer and one head over characters."""

    def __init__(self, width: int = 32, symbols: int = 100, length: int = 16) -> None:
        super().__init__()
        self.embed, self.place = nn.Embedding(symbols, width), nn.Parameter(0.02 * torch.randn(length, width))
        self.one, self.two = nn.LayerNorm(width), nn.LayerNorm(width)
        self.ask, self.give = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.head = nn.Linear(width, symbols)
        self.register_buffer("mask", torch.full((length, length), -1e9).triu(1))

    def forward(self, x: Tensor) -> Tensor:
        h = self.embed(x) + self.place
        q, k, v = self.ask(self.one(h)).chunk(3, -1)
        h = h + self.give(torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]) + self.mask, -1) @ v)
        h = h + self.down(functional.relu(self.up(self.two(h))))
        return self.head(h).transpose(1, 2)


class Bowl(nn.Module):
    """A point, and how steep each direction is: from 1 down to a hundredth, a few of them steep."""

    def __init__(self, size: int = 100, span: float = 2.0) -> None:
        super().__init__()
        self.at = nn.Parameter(torch.full((size,), 1.0))
        self.register_buffer("steep", torch.logspace(0, -span, size))

    def forward(self, x: Tensor) -> Tensor:
        return 0.5 * ((self.at - x) ** 2 - x**2) * self.steep


class Factors(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.u, self.v = nn.Embedding(60, 5), nn.Embedding(50, 5)
        with torch.no_grad():
            self.u.weight.mul_(0.1), self.v.weight.mul_(0.1)

    def forward(self, pairs: Tensor) -> Tensor:
        return (self.u(pairs[..., 0]) * self.v(pairs[..., 1])).sum(-1)


def _mean_sum(out: Tensor, _: Tensor) -> Tensor:
    return out.sum(-1).mean()


_names, _square = functional.cross_entropy, functional.mse_loss

PROBLEMS: dict[str, Problem] = {
    "digits_mlp": Problem(digits, mlp(64, 64, 64, 10), _names, 32, 60),
    "digits_few": Problem(lambda: digits(300), mlp(64, 128, 10), _names, 16, 150, 0.99),
    "digits_wrong": Problem(lambda: digits(10**9, 0.2), mlp(64, 96, 96, 10), _names, 32, 50),
    "digits_drop": Problem(digits, mlp(64, 96, 96, 10, drop=0.4), _names, 64, 80, 0.99),
    "digits_conv": Problem(digits, Conv, _names, 64, 50),
    "digits_again": Problem(pictures, mlp(64, 32, 8, 32, 64), _square, 64, 80),
    "digits_vae": Problem(pictures, Vae, vae_loss, 64, 60, 0.99),
    "mnist1d_linear": Problem(mnist1d, mlp(40, 10), _names, 64, 60),
    "mnist1d_mlp": Problem(mnist1d, mlp(40, 96, 96, 10), _names, 64, 80),
    "mnist1d_conv": Problem(mnist1d, Conv1d, _names, 64, 80, 0.99),
    "cancer_linear": Problem(cancer, mlp(30, 2), _names, 16, 40, 0.99),
    "cancer_mlp": Problem(cancer, mlp(30, 32, 32, 2), _names, 16, 60),
    "wine_tanh": Problem(wine, mlp(13, 24, 24, 3, act=nn.Tanh), _names, 8, 100),
    "diabetes_mlp": Problem(diabetes, mlp(10, 48, 48, 1), _square, 16, 80),
    "friedman_mlp": Problem(friedman, mlp(10, 48, 48, 1), _square, 32, 60, 0.99),
    "spirals_deep": Problem(spirals, mlp(2, 24, 24, 24, 24, 2, act=nn.Tanh), _names, 32, 60),
    "digits_sigmoid": Problem(digits, mlp(64, 48, 48, 10, act=nn.Sigmoid, shrink=0.5), _names, 32, 50),
    "text_recurrent": Problem(text, Recurrent, _names, 32, 20),
    "text_attention": Problem(text, Attention, _names, 32, 20),
    "bowl": Problem(centres, Bowl, _mean_sum, 64, 60, 0.99),
    "bowl_long": Problem(lambda: centres(30), lambda: Bowl(30, 4.0), _mean_sum, 128, 100),
    "ratings": Problem(ratings, Factors, _square, 32, 50),
}  # fmt: skip
"""By name. The momentum is 0.99 in every third, where flow time is known to fail."""
