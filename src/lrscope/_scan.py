"""The public function `scan`: checks what was asked for, and hands it to the door."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

from lrscope._progress import observer_of
from lrscope._scan_result import ScanResult
from lrscope.curves import Plan
from lrscope.errors import UsageError
from lrscope.search.assemble import assemble, fixed_config, source_of
from lrscope.search.planners import registry
from lrscope.search.planners.base import Planner
from lrscope.search.progress import Observer
from lrscope.search.rate.budget import COMPARED_RATES
from lrscope.search.space import log_grid
from lrscope.training.engine.base import Engine
from lrscope.training.source.base import Source

__all__ = ["ScanResult", "scan"]

DEFAULT_BUDGET = 4.0
"""Full runs that a scan may cost unless told otherwise: enough for halving to name a rate."""

DEFAULT_CALLS = 12
"""And for runs that cannot be paused: a look at six rates over the whole range, and at six beside the best."""


def scan(
    source: Callable[..., Any] | str | Sequence[str] | Source,
    *,
    low: float = 1e-5,
    high: float = 10.0,
    per_decade: int = 5,
    steps: int | None = None,
    budget: float | None = None,
    metric: str | None = None,
    goal: Literal["min", "max"] | None = None,
    objective: Literal["last", "best"] = "last",
    seeds: int = 1,
    jobs: int = 1,
    engine: Literal["serial", "processes", "ray"] | Engine | None = None,
    planner: str | Planner = registry.DEFAULT_PLANNER,
    config: Mapping[str, Any] | None = None,
    pattern: str | None = None,
    metrics_file: str | None = None,
    max_paused: int | None = None,
    tolerance: float = 0.05,
    out: str | os.PathLike[str] | None = None,
    fresh: bool = False,
    progress: bool | Observer | None = None,
) -> ScanResult:
    """Find a learning rate.

    Parameters
    ----------
    source : callable, str, sequence of str, or Source
        What is trained: a function (a generator ``train(lr, seed)``, a callback ``train(run)`` or a plain
        ``f(lr)``), its place as ``"file.py:name"``, or a program's arguments with ``{lr}`` among them.
    low, high : float
        Ends of the range of rates.
    per_decade : int
        Rates in each factor of ten.
    steps : int, optional
        Length of a full run. Default: what the program prints, or where a first run ends.
    budget : float, optional
        What may be spent, in full runs. Default: 4; for a plain function, which cannot be paused so that each
        call is a full run, 12 calls, which find a rate on the default grid (or as many as there are rates).
    metric : str, optional
        What to judge by. Default: a reward, else a validation loss, else a loss, else a score.
    goal : {"min", "max"}, optional
        Whether less or more of it is better. Default: by its name, else as the runs show.
    objective : {"last", "best"}
        Judge a run by its end, or by the best that it reached (training with early stopping).
    seeds : int
        Seeds 0 to seeds-1: how many to confirm the best rates on.
    jobs : int
        Runs that train at the same time.
    engine : {"serial", "processes", "ray"} or Engine, optional
        Where runs live. Default: here for one job, processes for more.
    planner : {"flow", "halving", "grid"} or Planner
        "flow" trains the run that settles most about which rate ends best, by a model of all curves; it is the
        default because it names better rates for the same cost. "halving" is successive halving; "grid" takes every
        rate to its end.
    config : mapping of str to number, str or bool, optional
        Further hyperparameters, the same in every run: keyword arguments of a function, ``{name}`` of a command.
    pattern, metrics_file : str, optional
        For programs: a regular expression for output lines; a JSONL or CSV file to read instead.
    max_paused : int, optional
        Runs that may wait in memory; with 0 a run is ended before another starts, and started anew to go on. Default:
        as many as half of the free memory holds, at least 2, but no more than have been seen to fit side by side.
    tolerance : float
        Width of the band of good rates, as a share of the improvement: what training gains from its start
        to the best end.
    out : path, optional
        Folder of the results; the same call continues there. Default: nothing is written.
    fresh : bool
        Start over in `out`; what was measured is moved to ``before-<time>`` in it, never deleted.
    progress : bool or callable, optional
        True shows progress on standard error; a callable is given `search.progress.SearchSnapshot`s.

    Returns
    -------
    ScanResult
        Also after a Ctrl-C, with what was found so far and ``finished=False``. Its `lr` is None, with the
        reason in `recommendation.reason`, where nothing could be concluded.

    Raises
    ------
    UsageError
        If an argument is wrong (it is a ValueError), `SourceError` if the source is, `SettingsError` if `out`
        holds a scan with other settings or is in use.
    InconclusiveError
        If all runs failed.
    StoreError
        If results cannot be written.

    Examples
    --------
    >>> def train(lr, seed):
    ...     w = 1.0
    ...     for _ in range(50):
    ...         w -= lr * 2 * w
    ...         yield w * w
    >>> result = scan(train, low=1e-3, high=10, steps=50)
    >>> 0.1 < result.lr.value < 1
    True
    """
    _check_numbers(
        steps=steps, budget=budget, seeds=seeds, jobs=jobs, tolerance=tolerance, max_paused=max_paused
    )
    _one_of("goal", goal, ("min", "max", None))
    _one_of("objective", objective, ("last", "best"))
    rates = log_grid(low, high, per_decade)
    chosen = planner if isinstance(planner, Planner) else registry.make(planner)
    fixed = fixed_config(config)
    trained = source_of(
        source, parameters=("lr", *fixed), metric=metric, pattern=pattern, metrics_file=metrics_file
    )
    if budget is None:
        budget = (
            DEFAULT_BUDGET
            if trained.pausable
            else float(max(min(COMPARED_RATES, len(rates)), min(DEFAULT_CALLS, len(rates))))
        )
    plan = Plan(
        rates,
        tuple(range(seeds)),
        steps,
        budget,
        metric,
        goal,
        objective,
        tolerance,
        pausable=trained.pausable,
        fixed=fixed,
        seeded=trained.takes_seed,
    )
    with ExitStack() as stack:
        observer = observer_of(progress, stack)
        session = stack.enter_context(
            assemble(
                trained,
                chosen,
                plan,
                engine=engine,
                jobs=jobs,
                out=None if out is None else Path(out),
                fresh=fresh,
                max_paused=max_paused,
                observer=observer,
            )
        )
        return ScanResult(session.run())


def _check_numbers(
    *,
    steps: int | None,
    budget: float | None,
    seeds: int,
    jobs: int,
    tolerance: float,
    max_paused: int | None,
) -> None:
    whole = {"steps": steps, "seeds": seeds, "jobs": jobs, "max_paused": max_paused}
    for name, value in whole.items():
        if value is None and name in ("steps", "max_paused"):
            continue
        least = 0 if name == "max_paused" else 1
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise UsageError(f"{name} must be a whole number of at least {least}, not {value!r}.")
    for name, number in (("budget", budget), ("tolerance", tolerance)):
        if number is None:
            continue
        if not (isinstance(number, int | float) and math.isfinite(number) and number > 0):
            raise UsageError(f"{name} must be a positive number, not {number!r}.")
    if tolerance >= 1:
        raise UsageError(f"tolerance must be below 1 (it is a share of the improvement), not {tolerance!r}.")


def _one_of(name: str, value: object, allowed: Sequence[object]) -> None:
    if value not in allowed:
        words = ", ".join(repr(a) for a in allowed if a is not None)
        raise UsageError(f"{name} must be one of {words}, not {value!r}.")
