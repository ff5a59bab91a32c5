"""W&B's offline files (`run-<id>.wandb`), as the SDK keeps them until they are synchronised.

Seven bytes of header, then LevelDB's log format: blocks of 32 KiB, in each of them records with a CRC-32 (4
bytes, over the type and the data), a length (2) and a type (1: whole, 2: first part, 3: middle, 4: last). A
record is a protobuf `Record`; history rows are its field 2, with items of key (1) or nested key (2) and a
value in JSON (16). Some SDK versions wrote broken framing, and killed runs end in a half record: after
damage, reading goes on at the next block, and what was lost is counted.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lrscope.readers.base import LoggedRun, Reader, Unreadable
from lrscope.readers.files import Sample, read_bytes
from lrscope.readers.json_parts import loads
from lrscope.readers.mappings import add_mappings, configured_rate
from lrscope.readers.table import RunTable
from lrscope.readers.wire import Malformed, fields, signed

_MAGIC = b":W&B"
_HEADER_BYTES = 7
_BLOCK_BYTES = 32 << 10
_WHOLE, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_CRC_SEEDS = {kind: zlib.crc32(bytes([kind])) for kind in (_WHOLE, _FIRST, _MIDDLE, _LAST)}
_HISTORY_ROWS_AT_ONCE = 20_000
_MOST_SETTINGS = 10_000
_LONGEST_VALUE = 4096  # JSON longer than this is a table or a picture, not a number


class OfflineRun(Reader):
    """One `.wandb` file: one run."""

    name = "wandb"
    title = "W&B offline run"
    certain = True

    def recognises(self, sample: Sample) -> bool:
        return sample.head.startswith(_MAGIC)

    def read(self, path: Path, name: str) -> list[LoggedRun]:
        data, whole = read_bytes(path)
        log = _Log(data)
        table = RunTable(name, self.name, path)
        rows: list[dict[str, Any]] = []
        settings: dict[str, Any] = {}
        garbled = 0
        for record in log:
            try:
                for number, kind, value in fields(record):
                    if kind != 2 or not isinstance(value, bytes):
                        continue
                    if number == 2:
                        rows.append(_history(value))
                    elif number == 17:
                        table.name = _run_name(value, settings) or table.name
                    elif number == 5:
                        _configuration(value, settings)
            except Malformed:
                garbled += 1
            if len(rows) >= _HISTORY_ROWS_AT_ONCE:
                add_mappings(table, rows)
                rows = []
        add_mappings(table, rows)
        if not table.rows:
            raise Unreadable("it holds no history")
        table.lr = configured_rate(settings)
        if log.lost or garbled:
            table.warnings.append(
                f"The file is damaged: {log.lost} broken place(s) and {garbled} unreadable record(s) "
                "were passed over."
            )
        if not whole:
            table.warnings.append("The file is very long: only its beginning was read.")
        return table.runs()


class _Log:
    """The records of a LevelDB log, put together from their parts; `lost` counts places that broke."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.lost = 0

    def __iter__(self) -> Iterator[bytes]:
        data, at, end = self.data, _HEADER_BYTES, len(self.data)
        parts: list[bytes] | None = None
        while at + 7 <= end:
            room = _BLOCK_BYTES - at % _BLOCK_BYTES
            if room < 7:  # too little for a header: filled with zeros
                at += room
                continue
            size = int.from_bytes(data[at + 4 : at + 6], "little")
            kind = data[at + 6]
            if kind == 0 and size == 0 and not any(data[at : at + room]):
                at += room  # filled up, or written by a system that had no time to write the rest
                continue
            payload = data[at + 7 : at + 7 + size]
            if at + 7 + size > end and kind in _CRC_SEEDS and size <= room - 7:
                return  # half-written: the end of a run that was killed, or still goes on
            if (
                kind not in _CRC_SEEDS
                or size > room - 7
                or zlib.crc32(payload, _CRC_SEEDS[kind]) != int.from_bytes(data[at : at + 4], "little")
            ):
                self.lost += 1
                parts = None
                at += room
                continue
            at += 7 + size
            if kind == _WHOLE:
                self.lost += parts is not None
                parts = None
                yield payload
            elif kind == _FIRST:
                self.lost += parts is not None
                parts = [payload]
            elif parts is not None:
                parts.append(payload)
                if kind == _LAST:
                    yield b"".join(parts)
                    parts = None


def _history(data: bytes) -> dict[str, Any]:
    """One row of the history: numbers, and dicts with numbers in them."""
    row: dict[str, Any] = {}
    for number, kind, item in fields(data):
        if kind != 2 or not isinstance(item, bytes):
            continue
        if number == 1:
            name, known = _item(item)
            if known is not None:
                row[name] = known
        elif number == 2:
            for inner, _, content in fields(item):
                if inner == 1 and isinstance(content, int):
                    row.setdefault("_step", signed(content))
    for own in ("_timestamp", "_runtime", "_wandb"):
        row.pop(own, None)
    return row


def _item(data: bytes) -> tuple[str, Any]:
    """Name and value of an item of the history or the settings; the value is None where it is too long."""
    keys: list[str] = []
    text = b""
    for number, kind, content in fields(data):
        if kind == 2 and isinstance(content, bytes):
            if number in (1, 2):
                keys.append(content.decode("utf-8", "replace"))
            elif number == 16:
                text = content
    if not keys or not 0 < len(text) <= _LONGEST_VALUE:
        return "", None
    try:
        return "/".join(k for k in keys if k), loads(text.decode("utf-8", "replace"))
    except ValueError:
        return "", None


def _configuration(data: bytes, settings: dict[str, Any]) -> None:
    """Add what a record of settings holds (its field 1: items that were set)."""
    for number, kind, item in fields(data):
        if number == 1 and kind == 2 and isinstance(item, bytes) and len(settings) < _MOST_SETTINGS:
            name, value = _item(item)
            if value is not None:
                settings[name] = value


def _run_name(data: bytes, settings: dict[str, Any]) -> str:
    """The name that W&B shows, or the run's id. A run's record holds its first settings, too."""
    found = {1: "", 8: ""}
    for number, kind, value in fields(data):
        if kind == 2 and isinstance(value, bytes):
            if number in found:
                found[number] = value.decode("utf-8", "replace")[:200]
            elif number == 4:
                _configuration(value, settings)
    return found[8] or found[1]
