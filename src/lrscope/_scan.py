"""The public functions: `scan` makes a scan, `load` reads one from disk, and both give a `ScanResult`."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Literal

from lrscope._scan_result import ScanResult
from lrscope.curves import Plan, Scan
from lrscope.errors import StoreError, UsageError
from lrscope.search.conclude import conclude
from lrscope.search.outcome import Outcome
from lrscope.search.planners.base import Planner
from lrscope.search.planners.budget import FEWEST, check
from lrscope.search.planners.kept import OWN, KeptPlanner
from lrscope.search.progress import Observer
from lrscope.search.resume import directions_of, has_ended, planner_name
from lrscope.search.session import Session
from lrscope.search.space import log_grid
from lrscope.training.engine.base import Engine
from lrscope.training.source.base import Source
from lrscope.training.source.function.ramp import Ramp, RampSource
from lrscope.training.store.base import Ledger, Store
from lrscope.training.store.lock import FileLock
from lrscope.training.store.memory import MemoryStore
from lrscope.training.store.sqlite import SqliteStore
from lrscope.training.store.sqlite_read import read_file

__all__ = ["ScanResult", "load", "scan"]

BUDGET = 4.0
"""Full runs that a scan may cost unless told otherwise: enough for halving to name a rate."""
CALLS = 12
"""And for runs that cannot be paused: a look at six rates over the whole range, and at six beside the best."""

RAMP_STEPS = 100
"""Steps of a ramp: what the finders take whose answer it is to give."""
RAMPS = 5
"""Ramps, each with a seed of its own: fewer leave the spread over seeds a guess."""

RAMP = "RampPlanner"
DATABASE = "scan.sqlite"
_OURS = (DATABASE, DATABASE + "-wal", DATABASE + "-shm", "logs", "report.html")


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
    planner: Literal["flow", "halving", "grid", "race", "ramp"] | Planner = "flow",
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
        Length of a full run. Default: what the program prints, or where a first run ends. Of a ramp: 100.
    budget : float, optional
        What may be spent, in full runs. Default: 4; for a plain function, which cannot be paused so that each
        call is a full run, 12 calls, which find a rate on the default grid (or as many as there are rates). For
        ramps, their number: 5.
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
    planner : {"flow", "halving", "grid", "race", "ramp"} or Planner
        "flow" advances the run that tells most about which rate ends best, by a model of all curves; it is the
        default because it names better rates for the same cost. "halving" is successive halving; "grid" takes every
        rate to its end, "race" every rate until it can no longer win, at a risk of 10 % over all looks
        (`search.rate.stopping` says what that rests on); "ramp" is the range test, whose few short runs climb through
        the rates, for functions that take a new rate at each step.
    pattern, metrics_file : str, optional
        For programs: a regular expression for output lines; a JSONL or CSV file to read instead.
    max_paused : int, optional
        Runs that may wait in memory. Default: as many as half of the free memory holds, at least 2.
    tolerance : float
        Width of the band of good rates, as a share of what training gains.
    out : path, optional
        Folder of the results; the same call continues there. Default: nothing is written.
    fresh : bool
        Start over in `out`; what was measured is moved to ``before-<time>`` in it, never deleted.
    progress : bool or callable, optional
        True shows progress on standard error; a callable is given `search.progress.Snapshot`s.

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
    chosen = _planner(planner)
    trained = _source(source, metric, pattern, metrics_file)
    ramp = planner_name(chosen).startswith(RAMP)
    if ramp:
        steps = RAMP_STEPS if steps is None else steps
        budget = float(max(RAMPS, seeds)) if budget is None else budget
        seeds = max(1, int(budget))
        trained = RampSource(trained, Ramp(rates[0], rates[-1], steps))
    if budget is None:
        budget = BUDGET if trained.pausable else float(max(FEWEST, min(CALLS, len(rates))))
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
        ramp=ramp,
    )
    check(plan)
    with ExitStack() as stack:
        place = stack.enter_context(closing(_engine(engine, trained, jobs)))
        folder = None if out is None else Path(out)
        store: Store = MemoryStore() if folder is None else _open(folder, fresh)
        stack.enter_context(closing(store))
        session = Session(
            trained,
            place.engine,
            chosen,
            store,
            plan,
            observer=_observer(progress, stack),
            max_paused=max_paused,
            logs=None if folder is None else folder / "logs",
        )
        return ScanResult(session.run())


def load(path: str | os.PathLike[str]) -> ScanResult:
    """Read a scan from its folder, or from its ``scan.sqlite``. Also while it is still running.

    Raises
    ------
    StoreError
        If there is none, or it cannot be read.
    """
    where = Path(path)
    file = where / DATABASE if where.is_dir() else where
    if where.is_dir() and not file.exists():
        raise StoreError(f"{where} holds no scan (no {DATABASE}): name the folder that a scan wrote.")
    return ScanResult(_from_ledger(read_file(file), file))


def _from_ledger(ledger: Ledger, file: Path) -> Outcome:
    s = ledger.settings
    if not s:
        raise StoreError(f"{file} holds a scan that had not begun.")
    scout = s.get("scout")
    horizon = s["steps"] if s["steps"] is not None else s.get("horizon")
    plan = Plan(
        tuple(s["rates"]),
        tuple(s["seeds"]),
        horizon,
        s["budget"],
        s["metric"],
        s["goal"],
        s["objective"],
        s["tolerance"],
        s["level"],
        s["pausable"],
        None if scout is None else (scout[0], scout[1]),
        ramp=s["planner"].startswith(RAMP),
        directions=directions_of(s),
    )
    planner = _planner_of(s["planner"], ledger)
    finished = has_ended(ledger.decisions)
    return conclude(s["name"], Scan(plan, ledger.runs), planner, ledger.decisions, finished=finished)


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
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise UsageError(f"{name} must be a whole number of at least 1, not {value!r}.")
    for name, number in (("budget", budget), ("tolerance", tolerance)):
        if number is None:
            continue
        if not (isinstance(number, int | float) and math.isfinite(number) and number > 0):
            raise UsageError(f"{name} must be a positive number, not {number!r}.")
    if tolerance >= 1:
        raise UsageError(
            f"tolerance must be below 1 (it is a share of what training gains), not {tolerance!r}."
        )


def _one_of(name: str, value: object, allowed: Sequence[object]) -> None:
    if value not in allowed:
        words = ", ".join(repr(a) for a in allowed if a is not None)
        raise UsageError(f"{name} must be one of {words}, not {value!r}.")


def _source(source: Any, metric: str | None, pattern: str | None, metrics_file: str | None) -> Source:
    if isinstance(source, Source):
        return source
    if callable(source) or isinstance(source, str):
        from lrscope.training.source.function.source import FunctionSource

        for name, value in (("pattern", pattern), ("metrics_file", metrics_file)):
            if value is not None:
                raise UsageError(f"{name} is for programs; a function reports its values itself.")
        return FunctionSource(source)
    if isinstance(source, Sequence) and all(isinstance(word, str) for word in source):
        from lrscope.training.source.program.source import CommandSource

        return CommandSource(source, metric=metric, pattern=pattern, metrics_file=metrics_file)
    raise UsageError(
        "source must be a function, its place as 'file.py:name', or a list of a program's arguments, "
        f"not {type(source).__name__}."
    )


def _planner(planner: str | Planner) -> Planner:
    if isinstance(planner, Planner):
        return planner
    _one_of("planner", planner, ("flow", "halving", "grid", "race", "ramp"))
    if planner == "race":
        from lrscope.search.planners.race import RacePlanner

        return RacePlanner()
    if planner == "ramp":
        from lrscope.search.range_test.planner import RampPlanner

        return RampPlanner()
    if planner == "grid":
        from lrscope.search.planners.grid import FullGridPlanner

        return FullGridPlanner()
    if planner == "halving":
        from lrscope.search.planners.halving import HalvingPlanner

        return HalvingPlanner()
    from lrscope.search.planners.flow import FlowPlanner

    return FlowPlanner()


def _planner_of(name: str, ledger: Ledger) -> Planner:
    """The planner that made a scan on disk, or where that is somebody's own, one that knows what it said."""
    own = name.partition("(")[0]
    if own in OWN:
        return _planner(OWN[own])
    return KeptPlanner(name, ledger.decisions)


