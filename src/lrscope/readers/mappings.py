"""Rows that are mappings (JSON lines, histories in JSON, lists of dicts) into a `RunTable`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lrscope.readers.numbers import number_of
from lrscope.readers.table import Rows, RunTable, Values
from lrscope.vocabulary import learning_rate
from lrscope.vocabulary.counters import holds_metric_names, is_run

_DEEPEST_MAPPING = 6
_LONGEST_LABEL = 200


def add_mappings(table: RunTable, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append rows to a table. {"train": {"loss": 1}} becomes "train/loss"; what is no number is left out."""
    if not rows:
        return
    if not _add_alike(table, rows):
        _add_sparse(table, rows)


def _add_alike(table: RunTable, rows: Sequence[Mapping[str, Any]]) -> bool:
    """The common case, quickly: rows of the same keys, with a plain number under each."""
    keys = list(rows[0])
    columns: dict[str, tuple[Rows | None, Values]] = {}
    try:
        for key in keys:
            cells = [row[key] for row in rows]
            if not set(map(type, cells)) <= {float, int}:
                return False
            columns[str(key)] = (None, np.array(cells, dtype=np.float64))
        if sum(map(len, rows)) != len(keys) * len(rows):
            return False
    except (KeyError, OverflowError, ValueError):
        return False
    table.add(len(rows), columns)
    return True


def _add_sparse(table: RunTable, rows: Sequence[Mapping[str, Any]]) -> None:
    found: dict[str, tuple[list[int], list[float]]] = {}
    labels: dict[str, tuple[list[int], list[str]]] = {}

    def take(at: int, prefix: str, row: Mapping[str, Any], depth: int) -> None:
        for key, value in row.items():
            name = f"{prefix}{key}"
            if type(value) is float or type(value) is int:
                pass
            elif isinstance(value, Mapping):
                if depth < _DEEPEST_MAPPING and "_type" not in value:  # W&B's pictures, histograms and tables
                    take(at, f"{name}/", value, depth + 1)
                continue
            elif isinstance(value, str) and (is_run(name) or holds_metric_names(name)):
                entry = labels.setdefault(name, ([], []))
                entry[0].append(at)
                entry[1].append(value[:_LONGEST_LABEL])
                continue
            as_number = number_of(value)
            if as_number is not None:
                places, values = found.setdefault(name, ([], []))
                places.append(at)
                values.append(as_number)

    for at, row in enumerate(rows):
        take(at, "", row, 0)
    table.add(
        len(rows),
        {n: (np.array(r, dtype=np.int64), np.array(v, dtype=np.float64)) for n, (r, v) in found.items()},
        {n: (np.array(r, dtype=np.int64), s) for n, (r, s) in labels.items()},
    )


def numbered_rows(document: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The rows of an object that holds one under each number: {"0": {"loss": 2.3}, "1": {"loss": 2.1}}.

    The numbers become the column ``step``, unless the rows have one. None where it is no such object.
    """
    if len(document) < 2 or not all(isinstance(row, Mapping) for row in document.values()):
        return None
    if not all(str(key).isascii() and str(key).isdigit() and len(str(key)) < 16 for key in document):
        return None
    return [{"step": int(key), **row} for key, row in document.items()]


def configured_rate(config: Mapping[str, Any]) -> float | None:
    """The learning rate in a run's settings; None where there is none, or no number."""
    rates = {name: rate for name, value in config.items() if (rate := number_of(value)) is not None}
    named = learning_rate(rates)
    return None if named is None else rates[named]
