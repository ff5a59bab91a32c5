"""How long is a full run? Given, printed by the program, or learned from one run that is let through."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lrscope.config import RunKey
from lrscope.curves import RunState
from lrscope.errors import InconclusiveError
from lrscope.search.executor import Executor
from lrscope.search.planners.base import Advance

NOTICE_SECONDS = 10.0
"""Seconds after which the user is told that a run is let through to its end."""


@dataclass(frozen=True, slots=True)
class Horizon:
    """Steps in a full run, and the run that was let through to learn it (None where it was told)."""

    steps: int
    scout: RunKey | None
    reason: str


def learn_horizon(executor: Executor, keys: Sequence[RunKey], *, clock: Callable[[], float]) -> Horizon:
    """Advance one run to its first value; if it tells a total, that is the horizon; else let it through.

    The first of `keys` goes first; where it diverges or fails before its end, the next one.

    Raises
    ------
    InconclusiveError
        If no run comes to its end.
    """
    failed: list[RunKey] = []
    for key in keys:
        found = _from_one(executor, key, clock)
        if found is not None:
            return found
        if executor.runs[key].state is RunState.FAILED:
            failed.append(key)
            if len(failed) == 2:
                steps = executor.accept_late_failure(failed)
                if steps is not None:
                    reason = (
                        f"A full run is {steps} steps: both runs that were let through failed just after it."
                    )
                    return Horizon(steps, failed[0], reason)
                raise executor.failure("The first two runs failed:")
    if failed and len(failed) == len(keys):
        raise executor.failure("The first run failed:")
    raise InconclusiveError(_none_came_to_its_end(executor, [key.lr for key in keys]))


def _none_came_to_its_end(executor: Executor, rates: Sequence[float]) -> str:
    ends = [run for run in executor.runs.values() if run.state.final]
    values = [v for run in ends for t in run.traces.by_name.values() for v in t.values]
    low, high = min(rates), max(rates)
    if values and all(math.isnan(v) for v in values):
        return (
            f"Everything reported was NaN, at each of the {len(ends)} learning rates tried (from {low:g} to "
            f"{high:g}): look for the fault in the data or the loss; another learning rate will not help."
        )
    why = f" (the last: {ends[-1].reason})" if ends and ends[-1].reason else ""
    return (
        f"No run at a learning rate of {high:g} or below came to its end{why}, so the length of a "
        "full run is not known: give lower rates with --low, or the length with --steps."
    )


def _from_one(executor: Executor, key: RunKey, clock: Callable[[], float]) -> Horizon | None:
    run = executor.runs.get(key)
    if run is None or not (run.state.final or run.step >= 1):
        executor.drive([_ask(executor, key, 1, "Learning how long a run is: its first value.")])
        run = executor.runs[key]
    if not run.state.final and executor.total is None:
        ask = _ask(
            executor,
            key,
            None,
            "Learning how long a run is: the program printed no total, so this run is trained to its end.",
        )
        began, spoken = clock(), False

        def enough() -> bool:
            nonlocal spoken
            if not spoken and clock() - began > NOTICE_SECONDS:
                spoken = True
                executor.ledger.note(
                    f"The first run ({key.config}) is trained to its own end, to learn how long a run is. "
                    "If it never ends by itself, give --steps."
                )
                executor.ledger.flush()
            return executor.total is not None

        executor.drive([ask], enough)
    if executor.total is not None:
        return Horizon(executor.total, None, f"A full run is {executor.total} steps, as the program says.")
    if run.state is RunState.COMPLETE and run.step >= 1:
        reason = f"A full run is {run.step} steps: the run at lr {key.lr:g} ended by itself there."
        return Horizon(run.step, key, reason)
    return None


def _ask(executor: Executor, key: RunKey, to_step: int | None, reason: str) -> Advance:
    executor.ledger.decide("horizon", reason, key, to_step=to_step)
    executor.ledger.flush()
    return Advance(key, to_step, reason)
