"""One JSON document: an array of rows, an object of columns, or either of them somewhere inside.

`trainer_state.json` of Hugging Face's Trainer is such a document too: its rows are under "log_history".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lrscope.readers.base import LoggedRun, Reader, Unreadable
from lrscope.readers.files import Sample, read_bytes
from lrscope.readers.json_parts import salvage
from lrscope.readers.mappings import add_mappings, numbered_rows
from lrscope.readers.numbers import number_of
from lrscope.readers.table import Rows, RunTable, Values

MOST_JSON_BYTES = 128 << 20
"""A JSON document has to be in memory as a whole, at up to twenty times its size; so this is the most
(bytes)."""

_ROWS_KEYS = (
    "log_history",
    "history",
    "log",
    "logs",
    "metrics",
    "results",
    "records",
    "data",
    "rows",
    "train",
)
_PART_NAME = re.compile(
    r"^(train|training|learn|val|valid|validation|eval|evaluation|dev|test)(ing)?([_\-]?\d+)?$", re.I
)
_MOST_INSIDE = 1_000


class JsonFile(Reader):
    """An array of objects, or an object of arrays; damaged ones are read up to the damage."""

    name = "json"
    title = "JSON"

    def recognises(self, sample: Sample) -> bool:
        return sample.text is not None and sample.text.lstrip()[:1] in ("{", "[")

    def read(self, path: Path, name: str) -> list[LoggedRun]:
        document, warnings = load_document(path)
        return runs_from_document(document, name, self.name, path, warnings)


class TrainerState(JsonFile):
    """`trainer_state.json`, written with each checkpoint by `transformers.Trainer` and its kin."""

    name = "trainer_state"
    title = "Hugging Face trainer state"

    def recognises(self, sample: Sample) -> bool:
        # The history may begin far down, after settings of callbacks; the file's own name counts as well.
        text = sample.text
        if text is None or text.lstrip()[:1] != "{":
            return False
        return '"log_history"' in text or sample.path.name == "trainer_state.json"

    def read(self, path: Path, name: str) -> list[LoggedRun]:
        document, warnings = load_document(path)
        history = document.get("log_history") if isinstance(document, dict) else None
        if not isinstance(history, list):
            raise Unreadable("it holds no list called log_history")
        return _rows(history, name, self.name, path, warnings)


def load_document(path: Path) -> tuple[Any, list[str]]:
    """A JSON file's value, of a damaged one the part before the damage, and what to say about that."""
    data, whole_file = read_bytes(path, MOST_JSON_BYTES)
    text = _decoded(data)
    try:
        value, whole, end = salvage(text)
    except ValueError as error:
        raise Unreadable(f"it is no JSON ({error})") from error
    if end < len(text):
        value, whole = _one_after_another(value, text, end)
    warnings = []
    if not whole_file:
        warnings.append(f"Only the first {MOST_JSON_BYTES >> 20} MiB of the file were read.")
    elif not whole:
        warnings.append("The file is damaged or cut short: what stands before the damage was read.")
    return value, warnings


def _one_after_another(first: Any, text: str, at: int) -> tuple[list[Any], bool]:
    """Objects written one after another, each over several lines: rows.

    "[12] loss: 0.5" is no JSON, though it begins like it.
    """
    if not isinstance(first, dict) or text[at] not in "{,":
        raise Unreadable("text follows where a JSON document would end")
    values, whole = [first], True
    while at < len(text) and whole:
        try:
            value, whole, at = salvage(text, at + (text[at] == ","))
        except ValueError:
            return values, False
        values.append(value)
    return values, whole


def _decoded(data: bytes) -> str:
    for encoding, mark in (
        ("utf-16-le", b"\xff\xfe"),
        ("utf-16-be", b"\xfe\xff"),
        ("utf-8", b"\xef\xbb\xbf"),
    ):
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    return data.decode("utf-8", "replace")


def runs_from_document(
    document: Any, name: str, format: str, source: Path | None, warnings: Sequence[str] = ()
) -> list[LoggedRun]:
    """The runs in a value made of dicts and lists.

    Raises
    ------
    Unreadable
        If there are no rows and no columns of numbers in it.
    """
    if isinstance(document, Mapping):
        return _from_object(document, name, format, source, warnings, depth=0)
    if isinstance(document, list):
        return _rows(document, name, format, source, warnings)
    raise Unreadable("it holds neither rows nor columns of numbers")


