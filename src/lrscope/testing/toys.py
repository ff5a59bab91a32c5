"""Toy trainings whose answer is known: real gradient descent on a noisy quadratic, and functions that
fail. They are what the conformance suites train.

The loss is ``½ Σ hᵢ wᵢ²`` with curvatures h from 0.1 to 1, and each gradient carries normal noise of standard
deviation 0.1. So plain SGD diverges above a rate of 2 (two over the largest curvature), a small rate is still
on its way at the horizon, and a large one stays on a floor of noise that grows with it. NumPy only; the same
rate and seed give the same numbers.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from lrscope.training.source.function.reporting import Reporter

QUADRATIC_STEPS = 200
"""Steps in a run of the noisy quadratic."""

CURVATURES = np.geomspace(0.1, 1.0, 8)
"""Eigenvalues of the noisy quadratic, shape (8,)."""


def noisy_quadratic(lr: float, seed: int = 0, steps: int = QUADRATIC_STEPS) -> Iterator[float]:
    """A generator: the loss after each step of SGD."""
    rng = np.random.default_rng(seed)
    weights = np.ones_like(CURVATURES)
    with np.errstate(over="ignore", invalid="ignore"):  # beyond the cliff it overflows, and is meant to
        for _ in range(steps):
            weights = weights - lr * (CURVATURES * weights + 0.1 * rng.standard_normal(weights.shape))
            yield float(0.5 * np.sum(CURVATURES * weights**2))


def noisy_quadratic_callback(run: Reporter) -> None:
    """The same, reporting to `run`, with the rate as a second metric."""
    for loss in noisy_quadratic(run.lr, run.seed):
        run.report(loss=loss, learning_rate=run.lr)


def fails_above_one(lr: float, seed: int = 0) -> Iterator[float]:
    """Raises at its third step at rates above 1."""
    for step, loss in enumerate(noisy_quadratic(lr, seed), start=1):
        if lr > 1 and step == 3:
            raise ValueError("the rate is too high for me")
        yield loss


def yields_text(lr: float) -> Iterator[object]:
    """Yields a number, then text: wrong use."""
    yield lr
    yield "low"


def slow(lr: float, seed: int = 0, seconds: float = 0.02) -> Iterator[float]:
    """The noisy quadratic with a pause in each step, so that time slices run out."""
    for loss in noisy_quadratic(lr, seed):
        time.sleep(seconds)
        yield loss
