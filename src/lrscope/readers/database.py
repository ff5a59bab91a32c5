"""SQLite files of other programs, read without trusting them and without leaving a trace.

A database is code as much as data: a view can run for ever, a default can be as long as memory. So only real
tables are read, nothing that the schema defines is run, what one statement may do is limited, and a file
that was damaged gives the rows up to the damage.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

from lrscope.readers.base import Unreadable
from lrscope.readers.files import open_regular

MAGIC = b"SQLite format 3\x00"
MOST_SECONDS = 60.0
"""For how long one file may be read."""
_LONGEST_CELL_BYTES = 16 << 20


class Database:
    """A database that is open for reading; a context manager.

    `lost` collects sentences about what could not be read.

    Raises
    ------
    Unreadable
        On entering, if it is no database, is locked, or cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lost: list[str] = []
        self._connection: sqlite3.Connection | None = None
        self._tables: dict[str, set[str]] = {}

    def __enter__(self) -> Database:
        try:
            with open_regular(self.path) as file:
                header = file.read(100)
        except OSError as error:
            raise Unreadable(f"it cannot be opened ({error.strerror or error})") from error
        if not header.startswith(MAGIC):
            raise Unreadable("it is no SQLite database")
        # Opening a file in WAL mode writes files beside it. Where there is no log to be read, it can be
        # avoided.
        logged = self.path.with_name(self.path.name + "-wal")
        has_log = logged.exists() and logged.stat().st_size > 0
        modes = ["mode=ro", "mode=ro&immutable=1"] if has_log or header[18:20] != b"\x02\x02" else []
        problem = ""
        for mode in modes or ["mode=ro&immutable=1"]:
            try:
                self._open(mode)
            except sqlite3.Error as failure:
                problem = str(failure)
                self.close()
                continue
            if "immutable" in mode and has_log:
                self.lost.append("Rows that are still in the database's log (-wal) could not be read.")
            return self
        raise Unreadable(f"its tables cannot be read ({problem})")

    def _open(self, mode: str) -> None:
        uri = f"file:{quote(str(self.path.resolve()))}?{mode}"
        connection = self._connection = sqlite3.connect(uri, uri=True, timeout=3.0, isolation_level=None)
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_CELL_BYTES)
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        stop = time.monotonic() + MOST_SECONDS
        connection.set_progress_handler(lambda: time.monotonic() > stop, 100_000)
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA cell_size_check = ON")
        names = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
        )
        for (name,) in names.fetchmany(1_000):
            # table_xinfo names a column's kind in its last field: 2 and 3 are computed, by the file's own
            # code
            columns = connection.execute(f"PRAGMA table_xinfo({_quoted(str(name))})").fetchall()
            self._tables[str(name)] = {str(c[1]) for c in columns if c[6] == 0}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def has(self, table: str, *columns: str) -> bool:
        """Whether there is such a table, with these columns."""
        return table in self._tables and self._tables[table].issuperset(columns)

    def pragma(self, name: str) -> Any:
        """The value of a PRAGMA; None where there is none to be had."""
        try:
            assert self._connection is not None  # noqa: S101
            return self._connection.execute(f"PRAGMA {name}").fetchone()[0]
        except (sqlite3.Error, TypeError, AssertionError):
            return None

    def rows(self, table: str, columns: Sequence[str], order: str | None = None) -> Iterator[tuple[Any, ...]]:
        """All rows of a table, a few at a time, in the order in which they lie there unless one is given.

        A damaged table gives the rows up to the damage. A table or column that is not there gives no rows.
        """
        if self._connection is None or not self.has(table, *columns):
            return
        query = f"SELECT {', '.join(map(_quoted, columns))} FROM {_quoted(table)}"  # noqa: S608
        if order is not None:
            query += f" ORDER BY {_quoted(order)}"
        try:
            cursor = self._connection.execute(query)
            while batch := cursor.fetchmany(2_000):
                yield from batch
        except (sqlite3.Error, UnicodeError, OverflowError, MemoryError) as error:
            self.lost.append(f"The table {table!r} could not be read to its end ({error}).")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