def _from_object(
    document: Mapping[str, Any],
    name: str,
    format: str,
    source: Path | None,
    warnings: Sequence[str],
    depth: int,
) -> list[LoggedRun]:
    numbered = numbered_rows(document)
    if numbered is not None:
        return _rows(numbered, name, format, source, warnings)
    columns = _columns(document)
    if columns:
        table = RunTable(name, format, source)
        table.warnings += warnings
        lengths = {len(cells) for cells in _arrays(document).values()}
        if len(lengths) > 1:
            table.warnings.append("Its arrays differ in length: each was counted from its own beginning.")
        table.add(max(lengths), columns)
        return table.runs()
    for key in _ROWS_KEYS:
        inside = document.get(key)
        if isinstance(inside, list) and any(isinstance(row, Mapping) for row in inside):
            return _rows(inside, name, format, source, warnings)
    runs: list[LoggedRun] = []
    if depth < 3:  # an object of runs, or of parts of which one has the history
        for key, inside in list(document.items())[:_MOST_INSIDE]:
            label = f"{name}/{key}"
            try:
                if isinstance(inside, Mapping):
                    runs += _from_object(inside, label, format, source, warnings, depth + 1)
                elif isinstance(inside, list) and any(isinstance(row, Mapping) for row in inside):
                    runs += _rows(inside, label, format, source, warnings)
            except Unreadable:
                continue
    if not runs:
        raise Unreadable("it holds neither rows nor columns of numbers")
    return runs


def _rows(
    rows: list[Any], name: str, format: str, source: Path | None, warnings: Sequence[str]
) -> list[LoggedRun]:
    table = RunTable(name, format, source)
    table.warnings += warnings
    objects = [row for row in rows if isinstance(row, Mapping)]
    if objects:
        if len(objects) < len(rows):
            table.warnings.append(f"{len(rows) - len(objects)} entries are no objects and were passed over.")
        add_mappings(table, objects)
        return table.runs()
    if rows and all(isinstance(row, list) for row in rows):  # rows as arrays, as some pages export them
        width = max(map(len, rows))
        if not 0 < width <= 1_000:
            raise Unreadable("it holds neither rows nor columns of numbers")
        labels = {3: ("wall time", "step", "value"), 2: ("step", "loss")}.get(
            width
        )  # 3: TensorBoard's export
        named = labels or (("loss",) if width == 1 else tuple(f"column {k + 1}" for k in range(width)))
        add_mappings(table, [dict(zip(named, row, strict=False)) for row in rows])
        return table.runs()
    columns = _columns({"loss": rows})
    if not columns:
        raise Unreadable("it holds neither rows nor columns of numbers")
    table.add(len(rows), columns)
    return table.runs()


def _columns(document: Mapping[str, Any]) -> dict[str, tuple[Rows | None, Values]]:
    """The members that are arrays, mostly of numbers."""
    found: dict[str, tuple[Rows | None, Values]] = {}
    for name, cells in _arrays(document).items():
        values = [number_of(c) for c in cells]
        rows = [k for k, v in enumerate(values) if v is not None]
        if len(rows) < 1 or len(rows) < 0.5 * sum(c is not None for c in cells):
            continue
        numbers = np.array([values[k] for k in rows], dtype=np.float64)
        found[name] = (np.array(rows, dtype=np.int64), numbers)
    return found


def _arrays(document: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The members that are lists; those inside ({"train": {"loss": [...]}}) by path, where they are parts
    of one run.

    Parts have names like "train" and "validation_0" (xgboost's evals_result); under other names lie other
    runs.
    """
    lists = {str(key): value for key, value in document.items() if isinstance(value, list)}
    if lists:
        return lists
    for key, inside in document.items():
        if not (_PART_NAME.match(str(key)) and isinstance(inside, Mapping)):
            return {}
        lists.update({f"{key}/{k}": v for k, v in inside.items() if isinstance(v, list)})
    return lists
