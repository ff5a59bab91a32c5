"""Reading a scan's SQLite file: by its writer, by others while it is written, and from read-only places.

A file in WAL mode cannot be opened for reading alone unless SQLite may write its index beside it. A scan that
ended cleanly has left WAL mode and is read where it lies. One that was killed, lying in a read-only folder,
is read from a copy of the file and its log.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import numpy as np

from lrscope.curves import LossCurve, Run, RunState
from lrscope.errors import StoreError
from lrscope.training.store.base import Decision, Ledger

APPLICATION_ID = 0x6C72_7363  # "lrsc": tells our files from other programs' databases
SCHEMA_VERSION = 1

_FULL = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_SHMSIZE,
}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def read_file(path: Path | str) -> Ledger:
    """Everything that a scan's file holds. Works while the scan is being written, and from read-only places.

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
            return _read_at(path, path)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise
        with tempfile.TemporaryDirectory(prefix="lrscope-") as folder:
            copy = Path(folder) / path.name
            shutil.copyfile(path, copy)
            log = path.with_name(path.name + "-wal")
            if log.exists():
                shutil.copyfile(log, copy.with_name(copy.name + "-wal"))
            return _read_at(copy, path, mode="rw")
    except sqlite3.Error as error:
        raise explain(error, path, "read") from error
    except PermissionError as error:
        raise StoreError(f"{path} cannot be read: permission denied.") from error


def _read_at(path: Path, shown: Path, mode: str = "ro") -> Ledger:
    uri = f"file:{quote(str(path.resolve()))}?mode={mode}"
    with closing(sqlite3.connect(uri, uri=True, timeout=10.0, isolation_level=None)) as connection:
        connection.execute("BEGIN")  # one moment of the scan, although it is written meanwhile
        if check_kind(connection, shown):
            raise StoreError(f"{shown} is empty: no scan has been written to it.")
        return read_ledger(connection)


def check_kind(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the database is new (nothing in it); StoreError where it is not one of ours.

    Anything that is no database at all shows here as sqlite3.DatabaseError.
    """
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application == 0 and version == 0 and tables == 0:
        return True
    if application != APPLICATION_ID:
        raise StoreError(
            f"{path} is a database of another program, not a scan of lrscope: name another folder with --out."
        )
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{path} was written by a newer lrscope (format {version}, and this one reads up to "
            f"{SCHEMA_VERSION}): upgrade lrscope, or name another folder with --out."
        )
    return False


def read_ledger(connection: sqlite3.Connection) -> Ledger:
    """All tables put together. Raises sqlite3.Error."""
    settings = {n: json.loads(v) for n, v in connection.execute("SELECT name, value FROM settings")}
    names = dict(connection.execute("SELECT id, name FROM metrics").fetchall())
    runs = []
    rows = connection.execute(
        "SELECT id, lr, seed, state, step, reason, seconds, rework FROM runs ORDER BY lr, seed"
    ).fetchall()
    for number, lr, seed, state, step, reason, seconds, rework in rows:
        curves = {}
        for metric, name in names.items():
            points = connection.execute(
                "SELECT step, value FROM points WHERE run = ? AND metric = ? ORDER BY step", (number, metric)
            ).fetchall()
            if points:
                steps, values = zip(*points, strict=True)
                curves[name] = LossCurve(
                    steps, np.array(values, dtype=np.float64), name=name
                )  # None becomes NaN
        runs.append(Run(lr, seed, curves, RunState(state), step, reason, seconds, rework))
    decisions = [
        Decision(kind, reason, None if lr is None else (lr, seed), json.loads(detail), time)
        for time, kind, lr, seed, reason, detail in connection.execute(
            "SELECT time, kind, lr, seed, reason, detail FROM decisions ORDER BY id"
        )
    ]
    return Ledger(settings, runs, decisions)


def explain(error: sqlite3.Error, path: Path, what: str) -> StoreError:
    """SQLite's error as one sentence for a person. `what` is "opened", "written" or "read"."""
    code = getattr(error, "sqlite_errorcode", None)
    kind = None if code is None else code & 0xFF
    if kind in _DAMAGED or isinstance(error, sqlite3.DataError):
        return StoreError(
            f"{path} is damaged or is not a database ({error}): "
            "move it away, or name another folder with --out."
        )
    if code in _FULL:
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
