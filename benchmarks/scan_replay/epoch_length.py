"""How many mini-batches an epoch of a published run has: the files do not say, but they hold enough to tell.

Three ways, the surest first. A log that was kept whole is divided by the epochs. Where only its first 20,000 entries
were kept, the size of the data set and the batch size give it. A data set that is not known here is judged by its
curves: at the end of epoch e the batch losses have to stand where the evaluated training loss does, so the length is
taken under which the one is best explained by the other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

KEPT = 20_000
"""Entries of the batch log that a file keeps at most."""

LOOKED_AT = 12
"""Epochs whose ends are compared with the batch losses."""

EXAMPLES = {
    "mnist": 60_000,
    "fmnist": 60_000,
    "cifar10": 50_000,
    "cifar100": 50_000,
    "svhn": 73_257,
    "quadratic": 1_000,
    "2d": 10_000,
}
"""Training examples by the first word of a problem's name, as their owners publish them. The last two are
synthetic; of each, the part of an epoch that does not fill a batch is dropped."""


def steps_an_epoch(
    problem: str, hyper: Mapping[str, Any], batch: NDArray[np.float64], train: NDArray[np.float64]
) -> int:
    """Optimiser steps in an epoch.

    Parameters
    ----------
    problem : str
        Name of the file: ``cifar10_3c3d``.
    hyper : mapping
        What the file says of the training: `num_epochs`, `batch_size`, `train_log_interval`.
    batch : array, shape (runs, entries)
        Batch losses as logged; NaN after a run's end.
    train : array, shape (runs, epochs + 1)
        Training loss evaluated before training and after each epoch.
    """
    epochs = int(hyper["num_epochs"])
    interval = int(hyper.get("train_log_interval") or 1)
    if batch.shape[1] < KEPT:
        return max(1, round(batch.shape[1] * interval / epochs))
    examples = EXAMPLES.get(problem.partition("_")[0])
    if examples is not None:
        return max(1, examples // int(hyper["batch_size"]))
    return estimate(batch, train, epochs, interval)


def estimate(batch: NDArray[np.float64], train: NDArray[np.float64], epochs: int, interval: int = 1) -> int:
    """The length of an epoch under which batch losses explain the evaluated training loss best.

    For a length w, a run's training loss after each of its first epochs is set against the mean of its batch losses
    around the end of that epoch, by a straight line: the two may differ by an offset and a scale (drop-out, weight
    decay). What the lines of all runs that came through leave unexplained is least at the right w. Give the runs of
    all optimisers together. On the problems whose length is known it is right to one per cent.
    """
    entries = batch.shape[1]
    count = min(LOOKED_AT, epochs)
    usable = np.isfinite(batch).all(axis=1) & np.isfinite(train).all(axis=1)
    least, most = max(2, math.ceil(entries / epochs)), entries // (count + 1)
    if not usable.any() or most <= least:
        return least * interval
    sums = np.concatenate([np.zeros((usable.sum(), 1)), np.cumsum(batch[usable], axis=1)], axis=1)
    ends = np.arange(1, count + 1)
    wanted = _centred(train[usable][:, ends])

    def unexplained(width: int) -> float:
        low, high = ends * width - width // 8, ends * width + width // 8 + 1
        near = _centred((sums[:, high] - sums[:, low]) / (high - low))
        scale = (near**2).sum(axis=1) * (wanted**2).sum(axis=1)
        moved = scale > 0
        explained = np.zeros(len(near))
        explained[moved] = (near * wanted).sum(axis=1)[moved] ** 2 / scale[moved]
        return 1.0 - float(explained.mean())

    coarse = np.unique(np.geomspace(least, most, 400).astype(int))
    around = int(min(coarse, key=unexplained))
    fine = range(max(least, int(around * 0.98)), min(most, int(around * 1.02) + 2))
    return int(min(fine, key=unexplained)) * interval


def _centred(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return rows - rows.mean(axis=1, keepdims=True)
