"""How far from the best rate do finders and scans land on real trainings, and what do they cost?

    python benchmarks/scan_live/run.py RESULTS.jsonl [--seeds 20] [--scans 5] [--truth 5] [--budgets 0.25 1 2 4]
                                                     [--only TASK…] [--table]

Trains: a fine grid over several seeds first, which is the truth; then every finder over `--seeds` seeds and every scan
over `--scans`. Each result is a line in RESULTS.jsonl as soon as it is there, so that the benchmark goes on where it
was stopped; `--table` only prints what there is. One process; PyTorch is held to one thread.

Regret is (final loss at the rate named - best) / (start - best), of the mean over seeds, cut to 0 … 1; between rates of
the grid the loss is interpolated in log rate, and below or above the grid it is that at its end. "off" is the mean
distance from the best rate in decades, "spread" that from the 10th to the 90th percentile over seeds, both over
tasks. A method that named nothing has regret 1.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from finders import FINDERS, suggest
from methods import HIGH, LOW, PER_DECADE, optuna_tpe, planners, ramp, scan
from tasks import TASKS, train

from lrscope.search.space import log_grid

sys.path.append(str(Path(__file__).resolve().parents[1]))
from cache import Cache

RATES = log_grid(LOW, HIGH, PER_DECADE)


def main() -> int:
    """Read the arguments, train what is missing, print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--scans", type=int, default=5)
    parser.add_argument("--truth", type=int, default=5)
    parser.add_argument("--budgets", type=float, nargs="+", default=[0.25, 1, 2, 4])
    parser.add_argument("--only", nargs="+", default=list(TASKS), choices=TASKS)
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    results = Cache(given.results)
    if not given.table:
        for key, work in _jobs(given):
            if results.get(key) is None:
                results.put(key, work())
    _print(results, given)
    return 0


