"""Published learning-rate scans, as runs that can be advanced: what a training would have shown."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from epoch_length import steps_an_epoch
from numpy.typing import NDArray

from lrscope.config import Config
from lrscope.curves import LossCurve, Run, RunState
from lrscope.search.rate.cliff import DivergenceWatch

OPTIMISERS = ("adam", "sgd", "momentum")


@dataclass(frozen=True)
class Recorded:
    """One published run: `dead` is the step at which a scan would have stopped it as diverged, or None."""

    lr: float
    curves: dict[str, LossCurve]
    dead: int | None

    def at(self, step: int, horizon: int) -> Run:
        """The run as it looks when it has been advanced to `step`: nothing later is in it."""
        state, reached = RunState.PAUSED, step
        if self.dead is not None and self.dead <= step:
            state, reached = RunState.DIVERGED, self.dead
        elif step >= horizon:
            state = RunState.COMPLETE
        return Run(
            Config(lr=self.lr), 0, {n: c.until(reached) for n, c in self.curves.items()}, state, reached
        )


@dataclass(frozen=True)
class PublishedScan:
    """All rates of one problem and optimiser under one way of judging.

    `final[i]` is what rate i comes to in the end (NaN where it died), `start` the value before training,
    `noise` the robust standard deviation of the ends of ten seeds at one rate.
    """

    name: str
    judged: str
    horizon: int
    rates: tuple[float, ...]
    runs: dict[float, Recorded]
    final: NDArray[np.float64]
    start: float
    noise: float
    objective: str
    per_epoch: dict[float, NDArray[np.float64]] = field(repr=False)

    def regret(self, lr: float | None) -> float:
        """(final of the named rate - best) / (start - best), in [0, 1]; 1 where it died or none was named."""
        if lr is None:
            return 1.0
        best = float(np.nanmin(self.final))
        value = float(self.final[self.rates.index(lr)])
        return 1.0 if not math.isfinite(value) else min(1.0, max(0.0, (value - best) / (self.start - best)))

    def within_noise(self, lr: float | None) -> bool:
        """Whether the named rate ends within two standard deviations of the best."""
        if lr is None:
            return False
        value = float(self.final[self.rates.index(lr)])
        return bool(math.isfinite(value) and value <= float(np.nanmin(self.final)) + 2 * self.noise)


def load(folder: Path, judged: str, only: str | None = None) -> list[PublishedScan]:
    """Every scan in the folder, judged by "test" or "train" (last epoch), or by "best" (best test epoch)."""
    scans = []
    for path in sorted(folder.glob("*.npz")):
        if only is None or only in path.stem:
            with np.load(path, allow_pickle=False) as data:
                there = [name for name in OPTIMISERS if f"{name}_lr" in data.files]
                width = _width(path.stem, data, there)
                scans += [_scan(path.stem, data, name, judged, width) for name in there]
    return scans


def _width(problem: str, data: np.lib.npyio.NpzFile, there: list[str]) -> int:
    """Optimiser steps in an epoch: the same for all optimisers of a problem."""
    batch = [data[f"{name}_batch"].astype(float) for name in there]
    train = [data[f"{name}_train"].astype(float) for name in there]
    entries, epochs = min(b.shape[1] for b in batch), min(t.shape[1] for t in train)
    return steps_an_epoch(
        problem,
        json.loads(str(data[f"{there[0]}_hyper"])),
        np.concatenate([b[:, :entries] for b in batch]),
        np.concatenate([t[:, :epochs] for t in train]),
    )


def _scan(problem: str, data: np.lib.npyio.NpzFile, optimiser: str, judged: str, width: int) -> PublishedScan:
    table = data[f"{optimiser}_{'train' if judged == 'train' else 'test'}"].astype(float)
    batch = data[f"{optimiser}_batch"].astype(float)
    hyper = json.loads(str(data[f"{optimiser}_hyper"]))
    share = data[f"{optimiser}_share"] if f"{optimiser}_share" in data.files else np.ones(0)
    seed = data[f"{optimiser}_seed"]
    epochs, interval = int(hyper["num_epochs"]), int(hyper.get("train_log_interval") or 1)
    rounded = [float(f"{value:.4g}") for value in data[f"{optimiser}_lr"]]
    ends = np.array([_end(row, judged) for row in table])
    noise = _noise(rounded, ends)
    runs, final, per_epoch = {}, {}, {}
    for i in np.flatnonzero(seed == seed.min()):
        runs[rounded[i]] = _recorded(rounded[i], batch[i], table[i], width, epochs, interval, share)
        final[rounded[i]] = ends[i]
        per_epoch[rounded[i]] = table[i]
    rates = tuple(sorted(runs))
    return PublishedScan(
        name=f"{problem}/{optimiser}",
        judged=judged,
        horizon=epochs * width,
        rates=rates,
        runs=runs,
        final=np.array([final[r] for r in rates]),
        start=float(np.nanmedian([row[0] for row in per_epoch.values()])),
        noise=noise,
        objective="best" if judged == "best" else "last",
        per_epoch=per_epoch,
    )


def _noise(rates: list[float], ends: NDArray[np.float64]) -> float:
    """Robust standard deviation of the ends at the rate that was run with most seeds; 0 where none was repeated."""
    repeated = max(set(rates), key=lambda lr: (rates.count(lr), -lr))
    seeds = np.array(
        [end for lr, end in zip(rates, ends, strict=True) if lr == repeated and math.isfinite(end)]
    )
    return 1.48 * float(np.median(np.abs(seeds - np.median(seeds)))) if seeds.size > 2 else 0.0


def _end(row: NDArray[np.float64], judged: str) -> float:
    if not math.isfinite(row[-1]):
        return math.nan
    return float(np.nanmin(row)) if judged == "best" else float(row[-1])


def _recorded(
    lr: float,
    batch: NDArray[np.float64],
    table: NDArray[np.float64],
    width: int,
    epochs: int,
    interval: int,
    share: NDArray[np.float64],
) -> Recorded:
    """The curves "loss" (mini-batches), "epoch_loss" (evaluated) and, where the rate falls on the way, "lr", cut where
    the watch stops the run; `share` is what of the full rate each step used, empty where that is not kept."""
    died = np.flatnonzero(~np.isfinite(table))
    alive = int(died[0]) if died.size else epochs + 1  # epochs 0 … alive - 1 were evaluated
    bad = np.flatnonzero(~np.isfinite(batch))
    n = min(int(bad[0]) + 1 if bad.size else batch.size, alive * width // interval)
    steps = np.arange(n) * interval + 1
    marks = np.arange(min(alive + 1, epochs + 1)) * width
    curves = {
        "loss": LossCurve(steps, batch[:n], name="loss"),
        "epoch_loss": LossCurve(marks, table[: marks.size], name="epoch_loss"),
    }
    stopped = _stopped(curves)
    if (share != 1).any():
        curves["lr"] = LossCurve(steps, lr * share[steps - 1], name="lr")
    return Recorded(lr, curves, stopped)


def _stopped(curves: dict[str, LossCurve]) -> int | None:
    watch = DivergenceWatch(metric="epoch_loss", goal="min")
    points = [
        (int(s), name, float(v))
        for name, curve in curves.items()
        for s, v in zip(curve.step, curve.loss, strict=True)
    ]
    for step, name, value in sorted(points, key=lambda p: p[0]):
        if watch(step, name, value) is not None:
            return step
    return None
