"""The one door to a search: from what the caller has to source, engine, store and session.

Entry functions and integrations check their own arguments and come through here, so that every search is priced,
written down, resumed and interrupted alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from lrscope.config import Config
from lrscope.curves import Plan
from lrscope.errors import StoreError, UsageError
from lrscope.search.planners.base import Planner
from lrscope.search.progress import Observer
from lrscope.search.session import Session
from lrscope.training.engine.base import Engine
from lrscope.training.source.base import Source
from lrscope.training.store.base import Store
from lrscope.training.store.lock import FileLock
from lrscope.training.store.memory import MemoryStore
from lrscope.training.store.sqlite import SqliteStore

DATABASE_FILE = "scan.sqlite"
"""Name of the file in a results folder that holds what was measured."""

LOGS_FOLDER = "logs"
_RESULT_FILES = (DATABASE_FILE, DATABASE_FILE + "-wal", DATABASE_FILE + "-shm", LOGS_FOLDER, "report.html")
_RESERVED_NAMES = ("lr", "seed", "out", "run", "steps", "port")


def source_of(
    given: Callable[..., Any] | str | Sequence[str] | Source,
    *,
    parameters: Sequence[str] = ("lr",),
    metric: str | None = None,
    pattern: str | None = None,
    metrics_file: str | None = None,
) -> Source:
    """What is trained, as a source that can be given `parameters`.

    Raises
    ------
    UsageError
        If it is none, or does not go with the other arguments; `SourceError` if it cannot be used as it is.
    """
    if isinstance(given, Source):
        if set(given.parameters) != set(parameters):
            raise UsageError(
                f"{given.name} is given {_listed(given.parameters)}, but {_listed(parameters)} were asked for."
            )
        return given
    if callable(given) or isinstance(given, str):
        from lrscope.training.source.function.source import FunctionSource

        for name, value in (("pattern", pattern), ("metrics_file", metrics_file)):
            if value is not None:
                raise UsageError(f"{name} is for programs; a function reports its values itself.")
        return FunctionSource(given, parameters=parameters)
    if isinstance(given, Sequence) and all(isinstance(word, str) for word in given):
        from lrscope.training.source.program.source import CommandSource

        return CommandSource(
            given, parameters=parameters, metric=metric, pattern=pattern, metrics_file=metrics_file
        )
    raise UsageError(
        "source must be a function, its place as 'file.py:name', or a list of a program's arguments, "
        f"not {type(given).__name__}."
    )


def fixed_config(given: Mapping[str, Any] | None) -> Config:
    """The hyperparameters that are the same in every run.

    Raises
    ------
    UsageError
        If one of them has a name that means something else here, or a value that cannot be written as text.
    """
    for name in given or {}:
        if name in _RESERVED_NAMES:
            raise UsageError(
                f"{name} cannot be set as a further hyperparameter: lrscope gives it to each run itself."
            )
    return Config(given)


def engine_of(engine: str | Engine | None, source: Source, jobs: int) -> Engine:
    """The place where runs live.

    Raises
    ------
    UsageError
        If there is no such engine, or it cannot train so many runs at a time.
    """
    if isinstance(engine, Engine):
        return engine
    if engine not in ("serial", "processes", "ray", None):
        raise UsageError(f"engine must be one of 'serial', 'processes', 'ray', not {engine!r}.")
    if engine == "ray":
        from lrscope.training.engine.ray import RayEngine

        return RayEngine(source, jobs)
    if engine == "processes" or (engine is None and jobs > 1):
        from lrscope.training.engine.processes import ProcessEngine

        return ProcessEngine(source, jobs)
    from lrscope.training.engine.serial import SerialEngine

    if jobs > 1:
        raise UsageError(
            f"The serial engine trains one run at a time, but jobs is {jobs}: leave engine out, or name another."
        )
    return SerialEngine(source)


@contextmanager
def assemble(
    source: Source,
    planner: Planner,
    plan: Plan,
    *,
    kind: str = "scan",
    engine: str | Engine | None = None,
    jobs: int = 1,
    out: Path | None = None,
    fresh: bool = False,
    max_paused: int | None = None,
    observer: Observer | None = None,
) -> Iterator[Session]:
    """A session that is ready to run; everything that was opened for it is closed behind it.

    Parameters
    ----------
    kind : str
        What is searched, written down so that results are shown as what they are: "scan" or "range test".
    out : Path or None
        Folder of the results; None keeps them in memory.
    fresh : bool
        Whether earlier results there are moved aside first.

    Raises
    ------
    UsageError, StoreError
        As `engine_of`, and if the folder cannot be used.
    """
    planner.check(plan)
    with ExitStack() as stack:
        place = engine_of(engine, source, jobs)
        stack.callback(place.shutdown)  # also where the session never comes to do so
        store: Store = MemoryStore() if out is None else _open(out, fresh)
        stack.callback(store.close)
        yield Session(
            source,
            place,
            planner,
            store,
            plan,
            kind=kind,
            observer=observer,
            max_paused=max_paused,
            logs=None if out is None else out / LOGS_FOLDER,
        )


def _open(folder: Path, fresh: bool) -> SqliteStore:
    database = folder / DATABASE_FILE
    if fresh and database.exists():
        _move_aside(folder)
    return SqliteStore(database)


def _move_aside(folder: Path) -> None:
    lock = FileLock(folder / (DATABASE_FILE + "-lock"))  # not from under a scan that is at work
    try:
        stamp = time.strftime("%Y%m%d-%H%M%S")
        names = (f"before-{stamp}" + (f"-{n}" if n else "") for n in range(1000))
        aside = next(folder / name for name in names if not (folder / name).exists())
        aside.mkdir()
        for name in _RESULT_FILES:
            if (folder / name).exists():
                (folder / name).rename(aside / name)
    except OSError as error:
        raise StoreError(
            f"The earlier results in {folder} could not be moved aside: {error.strerror}."
        ) from error
    finally:
        lock.release()


def _listed(names: Sequence[str]) -> str:
    return " and ".join(names) or "nothing"