def _jobs(given: argparse.Namespace) -> Iterator[tuple[list[Any], Callable[[], Any]]]:
    """Everything that is to be trained, by key: truth first; then finders and scans in turn, so that a table made on
    the way is a fair one."""
    for task in given.only:
        for seed in range(given.truth):
            for lr in RATES:
                yield ["truth", task, lr, seed], lambda t=task, r=lr, s=seed: _final(t, r, s)
    every = max(1, given.seeds // max(1, given.scans))
    for seed in range(given.seeds):
        for task in given.only:
            for package in FINDERS:
                if importlib.util.find_spec(package):
                    yield ["finder", package, task, seed], lambda p=package, t=task, s=seed: _found(p, t, s)
            for count in (1, 5):
                yield ["ramp", count, task, seed], lambda c=count, t=task, s=seed: _plain(ramp(t, c, s))
        if seed % every == 0 and seed // every < given.scans:
            yield from _scans(given, seed // every)


def _scans(given: argparse.Namespace, base: int) -> Iterator[tuple[list[Any], Callable[[], Any]]]:
    for task in given.only:
        for budget in given.budgets:
            for name in planners():
                if name != "grid" or budget >= 3:
                    yield (
                        ["scan", name, budget, task, base],
                        lambda n=name, b=budget, t=task: _plain(scan(t, n, b, base)),
                    )
            if budget >= 1 and importlib.util.find_spec("optuna"):
                yield (
                    ["scan", "Optuna TPE", budget, task, base],
                    lambda b=budget, t=task: _plain(optuna_tpe(t, b, base)),
                )


def _final(task: str, lr: float, seed: int) -> list[float | None]:
    """First training loss and mean of the last two validation losses; None where it died."""
    told = list(train(task, lr, 500_000 + seed))
    ends = [one["val_loss"] for one in told if "val_loss" in one][-2:]
    end = statistics.fmean(ends)
    return [told[0]["loss"], end if math.isfinite(end) and math.isfinite(told[-1]["loss"]) else None]


def _found(package: str, task: str, seed: int) -> dict[str, Any]:
    wall, cpu = time.perf_counter(), time.process_time()
    rules, error = suggest(package, TASKS[task], seed)
    return {
        "rules": rules,
        "error": error,
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
    }


def _plain(named: Any) -> dict[str, Any]:
    return dataclasses.asdict(named)


class Truth:
    """The loss of a task by rate, from the fine grid: mean over seeds, a run that died counting as no better than its
    start."""

    def __init__(self, results: Cache, task: str, seeds: list[int]) -> None:
        rows = [[results.get(["truth", task, lr, seed]) for seed in seeds] for lr in RATES]
        self.start = statistics.fmean(one[0] for row in rows for one in row if one)
        ends = [
            [self.start if one[1] is None else min(one[1], self.start) for one in row if one] for row in rows
        ]
        self.mean = np.array([statistics.fmean(row) for row in ends])
        place = int(np.argmin(self.mean))
        self.best = RATES[place]
        error = statistics.stdev(ends[place]) if len(ends[place]) > 1 else 0.0
        self.noise = error / (self.start - self.mean[place])

    def regret(self, lr: float | None) -> float:
        if lr is None:
            return 1.0
        loss = float(np.interp(math.log10(lr), np.log10(RATES), self.mean))
        return min(1.0, max(0.0, (loss - self.mean.min()) / (self.start - self.mean.min())))


def _print(results: Cache, given: argparse.Namespace) -> None:
    whole = {task: _whole(results, task) for task in given.only}
    truth = {task: Truth(results, task, seeds) for task, seeds in whole.items() if len(seeds) > 1}
    print(f"{'task':34}{'best rate':>10}{'within 1 %':>18}{'seed noise %':>14}{'seeds':>7}")
    for task, known in truth.items():
        good = [lr for lr in RATES if known.regret(lr) <= 0.01]
        print(
            f"{task:34}{known.best:10.3g}{f'{good[0]:.3g} to {good[-1]:.3g}':>18}{100 * known.noise:14.1f}"
            f"{len(whole[task]):7d}"
        )
    heads = f"{'mean':>7}{'median':>8}{'worst':>7}{'p95':>7}{'off':>7}{'spread':>8}"
    heads += f"{'runs':>7}{'cpu s':>7}{'none':>6}{'held':>6}"
    print(f"\n{'method':34}{heads}")
    for name, rows in _named(results, given, list(truth)).items():
        _row(name, rows, truth)


def _whole(results: Cache, task: str) -> list[int]:
    """Seeds with which every rate has been run."""
    return [seed for seed in range(100) if all(results.get(["truth", task, lr, seed]) for lr in RATES)]


def _named(results: Cache, given: argparse.Namespace, tasks: list[str]) -> dict[str, list[tuple]]:
    """Method → rows of (task, rate, full runs, cpu seconds, low, high)."""
    rows: dict[str, list[tuple]] = {}
    for task in tasks:
        share = 100 / TASKS[task].steps
        for lr in (1e-3, 1e-2):
            rows.setdefault(f"{lr:g} for everything", []).append((task, lr, 0.0, 0.0, None, None))
        for seed in range(given.seeds):
            for package in FINDERS:
                one = results.get(["finder", package, task, seed])
                for rule, lr in one["rules"].items() if one else ():
                    rows.setdefault(rule, []).append((task, lr, share, one["cpu"], None, None))
            for count in (1, 5):
                one = results.get(["ramp", count, task, seed])
                if one is None:
                    continue
                for rule in ("lost / 10", "minimum / 10", "steepest", "valley"):
                    lr = (one["rules"] or {}).get(rule)
                    name = f"lrscope ramp x {count}, {rule}"
                    rows.setdefault(name, []).append((task, lr, one["full_runs"], one["cpu"], None, None))
        for name in (*planners(), "Optuna TPE"):
            for budget in given.budgets:
                for base in range(given.scans):
                    one = results.get(["scan", name, budget, task, base])
                    if one:
                        row = (task, one["lr"], one["full_runs"], one["cpu"], one["low"], one["high"])
                        rows.setdefault(f"{name}, {budget:g}", []).append(row)
    return rows


def _row(name: str, rows: list[tuple], truth: dict[str, Truth]) -> None:
    regrets, offs, spreads = [], [], []
    for task, known in truth.items():
        rates = [row[1] for row in rows if row[0] == task]
        if not rates:
            continue
        regrets.append([known.regret(lr) for lr in rates])
        decades = [math.log10(lr / known.best) for lr in rates if lr is not None]
        if decades:
            offs.append(statistics.fmean(map(abs, decades)))
            spreads.append(float(np.subtract(*np.quantile(decades, [0.9, 0.1]))))
    every = [r for one in regrets for r in one]
    means = [statistics.fmean(one) for one in regrets]
    held = [row[4] <= truth[row[0]].best <= row[5] for row in rows if row[4] is not None]
    print(
        f"{name:34}{100 * statistics.fmean(means):7.1f}{100 * statistics.median(means):8.1f}{100 * max(means):7.1f}"
        f"{100 * float(np.quantile(every, 0.95)):7.1f}{statistics.fmean(offs or [math.nan]):7.2f}"
        f"{statistics.fmean(spreads or [math.nan]):8.2f}{statistics.fmean(r[2] for r in rows):7.2f}"
        f"{statistics.fmean(r[3] for r in rows):7.2f}{sum(r[1] is None for r in rows):6d}"
        f"{f'{statistics.fmean(held):.0%}' if held else '':>6}"
    )


if __name__ == "__main__":
    sys.exit(main())
