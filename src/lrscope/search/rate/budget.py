"""What a budget comes to in steps, and whether it can answer at all."""

from __future__ import annotations

import math

from lrscope.curves import Plan
from lrscope.errors import UsageError

FEWEST_RATES = 3
"""Rates that a range has to hold before one of them can be called better than its neighbours."""

COMPARED_RATES = 4
"""Rates that have to be compared before one of them is named, where the range holds as many: of three, two are ends."""


def check_budget(plan: Plan) -> None:
    """Raise where `plan` cannot be carried out.

    Raises
    ------
    UsageError
        If there are fewer than three rates, no seed, or the budget cannot try as many as it takes to name one; the
        message says what budget would do.
    """
    if len(plan.rates) < FEWEST_RATES:
        raise UsageError(
            f"A scan needs at least three learning rates to compare, but its range holds {len(plan.rates)}; "
            f"widen it (--low, --high) or make it finer (--per-decade)."
        )
    if not plan.seeds:
        raise UsageError("A scan needs at least one seed.")
    if not (math.isfinite(plan.budget) and plan.budget > 0):
        raise UsageError(f"budget must be a positive number of full runs, not {plan.budget!r}.")
    fewest = rates_needed(plan)
    words = "three" if fewest == FEWEST_RATES else "four"
    if not plan.pausable or plan.horizon == 1:
        if plan.budget < fewest:
            raise UsageError(
                f"A budget of {plan.budget:g} cannot try {words} learning rates, because each of these runs "
                f"counts as a whole one; --budget {fewest} is the smallest that can."
            )
        return
    if plan.horizon is None:
        return
    if plan.horizon < 1:
        raise UsageError(f"steps must be at least 1, not {plan.horizon!r}.")
    if plan.scout is not None:
        need = 1 + (fewest - 1) / plan.horizon
        because = (
            "the first one was trained to its end to learn how long a run is (giving --steps avoids that)"
        )
    else:
        need = fewest / plan.horizon
        because = f"a full run has only {plan.horizon} steps"
    if plan.budget * plan.horizon < need * plan.horizon - 1e-6:
        least = math.ceil(need * 100) / 100
        raise UsageError(
            f"A budget of {plan.budget:g} full runs cannot try {words} learning rates, because {because}; "
            f"--budget {least:g} is the smallest that can."
        )


def rates_needed(plan: Plan) -> int:
    """Rates that have to be compared before one of them is named."""
    return min(COMPARED_RATES, len(plan.rates))


def total_steps(plan: Plan) -> int:
    """The budget in steps. The horizon must be known."""
    return 0 if plan.horizon is None else math.floor(plan.budget * plan.horizon + 1e-6)
