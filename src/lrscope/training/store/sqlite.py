"""One SQLite file per search: its events, written by the ledger and readable by anyone meanwhile.

Each event has a number, `n`, from one counter over all tables, so that a page can ask for what is new (`events`).

The file is in WAL mode with ``synchronous=NORMAL``: when `append` has returned, its records survive any death of the
process, ``kill -9`` included. If the machine loses power, the last transactions can be missing, but never a part of
one; ``FULL`` would synchronise the disk four times a second to spare a quarter of a minute of training. At a clean end
the log is folded into the file, which leaves WAL mode, so that it can be read from a read-only folder or disk too.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from lrscope.config import Config, RunKey
from lrscope.errors import SettingsError, StoreError
from lrscope.training.store.base import Change, Event, Events, Points, Settings, Store
from lrscope.training.store.lock import FileLock
from lrscope.training.store.schema import SCHEMA_VERSION, TABLES
from lrscope.training.store.sqlite_read import check_kind, explain, read_events


class SqliteStore(Store):
    """The writer of one search's file. A file of schema 1 is brought to today's when it is opened.

    A NaN is stored as NULL and read back as NaN; ±inf are kept.

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
        self._last = 0
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
                version = check_kind(connection, self.path)
                connection.execute("PRAGMA journal_mode = WAL").fetchone()
                connection.execute("PRAGMA synchronous = NORMAL")
                # Shows now, before hours of training, that the folder takes writes.
                connection.execute("BEGIN IMMEDIATE")
                if version == SCHEMA_VERSION:
                    self._number(connection)
                else:
                    earlier = read_events(connection, version).events if version else ()
                    for table in _tables(connection):
                        connection.execute(f"DROP TABLE {table}")
                    for statement in TABLES:
                        connection.execute(statement)
                    for event in earlier:
                        self._write(connection, event, self._runs, self._metrics)
                connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
                connection.execute("COMMIT")
            except BaseException:
                connection.close()
                raise
        return connection

    def _number(self, connection: sqlite3.Connection) -> None:
        """Take up the numbers that runs, metrics and events have."""
        self._runs = {
            RunKey(Config.from_json(config), seed): i
            for i, config, seed in connection.execute("SELECT id, config, seed FROM runs")
        }
        self._metrics = {name: i for i, name in connection.execute("SELECT id, name FROM metrics")}
        newest = (
            "SELECT max(n) FROM settings UNION ALL SELECT max(n) FROM runs UNION ALL SELECT max(n) FROM points "
            "UNION ALL SELECT max(n) FROM decisions"
        )
        self._last = max((n for (n,) in connection.execute(newest) if n is not None), default=0)

    def append(self, events: Sequence[Event]) -> None:
        """Write events in one transaction; when this returns, they survive a kill of the process."""
        connection = self._connection
        if connection is None:
            raise StoreError(f"{self.path} is closed and takes no more events.")
        with self._explained("written"):
            # Numbers given to new runs, metrics and events count only once the transaction is through.
            runs, metrics, last = dict(self._runs), dict(self._metrics), self._last
            try:
                connection.execute("BEGIN IMMEDIATE")
                for event in events:
                    self._write(connection, event, runs, metrics)
                connection.execute("COMMIT")
            except BaseException:
                self._last = last
                if connection.in_transaction:
                    with contextlib.suppress(sqlite3.Error):
                        connection.execute("ROLLBACK")
                raise
            self._runs, self._metrics = runs, metrics

    def _write(
        self, connection: sqlite3.Connection, event: Event, runs: dict[RunKey, int], metrics: dict[str, int]
    ) -> None:
        if isinstance(event, Points):
            run = _number_of_run(connection, event.key, runs)
            for name in {name for _, name, _ in event.points} - metrics.keys():
                made = connection.execute("INSERT INTO metrics (name) VALUES (?)", (name,)).lastrowid
                metrics[name] = int(made or 0)
            first = self._last + 1
            connection.executemany(
                "INSERT INTO points VALUES (?, ?, ?, ?, ?)",
                [(n, run, metrics[m], step, value) for n, (step, m, value) in enumerate(event.points, first)],
            )
            self._last += len(event.points)
            return
        self._last += 1
        if isinstance(event, Change):
            run = _number_of_run(connection, event.key, runs)
            connection.execute(
                "UPDATE runs SET state = ?, step = ?, reason = ?, seconds = ?, rework = ?, n = ? WHERE id = ?",
                (str(event.state), event.step, event.reason, event.seconds, event.rework, self._last, run),
            )
        elif isinstance(event, Settings):
            connection.executemany(
                "INSERT INTO settings VALUES (?, ?, ?) ON CONFLICT (name) "
                "DO UPDATE SET value = excluded.value, n = excluded.n",
                [(name, json.dumps(value), self._last) for name, value in event.values.items()],
            )
        else:
            about = None if event.key is None else _number_of_run(connection, event.key, runs)
            connection.execute(
                "INSERT INTO decisions VALUES (?, ?, ?, ?, ?, ?)",
                (self._last, event.time, event.kind, about, event.reason, json.dumps(dict(event.detail))),
            )

    def events(self, since: int = 0) -> Events:
        """The events after number `since`."""
        if self._connection is None:
            raise StoreError(f"{self.path} is closed and cannot be read from here any more.")
        with self._explained("read"):
            return read_events(self._connection, SCHEMA_VERSION, since)

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
        told = (key.config.to_json(), key.seed)
        made = connection.execute("INSERT INTO runs (config, seed) VALUES (?, ?)", told).lastrowid
        number = runs[key] = int(made or 0)
    return number


def _tables(connection: sqlite3.Connection) -> list[str]:
    named = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    )
    return [name for (name,) in named]


def _plain(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
