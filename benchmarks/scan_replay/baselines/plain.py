"""What needs no library: default rates, random search, a coarse grid, halving of the whole grid, Hyperband."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from contextlib import suppress

from published import PublishedScan

from baselines.account import Account, Named, SpentError, names

USUAL = {"adam": 1e-3, "sgd": 1e-2, "momentum": 1e-2}
"""What tutorials and libraries start from."""


def usual_rate(scan: PublishedScan, budgets: Sequence[float], seed: int) -> Named:
    """The usual default of the optimiser; costs nothing."""
    usual = USUAL[scan.name.partition("/")[2]]
    lr = min(scan.rates, key=lambda rate: abs(math.log(rate / usual)))
    return dict.fromkeys(budgets, lr)


def random_search(scan: PublishedScan, budgets: Sequence[float], seed: int) -> Named:
    """Rates of the grid in random order, each to the horizon."""
    order = list(scan.rates)
    random.Random(seed).shuffle(order)
    account = Account(scan, max(budgets))
    with suppress(SpentError):
        for lr in order:
            account.train(lr, scan.horizon)
    return names(account, budgets)


def coarse_grid(scan: PublishedScan, budgets: Sequence[float], seed: int) -> Named:
    """As many rates as there are full runs, evenly spread, each to the horizon."""
    named = {}
    for budget in budgets:
        count = min(len(scan.rates), max(1, int(budget + 1e-9)))
        account = Account(scan, budget)
        with suppress(SpentError):
            for place in range(count):
                account.train(scan.rates[(2 * place + 1) * len(scan.rates) // (2 * count)], scan.horizon)
        named[budget] = account.named(budget)
    return named


def halving(eta: int) -> Callable[[PublishedScan, Sequence[float], int], Named]:
    """Synchronous successive halving of the whole grid, runs resumed: the best 1/eta go eta times as far.

    The first rung is the longest after which the rest can still be paid. Where not even a single step of every
    rate can be, the grid is thinned evenly.
    """

    def method(scan: PublishedScan, budgets: Sequence[float], seed: int) -> Named:
        return {budget: _halved(scan, budget, eta) for budget in budgets}

    return method


def _halved(scan: PublishedScan, budget: float, eta: int) -> float:
    count = len(scan.rates)
    while count > 1 and _price(count, 1, eta, scan.horizon) > budget * scan.horizon:
        count -= 1
    low, high = 1, scan.horizon
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (
            (middle, high)
            if _price(count, middle, eta, scan.horizon) <= budget * scan.horizon + 1e-6
            else (low, middle - 1)
        )
    account = Account(scan, budget)
    field = [scan.rates[i * (len(scan.rates) - 1) // max(1, count - 1)] for i in range(count)]
    step = low
    while True:
        try:
            values = {lr: account.train(lr, step) for lr in field}
        except SpentError:
            break
        field = sorted(field, key=lambda lr: (values[lr], lr))
        if len(field) == 1 or step >= scan.horizon:
            break
        field = field[: max(1, len(field) // eta)]
        step = min(step * eta, scan.horizon)
    return field[0]


def _price(count: int, step: int, eta: int, horizon: int) -> int:
    total = count * step
    while count > 1 and step < horizon:
        count = max(1, count // eta)
        further = min(step * eta, horizon)
        total += count * (further - step)
        step = further
    return total


def hyperband(scan: PublishedScan, budgets: Sequence[float], seed: int, eta: int = 3) -> Named:
    """Hyperband (Li et al., JMLR 18, 2018, algorithm 1) with an epoch as its unit, brackets one after the other and
    over again, rates drawn from the grid."""
    draw = random.Random(seed)
    account = Account(scan, max(budgets))
    most = int(math.log(account.epochs, eta))
    with suppress(SpentError):
        for bracket in (s for _ in range(100) for s in range(most, -1, -1)):
            field = [
                draw.choice(scan.rates) for _ in range(math.ceil((most + 1) / (bracket + 1) * eta**bracket))
            ]
            for rung in range(bracket + 1):
                epoch = max(1, round(account.epochs * eta ** (rung - bracket)))
                values = {lr: account.epoch(lr, epoch) for lr in field}
                field = sorted(values, key=lambda lr: (values[lr], lr))[: max(1, len(field) // eta)]
            if len(account.reached) == len(scan.rates) and min(account.reached.values()) == scan.horizon:
                break
    return names(account, budgets)
