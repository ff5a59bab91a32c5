"""Reading a scan's SQLite file: by its writer, by others while it is written, and from read-only places.

A file in WAL mode cannot be opened for reading alone unless SQLite may write its index beside it. A scan that
ended cleanly has left WAL mode and is read where it lies. One that was killed, lying in a read-only folder,
is read from a copy of the file and its log.
"""

from __future__ import annotations

import heapq
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from urllib.parse import quote

from lrscope.config import Config, RunKey
from lrscope.curves import RunState
from lrscope.errors import StoreError
from lrscope.training.store.base import (
    Change,
    Decision,
    Event,
    Events,
    Points,
    Recorded,
    Settings,
    put_together,
)
from lrscope.training.store.schema import APPLICATION_ID, SCHEMA_VERSION, first_version, nan_for_null

_FULL_CODES = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_SHMSIZE,
}
_DAMAGED_CODES = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def read_store(path: Path | str) -> Recorded:
    """Everything that a search's file holds, put together; raises as `read_file_since` does."""
    return put_together(read_file_since(path).events)


def read_file_since(path: Path | str, since: int = 0) -> Events:
    """The events of a search's file after number `since`. Works while it is being written, and from read-only places.

    Raises
    ------
    StoreError
        If there is no such file, or it is a folder, damaged, not made by lrscope, or made by a newer one.
    """
    path = Path(path)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise StoreError(f"{path} {what}: name a scan's folder or its scan.sqlite.")
    try:
        try:
            return _read_at(path, path, since)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise
        with tempfile.TemporaryDirectory(prefix="lrscope-") as folder:
            copy = Path(folder) / path.name
            shutil.copyfile(path, copy)
            log = path.with_name(path.name + "-wal")
            if log.exists():
                shutil.copyfile(log, copy.with_name(copy.name + "-wal"))
            return _read_at(copy, path, since, mode="rw")
    except sqlite3.Error as error:
        raise explain(error, path, "read") from error
    except PermissionError as error:
        raise StoreError(f"{path} cannot be read: permission denied.") from error


def _read_at(path: Path, shown: Path, since: int, mode: str = "ro") -> Events:
    uri = f"file:{quote(str(path.resolve()))}?mode={mode}"
    with closing(sqlite3.connect(uri, uri=True, timeout=10.0, isolation_level=None)) as connection:
        connection.execute("BEGIN")  # one moment of the scan, although it is written meanwhile
        version = check_kind(connection, shown)
        if not version:
            raise StoreError(f"{shown} is empty: no scan has been written to it.")
        return read_events(connection, version, since)


def check_kind(connection: sqlite3.Connection, path: Path) -> int:
    """The version of the file's schema, 0 where nothing is in it; StoreError where it is not one of ours.

    Anything that is no database at all shows here as sqlite3.DatabaseError.
    """
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application == 0 and version == 0 and tables == 0:
        return 0
    if application != APPLICATION_ID:
        raise StoreError(
            f"{path} is a database of another program, not a scan of lrscope: name another folder with --out."
        )
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{path} was written by a newer lrscope (format {version}, and this one reads up to "
            f"{SCHEMA_VERSION}): upgrade lrscope, or name another folder with --out."
        )
    return int(version)


def read_events(connection: sqlite3.Connection, version: int, since: int = 0) -> Events:
    """The events after number `since`, out of all tables. Raises sqlite3.Error."""
    if version == 1:
        earlier = tuple(first_version(connection))
        return Events(len(earlier), earlier[since:])
    names = dict(connection.execute("SELECT id, name FROM metrics").fetchall())
    rows = connection.execute("SELECT id, config, seed FROM runs")
    keys = {number: RunKey(Config.from_json(config), seed) for number, config, seed in rows}
    found = list(
        heapq.merge(
            _settings(connection, since),
            _points(connection, since, keys, names),
            _changes(connection, since, keys),
            _decisions(connection, since, keys),
            key=itemgetter(0),
        )
    )
    return Events(max((last for _, last, _ in found), default=since), [event for _, _, event in found])


Numbered = tuple[int, int, Event]
"""First and last number of an event, and the event: points have a number each."""


def _settings(connection: sqlite3.Connection, since: int) -> Iterator[Numbered]:
    rows = connection.execute("SELECT n, name, value FROM settings WHERE n > ? ORDER BY n", (since,))
    for n, group in groupby(rows, key=itemgetter(0)):
        yield n, n, Settings({name: json.loads(value) for _, name, value in group})


def _points(
    connection: sqlite3.Connection, since: int, keys: Mapping[int, RunKey], names: Mapping[int, str]
) -> Iterator[Numbered]:
    rows = connection.execute(
        "SELECT n, run, metric, step, value FROM points WHERE n > ? ORDER BY n", (since,)
    )
    for run, group in groupby(rows, key=itemgetter(1)):
        one = list(group)
        told = [(step, names[metric], nan_for_null(value)) for _, _, metric, step, value in one]
        yield one[0][0], one[-1][0], Points(keys[run], told)


def _changes(connection: sqlite3.Connection, since: int, keys: Mapping[int, RunKey]) -> Iterator[Numbered]:
    rows = connection.execute(
        "SELECT n, id, state, step, reason, seconds, rework FROM runs WHERE n > ? ORDER BY n", (since,)
    )
    for n, run, state, step, reason, seconds, rework in rows:
        yield n, n, Change(keys[run], RunState(state), step, reason, seconds, rework)


def _decisions(connection: sqlite3.Connection, since: int, keys: Mapping[int, RunKey]) -> Iterator[Numbered]:
    rows = connection.execute(
        "SELECT n, time, kind, run, reason, detail FROM decisions WHERE n > ? ORDER BY n", (since,)
    )
    for n, time, kind, run, reason, detail in rows:
        yield n, n, Decision(kind, reason, None if run is None else keys[run], json.loads(detail), time)


def explain(error: sqlite3.Error, path: Path, what: str) -> StoreError:
    """SQLite's error as one sentence for a person. `what` is "opened", "written" or "read"."""
    code = getattr(error, "sqlite_errorcode", None)
    kind = None if code is None else code & 0xFF
    if kind in _DAMAGED_CODES or isinstance(error, sqlite3.DataError):
        return StoreError(
            f"{path} is damaged or is not a database ({error}): "
            "move it away, or name another folder with --out."
        )
    if code in _FULL_CODES:
        return StoreError(
            f"{path} could not be {what} ({error}): is the disk full? Free some space and give the same "
            "command again; what was measured is kept."
        )
    if kind in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return StoreError(
            f"{path} could not be {what} ({error}): make its folder writable, or name another with --out."
        )
    if kind in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreError(f"{path} could not be {what}: another program keeps it locked; close that program.")
    return StoreError(f"{path} could not be {what} ({error}).")
