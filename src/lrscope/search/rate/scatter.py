"""Whether rates differ by more than runs do that are not seeded: chance must not be read as the rate's doing.

The ratio of the mean squared difference of neighbours to the variance is 2 where values are in no order, and near 0
where they follow a smooth curve: J. von Neumann, "Distribution of the Ratio of the Mean Square Successive Difference to
the Variance", Ann. Math. Statist. 12 (1941).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lrscope.curves import RunState, Scan
from lrscope.search.rate.cliff import start_value
from lrscope.search.rate.leader import Leader
from lrscope.search.rate.ranking import bad, reading

FEWEST_NEIGHBOURS = 8
"""Rates that have to be compared at one step before their order along the axis tells anything."""

NO_ORDER = 2.0
"""The ratio of values in no order; its standard deviation is ``2 sqrt((n - 2) / (n^2 - 1))``."""


def no_more_than_chance(scan: Scan, found: Leader) -> str | None:
    """A sentence where nothing that was seen depends on the rate; None where something does, or too little was seen.

    All of it has to hold: the seed does not reach the training; no run diverged; at the furthest step of
    `FEWEST_NEIGHBOURS` rates, and at that of all of
    them, values of neighbouring rates are no more alike than those of any two, within two standard deviations; and of
    the runs that came to half of a full run, at two rates or more, none ends behind the best by more than the
    tolerance.
    """
    runs = [run for run in scan.runs if run.seed == scan.plan.seeds[0] and run.state is not RunState.FAILED]
    if (
        scan.plan.seeded
        or any(bad(run) for run in runs)
        or len(runs) < FEWEST_NEIGHBOURS
        or scan.plan.horizon is None
    ):
        return None
    by = found.by
    gained = by.sign * start_value(scan, by.metric) - found.final
    steps = sorted((run.step for run in runs), reverse=True)
    for at in {steps[FEWEST_NEIGHBOURS - 1], steps[-1]}:
        values = np.array([reading(run, by, at) for run in runs if run.step >= at])
        if not np.isfinite(values).all() or in_order(values):
            return None
    late = [run for run in runs if 2 * run.step >= scan.plan.horizon or run.state is RunState.COMPLETE]
    ends = [reading(run, by, run.step) for run in late]
    if len({run.lr for run in late}) < 2 or not max(ends) - min(ends) <= scan.plan.tolerance * gained:
        return None
    return (
        f"The {len(runs)} learning rates tried cannot be told apart: neighbours differ as much as distant ones, so "
        "what differs is chance from run to run, and no rate is named. Check that the program uses its rate, "
        "and seed it ({seed}) if it can be seeded."
    )


def in_order(values: NDArray[np.float64]) -> bool:
    """Whether neighbours are more alike than chance has it, by more than two standard deviations."""
    n, spread = values.size, float(np.var(values))
    if spread == 0.0:
        return False
    ratio = float(np.mean(np.diff(values) ** 2)) / spread
    return ratio < NO_ORDER - 2 * 2 * math.sqrt((n - 2) / (n**2 - 1))