class _Place:
    """An engine that is shut down also where the session never came to do so."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def close(self) -> None:
        self.engine.shutdown()


def _engine(engine: str | Engine | None, source: Source, jobs: int) -> _Place:
    if isinstance(engine, Engine):
        return _Place(engine)
    _one_of("engine", engine, ("serial", "processes", "ray", None))
    if engine == "ray":
        from lrscope.training.engine.ray import RayEngine

        return _Place(RayEngine(source, jobs))
    if engine == "processes" or (engine is None and jobs > 1):
        from lrscope.training.engine.processes import ProcessEngine

        return _Place(ProcessEngine(source, jobs))
    from lrscope.training.engine.serial import SerialEngine

    if jobs > 1:
        raise UsageError(
            f"The serial engine trains one run at a time, but jobs is {jobs}: leave engine out, or name "
            "another."
        )
    return _Place(SerialEngine(source))


def _observer(progress: bool | Observer | None, stack: ExitStack) -> Observer | None:
    if progress is True:
        from lrscope.views.scan.progress import make_progress

        display = make_progress(sys.stderr)
        stack.enter_context(display)
        return display
    return progress or None


def _open(folder: Path, fresh: bool) -> SqliteStore:
    database = folder / DATABASE
    if fresh and database.exists():
        _move_aside(folder)
    return SqliteStore(database)


def _move_aside(folder: Path) -> None:
    lock = FileLock(folder / (DATABASE + "-lock"))  # not from under a scan that is at work
    try:
        stamp = time.strftime("%Y%m%d-%H%M%S")
        names = (f"before-{stamp}" + (f"-{n}" if n else "") for n in range(1000))
        aside = next(folder / name for name in names if not (folder / name).exists())
        aside.mkdir()
        for name in _OURS:
            if (folder / name).exists():
                (folder / name).rename(aside / name)
    except OSError as error:
        raise StoreError(
            f"The earlier results in {folder} could not be moved aside: {error.strerror}."
        ) from error
    finally:
        lock.release()
