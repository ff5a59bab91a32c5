"""Optuna 5 as people use it: its samplers over the rates, with and without its pruners, asked after each epoch.

A proposal is an index into the grid, so that all methods choose among the same rates. A run that died is told as no
better than no training at all: an infinite value would blind the Gaussian process.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from published import PublishedScan

from baselines.account import Account, Named, SpentError, names

PROPOSALS = 150
"""At most; proposing a rate again costs nothing, so a sampler that repeats itself would never come to an end."""


def optuna_method(
    sampler: str, pruner: str | None = None, proposals: int = PROPOSALS
) -> Callable[[PublishedScan, Sequence[float], int], Named]:
    """A method by the names of Optuna's classes."""

    def method(scan: PublishedScan, budgets: Sequence[float], seed: int) -> Named:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        account = Account(scan, max(budgets))
        settings: dict[str, Any] = {}
        if pruner == "HyperbandPruner":
            settings = {"min_resource": 1, "max_resource": account.epochs, "reduction_factor": 3}
        chosen = getattr(optuna.pruners, pruner)(**settings) if pruner else optuna.pruners.NopPruner()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            study = optuna.create_study(sampler=getattr(optuna.samplers, sampler)(seed=seed), pruner=chosen)
            with suppress(SpentError):
                for _ in range(proposals):
                    _one(study, account, pruned=pruner is not None)
        return names(account, budgets)

    return method


def _one(study: Any, account: Account, *, pruned: bool) -> None:
    import optuna

    scan = account.scan
    trial = study.ask()
    lr = scan.rates[trial.suggest_int("rate", 0, len(scan.rates) - 1)]
    value = math.inf
    if not pruned:
        value = account.train(lr, scan.horizon)
    else:
        for epoch in range(1, account.epochs + 1):
            value = account.epoch(lr, epoch)
            trial.report(value if math.isfinite(value) else scan.start, epoch)
            if not math.isfinite(value):
                break
            if trial.should_prune():
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                return
    study.tell(trial, value if math.isfinite(value) else scan.start)
