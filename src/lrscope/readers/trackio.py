"""Trackio: one SQLite file a project, with each logged row as a JSON object in the table `metrics`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lrscope.readers.base import LoggedRun, Reader, Unreadable
from lrscope.readers.database import MAGIC, Database
from lrscope.readers.files import Sample
from lrscope.readers.json_parts import loads
from lrscope.readers.mappings import add_mappings, configured_rate
from lrscope.readers.table import RunTable

_METRIC_ROWS_AT_ONCE = 20_000


class TrackioProject(Reader):
    """The database of one project: each of its runs."""

    name = "trackio"
    title = "Trackio project"

    def recognises(self, sample: Sample) -> bool:
        return sample.head.startswith(MAGIC)

    def read(self, path: Path, name: str) -> list[LoggedRun]:  # noqa: ARG002 (the runs have names)
        with Database(path) as database:
            if not database.has("metrics", "run_name", "step", "metrics"):
                raise Unreadable("it has no table of Trackio's metrics")
            identified = database.has("metrics", "run_id")  # older files have no run_id
            columns = ["run_id" if identified else "run_name", "run_name", "step", "metrics"]
            order = "id" if database.has("metrics", "id") else None
            rows: dict[str, list[dict[str, Any]]] = {}
            tables: dict[str, RunTable] = {}
            odd = held = 0
            for run, title, step, content in database.rows("metrics", columns, order):
                row = _row(content)
                if row is None or not isinstance(run, str) or not isinstance(step, int):
                    odd += 1
                    continue
                if run not in tables:
                    tables[run] = RunTable(str(title)[:200], self.name, path)
                rows.setdefault(run, []).append({"step": step, **row})
                held += 1
                if held >= _METRIC_ROWS_AT_ONCE:
                    held = 0
                    for key, waiting in rows.items():
                        add_mappings(tables[key], waiting)
                    rows = {}
            for key, waiting in rows.items():
                add_mappings(tables[key], waiting)
            rates = {
                run: _row(content) or {} for run, content in database.rows("configs", [columns[0], "config"])
            }
            warnings = list(database.lost)
        if odd:
            warnings.append(f"{odd} row(s) are damaged and were passed over.")
        found: list[LoggedRun] = []
        for run, table in tables.items():
            table.warnings += warnings
            table.lr = configured_rate(rates.get(run, {}))
            try:
                found += table.runs()
            except Unreadable:
                continue
        if not found:
            raise Unreadable(" ".join(warnings).rstrip(".") or "it holds no measured values")
        return found


def _row(content: Any) -> Mapping[str, Any] | None:
    if isinstance(content, bytes):
        content = content.decode("utf-8", "replace")
    if not isinstance(content, str):
        return None
    try:
        row = loads(content)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None
