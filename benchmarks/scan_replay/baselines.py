"""What people use today, on the same published runs and the same budget, in full runs.

A proposal that was run before costs nothing again. A run that died is told to the sampler as the worst
value, and costs only what it took.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from published import PublishedScan


def random_search(scan: PublishedScan, budget: float, seed: int) -> float:
    """Rates of the grid in random order, each to the horizon."""
    order = list(scan.rates)
    random.Random(seed).shuffle(order)
    tried: list[float] = []
    left = budget
    for lr in order:
        left -= _price(scan, lr)
        if left < -1e-9:
            break
        tried.append(lr)
    return _best(scan, tried) if tried else order[0]


def tpe(scan: PublishedScan, budget: float, seed: int) -> float:
    """Optuna's TPE over log rates, full runs."""
    return _optuna(scan, budget, seed, hyperband=False)


def tpe_hyperband(scan: PublishedScan, budget: float, seed: int) -> float:
    """Optuna's TPE with its Hyperband pruner, asked after each epoch."""
    return _optuna(scan, budget, seed, hyperband=True)


def _optuna(scan: PublishedScan, budget: float, seed: int, hyperband: bool) -> float:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    epochs = len(next(iter(scan.per_epoch.values()))) - 1
    pruner: optuna.pruners.BasePruner = optuna.pruners.NopPruner()
    if hyperband:
        pruner = optuna.pruners.HyperbandPruner(min_resource=1, max_resource=epochs, reduction_factor=3)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed), pruner=pruner)
    reached: dict[float, int] = {}
    seen: dict[float, float] = {}
    left, asked = budget, 0
    while left > 1e-9 and asked < 200:
        asked += 1
        trial = study.ask()
        x = trial.suggest_float("x", math.log10(scan.rates[0]), math.log10(scan.rates[-1]))
        lr = min(scan.rates, key=lambda rate: abs(math.log10(rate) - x))
        pruned, value = False, math.inf
        for epoch in range(1, epochs + 1):
            loss = float(scan.per_epoch[lr][epoch])
            if epoch > reached.get(lr, 0):
                reached[lr] = epoch
                left -= 1 / epochs
            if left < -1e-9:
                break
            if not math.isfinite(loss):
                value = math.inf
                break
            value = min(value, loss) if scan.objective == "best" else loss
            trial.report(value, epoch)
            if hyperband and trial.should_prune():
                pruned = True
                break
        if left < -1e-9:
            break
        seen[lr] = value
        if pruned:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            study.tell(trial, value if math.isfinite(value) else 10 * scan.start)
    complete = [lr for lr in seen if reached[lr] == epochs and math.isfinite(seen[lr])]
    if complete:
        return min(complete, key=lambda lr: (seen[lr], lr))
    return min(reached, key=lambda lr: (seen.get(lr, math.inf), lr))


def _price(scan: PublishedScan, lr: float) -> float:
    dead = scan.runs[lr].dead
    return 1.0 if dead is None else dead / scan.horizon


def _best(scan: PublishedScan, tried: list[float]) -> float:
    def end(lr: float) -> float:
        value = float(scan.final[scan.rates.index(lr)])
        return value if math.isfinite(value) else math.inf

    return min(tried, key=lambda lr: (end(lr), lr))


BASELINES: dict[str, Callable[[PublishedScan, float, int], float]] = {
    "random search": random_search,
    "Optuna TPE": tpe,
    "Optuna TPE + Hyperband": tpe_hyperband,
}
