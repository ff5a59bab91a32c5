"""Five small trainings for the fork benchmark, each with all its weights in one vector.

Two are written out in NumPy (softmax regression and a network with one tanh layer, on digits); three need
PyTorch: a convolutional network with BatchNorm on digits, a transformer on characters, and a network that
learns another one by squared error. All have noise that no weights explain, so that a noise floor exists.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pydoc_data.topics import topics
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

Array = NDArray[np.float64]
Rows = NDArray[np.int64] | slice


class Task(Protocol):
    """Something to train."""

    @property
    def size(self) -> int:
        """Training examples."""

    @property
    def batch(self) -> int:
        """Examples in a mini-batch."""

    def start(self, seed: int) -> Array:
        """Weights to begin with."""

    def loss(self, w: Array, rows: Rows, gradient: bool = True) -> tuple[float, Array]:
        """Mean loss of these examples, and its gradient unless it is not wanted."""


@dataclass
class Digits:
    """Softmax regression (`hidden` = 0) or a network with one tanh layer."""

    hidden: int
    batch: int = 32

    def __post_init__(self) -> None:
        self.x, self.y = digits()
        self.size = len(self.y)

    def start(self, seed: int) -> Array:
        rng = np.random.default_rng(seed)
        d, h = self.x.shape[1], self.hidden
        if not h:
            return np.zeros(d * 10 + 10)
        first, last = rng.normal(size=d * h) / np.sqrt(d), rng.normal(size=h * 10) / np.sqrt(h)
        return np.concatenate([first, np.zeros(h), last, np.zeros(10)])

    def loss(self, w: Array, rows: Rows, gradient: bool = True) -> tuple[float, Array]:
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


class Module:
    """A PyTorch module trained on (x, y); BatchNorm normalises by the batch it is given, always."""

    def __init__(
        self,
        make: Callable[[], nn.Module],
        x: Tensor,
        y: Tensor,
        criterion: Callable[[Tensor, Tensor], Tensor],
        batch: int = 32,
    ) -> None:
        self.x, self.y, self.criterion, self.make = x, y, criterion, make
        self.size, self.batch = len(x), batch
        self.model = make()
        self.names = [n for n, _ in self.model.named_parameters()]
        self.shapes = [p.shape for p in self.model.parameters()]
        self.counts = [p.numel() for p in self.model.parameters()]

    def start(self, seed: int) -> Array:
        torch.manual_seed(seed)
        return np.concatenate([p.detach().numpy().ravel() for p in self.make().parameters()]).astype(float)

    def loss(self, w: Array, rows: Rows, gradient: bool = True) -> tuple[float, Array]:
        flat = torch.from_numpy(w.astype(np.float32)).requires_grad_(gradient)
        pieces = [p.view(s) for p, s in zip(flat.split(self.counts), self.shapes, strict=True)]
        chosen = rows if isinstance(rows, slice) else torch.from_numpy(rows)
        with torch.set_grad_enabled(gradient):
            output = torch.func.functional_call(
                self.model, dict(zip(self.names, pieces, strict=True)), (self.x[chosen],)
            )
            loss = self.criterion(output, self.y[chosen])
        if not gradient:
            return float(loss), w
        return float(loss.detach()), torch.autograd.grad(loss, flat)[0].numpy().astype(float)


def digits() -> tuple[Array, NDArray[np.int64]]:
    """Scikit-learn's digits, 10 % of the labels wrong."""
    x, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    return x / 16 - 0.3, np.where(rng.random(len(y)) < 0.1, rng.integers(0, 10, len(y)), y)


def convolutional() -> Task:
    """Two layers of convolution with BatchNorm, 1,300 weights."""
    x, y = digits()

    def make() -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8, track_running_stats=False), nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 12, 3, padding=1, bias=False), nn.BatchNorm2d(12, track_running_stats=False),
            nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 10),
        )  # fmt: skip

    inputs = torch.tensor(x, dtype=torch.float32).view(-1, 1, 8, 8)
    return Module(make, inputs, torch.tensor(y), functional.cross_entropy)


class _Characters(nn.Module):
    """One transformer layer that reads 16 characters and predicts each one's successor."""

    def __init__(self, kinds: int, length: int = 16, width: int = 24) -> None:
        super().__init__()
        self.letter, self.place = nn.Embedding(kinds, width), nn.Embedding(length, width)
        self.before, self.between, self.after = (nn.LayerNorm(width) for _ in range(3))
        self.attend, self.join = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.wide = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.out = nn.Linear(width, kinds)

    def forward(self, x: Tensor) -> Tensor:
        h = self.letter(x) + self.place.weight
        q, k, v = (
            part.unflatten(-1, (2, -1)).transpose(1, 2) for part in self.attend(self.before(h)).chunk(3, -1)
        )
        seen = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        h = h + self.join(seen.transpose(1, 2).flatten(2))
        h = h + self.wide(self.between(h))
        return self.out(self.after(h)).transpose(1, 2)


def characters() -> Task:
    """A transformer on the text of Python's own help pages."""
    text = "".join(topics[name] for name in sorted(topics))[: 2048 * 8 + 17]
    letters = {c: i for i, c in enumerate(sorted(set(text)))}
    codes = torch.tensor([letters[c] for c in text])
    windows = codes.unfold(0, 17, 8)[:2048]
    x, y = windows[:, :-1].contiguous(), windows[:, 1:].contiguous()
    return Module(lambda: _Characters(len(letters)), x, y, functional.cross_entropy, batch=16)


def teacher() -> Task:
    """A network that learns another of half its width from noisy values, by squared error."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2048, 12, generator=generator)
    first, last = torch.randn(12, 16, generator=generator), torch.randn(16, 1, generator=generator)
    y = torch.relu(x @ first / 12**0.5) @ last / 4
    y = y + 0.3 * torch.randn(y.shape, generator=generator)

    def make() -> nn.Module:
        return nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 1))

    return Module(make, x, y, functional.mse_loss)


TASKS: dict[str, Callable[[], Task]] = {
    "digits, softmax regression": lambda: Digits(0),
    "digits, tanh network": lambda: Digits(32),
    "digits, CNN with BatchNorm": convolutional,
    "characters, transformer": characters,
    "teacher and pupil, squared error": teacher,
}
