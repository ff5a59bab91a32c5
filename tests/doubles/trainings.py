"""Trainings as users write them: one that follows its rate, one that only returns its end, and two that
misbehave."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator

import numpy as np

from lrscope.testing.toys import CURVATURES, QUADRATIC_STEPS, noisy_quadratic


def noisy_quadratic_following(lr: float, seed: int = 0) -> Generator[float, float | None, None]:
    """The noisy quadratic without an end, at whatever rate it is sent."""
    rng = np.random.default_rng(seed)
    weights = np.ones_like(CURVATURES)
    with np.errstate(over="ignore", invalid="ignore"):
        while True:
            weights = weights - lr * (CURVATURES * weights + 0.1 * rng.standard_normal(weights.shape))
            lr = (yield float(0.5 * np.sum(CURVATURES * weights**2))) or lr


def noisy_quadratic_plain(lr: float, seed: int = 0) -> float:
    """The noisy quadratic, returning the last loss only."""
    return list(noisy_quadratic(lr, seed))[-1]


def with_global_randomness(lr: float, seed: int) -> Iterator[dict[str, float]]:
    """Seeds NumPy's global generator and draws from it, as many scripts do."""
    np.random.seed(seed)
    weight = 1.0
    for _ in range(QUADRATIC_STEPS):
        weight -= lr * (weight + np.random.randn())
        yield {"loss": 0.5 * weight**2}


def stuck(lr: float) -> Iterator[float]:
    """Yields once, and then works for an hour in one single step."""
    yield lr
    until = time.monotonic() + 3600
    while time.monotonic() < until:
        sum(range(100_000))
    yield lr
