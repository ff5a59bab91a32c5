"""One SQLite file per scan: record and ledger, written by the session and readable by anyone meanwhile.

What survives. The file is in WAL mode with ``synchronous=NORMAL``: when `append` has returned, its records
survive any death of the process, ``kill -9`` included, because the operating system has them. If the machine
itself loses power, the last transactions can be missing, but never a part of one, and the file stays whole:
NORMAL keeps the log in order and synchronises it at each checkpoint. ``FULL`` would synchronise the disk four
times a second for a loss that costs a quarter of a minute of training to make good.

What is left behind. At a clean end the log is folded into the file and the file leaves WAL mode, so that one
plain file remains, which can be read from a read-only folder or disk too.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from lrscope.curves import RunKey
from lrscope.errors import SettingsError, StoreError
from lrscope.training.store.base import Change, Ledger, Points, Record, Settings, Store
from lrscope.training.store.lock import FileLock
from lrscope.training.store.sqlite_read import (
    APPLICATION_ID,
    SCHEMA_VERSION,
    check_kind,
    explain,
    read_ledger,
)

_SCHEMA = f"""
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE runs (
    id INTEGER PRIMARY KEY, lr REAL NOT NULL, seed INTEGER NOT NULL, state TEXT NOT NULL DEFAULT 'paused',
    step INTEGER NOT NULL DEFAULT 0, reason TEXT, seconds REAL NOT NULL DEFAULT 0,
    rework INTEGER NOT NULL DEFAULT 0, UNIQUE (lr, seed));
CREATE TABLE metrics (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE points (
    run INTEGER NOT NULL, metric INTEGER NOT NULL, step INTEGER NOT NULL, value REAL,
    PRIMARY KEY (run, metric, step)) WITHOUT ROWID;
CREATE TABLE decisions (
    id INTEGER PRIMARY KEY, time REAL NOT NULL, kind TEXT NOT NULL, lr REAL, seed INTEGER,
    reason TEXT NOT NULL, detail TEXT NOT NULL);
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
"""


class SqliteStore(Store):
    """The writer of one scan's file.

    A NaN is stored as NULL and read back as NaN; ±inf are kept. A (run, metric, step) is there at most once,
    and its first value stays.

    Parameters
    ----------
    path : Path
        The file, by custom ``scan.sqlite`` in the scan's folder; file and folder are made where missing.

    Raises
    ------
    SettingsError
        If another scan is writing to it.
    StoreError
        If it cannot be opened: a folder, not a database, a database of another program, or one of a newer
        lrscope; a read-only folder, a full disk.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._connection: sqlite3.Connection | None = None
        self._runs: dict[RunKey, int] = {}
        self._metrics: dict[str, int] = {}
        self._pid = os.getpid()
        if self.path.is_dir():
            raise StoreError(f"{self.path} is a folder, and results are kept in a file: name another place.")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(self.path.with_name(self.path.name + "-lock"))
        except SettingsError:
            raise
        except OSError as error:
            raise StoreError(
                f"Results cannot be written to {self.path.parent} ({_plain(error)}): "
                "name another folder with --out."
            ) from error
        try:
            self._connection = self._open()
        except BaseException:
            self._lock.release()
            raise

    def _open(self) -> sqlite3.Connection:
        with self._explained("opened"):
            connection = sqlite3.connect(
                self.path, timeout=10.0, isolation_level=None, check_same_thread=False
            )
            try:
                new = check_kind(connection, self.path)
                connection.execute("PRAGMA journal_mode = WAL").fetchone()
                connection.execute("PRAGMA synchronous = NORMAL")
                if new:
                    connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
                self._runs = {
                    (lr, seed): i for i, lr, seed in connection.execute("SELECT id, lr, seed FROM runs")
                }
                self._metrics = {name: i for i, name in connection.execute("SELECT id, name FROM metrics")}
                # Shows now, before hours of training, that the folder takes writes.
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
                connection.execute("COMMIT")
            except BaseException:
                connection.close()
                raise
        return connection

    def append(self, records: Sequence[Record]) -> None:
        """Write records in one transaction; when this returns, they survive a kill of the process."""
        connection = self._connection
        if connection is None:
            raise StoreError(f"{self.path} is closed and takes no more records.")
        with self._explained("written"):
            # Numbers given to new runs and metrics count only once the transaction is through.
            runs, metrics = dict(self._runs), dict(self._metrics)
            try:
                connection.execute("BEGIN IMMEDIATE")
                for record in records:
                    self._write(connection, record, runs, metrics)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    with contextlib.suppress(sqlite3.Error):
                        connection.execute("ROLLBACK")
                raise
            self._runs, self._metrics = runs, metrics

    def _write(
        self, connection: sqlite3.Connection, record: Record, runs: dict[RunKey, int], metrics: dict[str, int]
    ) -> None:
        if isinstance(record, Points):
            run = _number_of_run(connection, record.key, runs)
            for name in {name for _, name, _ in record.points} - metrics.keys():
                made = connection.execute("INSERT INTO metrics (name) VALUES (?)", (name,)).lastrowid
                metrics[name] = int(made or 0)
            connection.executemany(
                "INSERT INTO points VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                [(run, metrics[name], step, value) for step, name, value in record.points],
            )
        elif isinstance(record, Change):
            run = _number_of_run(connection, record.key, runs)
            connection.execute(
                "UPDATE runs SET state = ?, step = ?, reason = ?, seconds = ?, rework = ? WHERE id = ?",
                (str(record.state), record.step, record.reason, record.seconds, record.rework, run),
            )
        elif isinstance(record, Settings):
            connection.executemany(
                "INSERT INTO settings VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                [(name, json.dumps(value)) for name, value in record.values.items()],
            )
        else:
            lr, seed = record.key if record.key is not None else (None, None)
            connection.execute(
                "INSERT INTO decisions (time, kind, lr, seed, reason, detail) VALUES (?, ?, ?, ?, ?, ?)",
                (record.time, record.kind, lr, seed, record.reason, json.dumps(dict(record.detail))),
            )

    def read(self) -> Ledger:
        """Everything so far."""
        if self._connection is None:
            raise StoreError(f"{self.path} is closed and cannot be read from here any more.")
        with self._explained("read"):
            return read_ledger(self._connection)

    def close(self) -> None:
        """Fold the log into the file, so that one file remains, and let others write. May be called twice."""
        connection, self._connection = self._connection, None
        if connection is None or os.getpid() != self._pid:
            return
        try:
            # Fails where a reader has the file open or the disk is full; then the log stays beside the file,
            # which loses nothing, and the next writer folds it in.
            with contextlib.suppress(sqlite3.Error):
                connection.execute("PRAGMA busy_timeout = 1000")
                connection.execute("PRAGMA journal_mode = DELETE").fetchone()
            with contextlib.suppress(sqlite3.Error):
                connection.close()
        finally:
            self._lock.release()

    @contextlib.contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        """Turn SQLite's errors into one sentence for a person."""
        try:
            yield
        except sqlite3.Error as error:
            raise explain(error, self.path, what) from error


def _number_of_run(connection: sqlite3.Connection, key: RunKey, runs: dict[RunKey, int]) -> int:
    number = runs.get(key)
    if number is None:
        made = connection.execute("INSERT INTO runs (lr, seed) VALUES (?, ?)", key).lastrowid
        number = runs[key] = int(made or 0)
    return number


def _plain(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
