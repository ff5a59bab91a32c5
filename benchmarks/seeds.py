"""Do further seeds go where they change the answer, and are lottery tickets told from luck?

    python benchmarks/seeds.py [--tables 150]

A table holds the ends of 16 rates by seed: a bowl with a flat bottom, noise of each run's own, and half as much that
all rates of a seed share. It is confirmed by the code that scans use, with a budget of two runs for each further seed.
Once as it is; and once with a ticket planted: a rate that leads on the first seed and is worse on all others by a
quarter of the improvement.
"""

from __future__ import annotations

import argparse

import numpy as np
from table import show

from lrscope.config import at_rate
from lrscope.curves import LossCurve, Plan, Run, RunState, Scan
from lrscope.search.rate.confirm import confirm
from lrscope.search.rate.ranking import Judge
from lrscope.search.rate.replicates import Replicates
from lrscope.search.space import log_grid

RATES = log_grid(1e-3, 1.0)
MEANS = 0.002 * (np.arange(len(RATES)) - 8.3) ** 2
STEPS = 100
PLANTED, WORSE = RATES[12], 0.25
Ends = dict[tuple[float, int], float]


def table(trial: int, seeds: int, noise: float, ticket: bool) -> Ends:
    """Ends by rate and seed."""
    rng = np.random.default_rng([trial, seeds, round(1000 * noise)])
    ends: Ends = {}
    for seed in range(seeds):
        scatter = rng.standard_normal(len(RATES)) + 0.5 * rng.standard_normal()
        ends |= {at_rate(lr, seed): float(v) for lr, v in zip(RATES, MEANS + noise * scatter, strict=True)}
    if ticket:
        ends[PLANTED, 0] = min(ends[lr, 0] for lr in RATES) - 0.01
        for seed in range(1, seeds):
            ends[PLANTED, seed] += WORSE
    return ends


def scan_of(ends: Ends, keys: set[tuple[float, int]], seeds: int) -> Scan:
    """Whole runs of those keys, all of which start at 1."""
    steps = np.arange(1, STEPS + 1)
    runs = [
        Run(
            key.config,
            key.seed,
            {"loss": LossCurve(steps, [1.0, *[ends[key]] * (STEPS - 1)])},
            RunState.COMPLETE,
            STEPS,
        )
        for key in sorted(keys)
    ]
    return Scan(Plan(rates=RATES, seeds=tuple(range(seeds)), horizon=STEPS, budget=100.0), tuple(runs))


def settle(ends: Ends, seeds: int) -> tuple[bool, float, float, int]:
    """Whether a ticket was called, the rate named, the best of the first seed, and the further runs."""
    keys = {at_rate(lr, 0) for lr in RATES}
    order = sorted(RATES, key=lambda lr: ends[lr, 0])
    left = 2 * (seeds - 1) * STEPS
    while asks := confirm(scan_of(ends, keys, seeds), order, left):
        keys |= {ask.key for ask in asks}
        left -= STEPS * len(asks)
    known = Replicates(scan_of(ends, keys, seeds), Judge("loss", "min"), STEPS)
    return known.lottery(order) is not None, known.best(order), order[0], len(keys) - len(RATES)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tables", type=int, default=150)
    count = parser.parse_args().tables
    rows = []
    for seeds in (2, 3, 6):
        for noise in (0.01, 0.03, 0.08):
            plain = [settle(table(t, seeds, noise, ticket=False), seeds) for t in range(count)]
            planted = [settle(table(t, seeds, noise, ticket=True), seeds) for t in range(count)]
            given = [MEANS[RATES.index(lr)] - MEANS.min() for _, lr, _, _ in plain]
            alone = [MEANS[RATES.index(lr)] - MEANS.min() for _, _, lr, _ in plain]
            share = [np.mean([one[0] for one in found]) for found in (plain, planted)]
            named = sum(lr == PLANTED for _, lr, _, _ in planted)
            runs = f"{np.mean([one[3] for one in plain]):.1f} of {2 * (seeds - 1)}"
            rows.append(
                [seeds, f"{noise:.0%}", f"{share[0]:.0%}", f"{share[1]:.0%}", named, runs,
                 f"{100 * np.mean(alone):.2f}", f"{100 * np.mean(given):.2f}"]
            )  # fmt: skip
    head = [
        "seeds",
        "scatter",
        "false",
        "found",
        "named",
        "further runs",
        "given away: one seed",
        "all seeds",
    ]
    show("further seeds", head, rows)


if __name__ == "__main__":
    main()
