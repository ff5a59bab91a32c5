"""The tables of a search's SQLite file, today's and those of the first version."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator

from lrscope.config import Config, RunKey
from lrscope.curves import RunState
from lrscope.training.store.base import Change, Decision, Event, Points, Settings

APPLICATION_ID = 0x6C72_7363  # "lrsc": tells our files from other programs' databases
SCHEMA_VERSION = 2

TABLES = (
    "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL, n INTEGER NOT NULL) WITHOUT ROWID",
    # `config` is canonical JSON, so that equal configurations are equal texts; `n` is that of the last change.
    "CREATE TABLE runs (id INTEGER PRIMARY KEY, config TEXT NOT NULL, seed INTEGER NOT NULL, state TEXT, step INTEGER, "
    "reason TEXT, seconds REAL, rework INTEGER, n INTEGER, UNIQUE (config, seed))",
    "CREATE TABLE metrics (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    "CREATE TABLE points (n INTEGER PRIMARY KEY, run INTEGER NOT NULL, metric INTEGER NOT NULL, step INTEGER NOT NULL, "
    "value REAL)",
    "CREATE TABLE decisions (n INTEGER PRIMARY KEY, time REAL NOT NULL, kind TEXT NOT NULL, run INTEGER, "
    "reason TEXT NOT NULL, detail TEXT NOT NULL)",
    f"PRAGMA application_id = {APPLICATION_ID}",
)


def first_version(connection: sqlite3.Connection) -> Iterator[Event]:
    """The events of a file of schema 1, whose runs were told apart by learning rate and seed alone."""
    settings = dict(connection.execute("SELECT name, value FROM settings").fetchall())
    if settings:
        yield Settings({name: json.loads(value) for name, value in settings.items()})
    names = dict(connection.execute("SELECT id, name FROM metrics").fetchall())
    rows = connection.execute(
        "SELECT id, lr, seed, state, step, reason, seconds, rework FROM runs ORDER BY id"
    ).fetchall()
    for number, lr, seed, state, step, reason, seconds, rework in rows:
        key = RunKey(Config(lr=lr), seed)
        points = connection.execute(
            "SELECT step, metric, value FROM points WHERE run = ? ORDER BY metric, step", (number,)
        )
        told = [(s, names[metric], nan_for_null(value)) for s, metric, value in points]
        if told:
            yield Points(key, told)
        yield Change(key, RunState(state), step, reason, seconds, rework)
    for time, kind, lr, seed, reason, detail in connection.execute(
        "SELECT time, kind, lr, seed, reason, detail FROM decisions ORDER BY id"
    ):
        about = None if lr is None else RunKey(Config(lr=lr), seed)
        yield Decision(kind, reason, about, json.loads(detail), time)


def nan_for_null(value: float | None) -> float:
    """SQLite keeps a NaN as NULL."""
    return float("nan") if value is None else value
