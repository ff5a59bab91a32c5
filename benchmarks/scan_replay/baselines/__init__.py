"""What people use today, on the same published runs for the same price: one table of methods.

A method is a function of (scan, budgets, seed) that gives the rate it names for each budget. `REPEATS` tells how many
seeds are worth their time: one where nothing is random, few where a single course takes a minute.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from published import PublishedScan

from baselines.account import Named
from baselines.optuna_samplers import optuna_method
from baselines.plain import coarse_grid, halving, hyperband, random_search, usual_rate
from baselines.syne_tune_asha import syne_tune_asha

Method = Callable[[PublishedScan, Sequence[float], int], Named]


@dataclass(frozen=True)
class Baseline:
    """A method, the most seeds it is worth running with, and the package it needs."""

    method: Method
    repeats: int = 20
    needs: str | None = None


BASELINES: dict[str, Baseline] = {
    "usual default rate": Baseline(usual_rate, 1),
    "coarse grid": Baseline(coarse_grid, 1),
    "random search": Baseline(random_search),
    "halving, eta 2": Baseline(halving(2), 1),
    "halving, eta 3": Baseline(halving(3), 1),
    "halving, eta 4": Baseline(halving(4), 1),
    "Hyperband": Baseline(hyperband),
    "Syne Tune ASHA": Baseline(syne_tune_asha, needs="syne_tune"),
    "Optuna random + ASHA": Baseline(
        optuna_method("RandomSampler", "SuccessiveHalvingPruner"), needs="optuna"
    ),
    "Optuna TPE": Baseline(optuna_method("TPESampler"), needs="optuna"),
    "Optuna TPE + Hyperband": Baseline(optuna_method("TPESampler", "HyperbandPruner"), 10, "optuna"),
    "Optuna TPE + median": Baseline(optuna_method("TPESampler", "MedianPruner"), 10, "optuna"),
    "Optuna GPSampler": Baseline(optuna_method("GPSampler", proposals=60), 4, "torch"),
}
"""By the name in the table."""
