"""How long is a full run? Given, printed by the program, or learned from one run that is let through."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lrscope.curves import RunKey, RunState
from lrscope.errors import InconclusiveError
from lrscope.search.executor import Executor
from lrscope.search.planners.base import Advance
from lrscope.training.store.base import Decision

CAUTIOUS = 1e-3
"""The rate that is tried first: it trains, if slowly, nearly everywhere, and seldom diverges."""

SPEAK_UP_AFTER = 10.0
"""Seconds after which the user is told that a run is let through to its end."""

FEW_POINTS = 8
"""Values in a full run below which early stopping has little to go by."""


@dataclass(frozen=True, slots=True)
class Horizon:
    """Steps in a full run, and the run that was let through to learn it (None where it was told)."""

    steps: int
    scout: RunKey | None
    reason: str


def learn_horizon(
    driver: Executor, rates: Sequence[float], seed: int, *, clock: Callable[[], float]
) -> Horizon:
    """Advance one run to its first value; if it tells a total, that is the horizon; else let it through.

    The rate nearest to 1e-3 goes first; where it diverges or fails before its end, the next lower one.

    Raises
    ------
    InconclusiveError
        If no run comes to its end.
    """
    first = min(range(len(rates)), key=lambda i: abs(math.log(rates[i] / CAUTIOUS)))
    failed = 0
    for lr in reversed(rates[: first + 1]):
        key = (lr, seed)
        found = _from_one(driver, key, clock)
        if found is not None:
            return found
        if driver.records[key].state is RunState.FAILED:
            failed += 1
            if failed == 2:
                raise driver.failure("The first two runs failed:")
    if failed and failed == first + 1:
        raise driver.failure("The first run failed:")
    raise InconclusiveError(_none_came_to_its_end(driver, rates[: first + 1]))


def _none_came_to_its_end(driver: Executor, rates: Sequence[float]) -> str:
    ends = [r for r in driver.records.values() if r.state.final]
    values = [v for r in ends for t in r.traces.by_name.values() for v in t.values]
    if values and all(math.isnan(v) for v in values):
        return (
            f"Everything reported was NaN, at each of the {len(ends)} learning rates tried (from {rates[0]:g} to "
            f"{rates[-1]:g}): look at the data and the loss first; no learning rate mends this."
        )
    why = f" (the last: {ends[-1].reason})" if ends and ends[-1].reason else ""
    return (
        f"No run at a learning rate of {rates[-1]:g} or below came to its end{why}, so the length of a "
        "full run is not known: give lower rates with --low, or the length with --steps."
    )


def _from_one(driver: Executor, key: RunKey, clock: Callable[[], float]) -> Horizon | None:
    record = driver.records.get(key)
    if record is None or not (record.state.final or record.step >= 1):
        driver.drive([_ask(driver, key, 1, "Learning how long a run is: its first value.")])
        record = driver.records[key]
    if not record.state.final and driver.total is None:
        ask = _ask(driver, key, None, "Learning how long a run is: it told no total, so it is let through.")
        began, spoken = clock(), False

        def enough() -> bool:
            nonlocal spoken
            if not spoken and clock() - began > SPEAK_UP_AFTER:
                spoken = True
                driver.note(
                    f"Letting the first run (lr {key[0]:g}) go to its own end, to learn how long a run is. "
                    "If it never ends by itself, give --steps."
                )
            return driver.total is not None

        driver.drive([ask], enough)
    if driver.total is not None:
        return Horizon(driver.total, None, f"A full run is {driver.total} steps: the program says so.")
    if record.state is RunState.COMPLETE and record.step >= 1:
        reason = f"A full run is {record.step} steps: the run at lr {key[0]:g} ended there by itself."
        return Horizon(record.step, key, reason)
    return None


def _ask(driver: Executor, key: RunKey, to_step: int | None, reason: str) -> Advance:
    driver.store.append([driver.decide(Decision("horizon", reason, key, {"to_step": to_step}))])
    return Advance(key, to_step, reason)
