"""TensorBoard's event files: every scalar of every tag, none thinned out.

A file is a row of TFRecords: length (8 bytes, little endian), masked CRC-32C of the length (4), payload,
masked CRC-32C of the payload (4). A payload is a protobuf `Event`; a scalar is a `Summary.Value` with a
simple_value or, as TensorFlow 2 and some others write it, with a tensor of one element. The owner's reader
keeps 10,000 points a tag unless told otherwise; this one keeps all.

Both checksums are checked. Where a length is damaged, the next record is found by looking for eight bytes
that are followed by their own checksum. A half-written last record is what a live file ends in, and nothing
is said about it.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lrscope.readers.base import LoggedRun, Reader, Unreadable
from lrscope.readers.files import Sample, read_bytes
from lrscope.readers.series import MOST_METRICS, Series, run_from_series
from lrscope.readers.wire import Malformed, fields, signed, varint

_U64 = struct.Struct("<Q")
_U32 = struct.Struct("<I")
_F32 = struct.Struct("<f")
_CHECKED_BYTES = (
    4096  # payloads longer than this hold pictures and graphs; checking them in Python would take minutes
)
_MOST_BREAKS = 1_000  # a file that is broken in more places is given up there
_MOST_RECORDS = 20_000_000
_EVENT_CHUNK_BYTES = 4 << 20  # bytes searched at once, and bytes of payload checked at once


def _table() -> NDArray[np.uint32]:
    """CRC-32C (Castagnoli, reflected polynomial 0x82F63B78) of each byte."""
    crc = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        crc = np.where(crc & 1, (crc >> 1) ^ np.uint32(0x82F63B78), crc >> 1).astype(np.uint32)
    return crc


_CRC = _table()


def masked_crc(rows: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """TFRecord's checksum of each row of an (n, length) array of bytes: CRC-32C, rotated and shifted."""
    crc = np.full(rows.shape[0], 0xFFFFFFFF, dtype=np.uint32)
    for k in range(rows.shape[1]):
        crc = _CRC[(crc ^ rows[:, k]) & 0xFF] ^ (crc >> np.uint32(8))
    return _masked(crc)


def _masked(crc: NDArray[np.uint32]) -> NDArray[np.uint32]:
    crc = ~crc
    return ((crc >> np.uint32(15)) | (crc << np.uint32(17))) + np.uint32(0xA282EAD8)


class EventFile(Reader):
    """One event file. A folder's files are one run: see `run_from_files`."""

    name = "tensorboard"
    title = "TensorBoard event file"
    certain = True

    def recognises(self, sample: Sample) -> bool:
        head = sample.head
        if len(head) >= 12:
            length = np.frombuffer(head[:8], dtype=np.uint8)[None, :]
            if int(masked_crc(length)[0]) == _U32.unpack_from(head, 8)[0]:
                return True
        return "tfevents" in sample.path.name

    def read(self, path: Path, name: str) -> list[LoggedRun]:
        return [run_from_files([path], name, path)]


def run_from_files(paths: Sequence[Path], name: str, source: Path) -> LoggedRun:
    """One run from all event files of one folder: of two values for one step, the later file's stays.

    A training that was started again writes a new file beside the old one. Names begin with the time of the
    start, so their order is the order of the starts.

    Raises
    ------
    Unreadable
        If there is no scalar in any of them.
    """
    parts: dict[str, list[Series]] = {}
    warnings: list[str] = []
    for path in sorted(paths, key=lambda p: (p.name, str(p))):
        try:
            data, whole = read_bytes(path)
        except OSError as error:
            warnings.append(f"{path.name} could not be read ({error.strerror or error}).")
            continue
        scalars, lost = _scalars(data)
        if lost:
            warnings.append(f"{path.name} is damaged: {lost}.")
        if not whole:
            warnings.append(f"{path.name} is very long: only its beginning was read.")
        for tag, series in scalars.items():
            parts.setdefault(tag, []).append(series)
    if not parts:
        raise Unreadable("; ".join(warnings).rstrip(".") or "it holds no scalars")
    merged = {
        tag: (np.concatenate([s for s, _ in p]), np.concatenate([v for _, v in p]))
        for tag, p in parts.items()
    }
    # Several files overlap where a run was started again; that is how TensorBoard is meant to be used.
    return run_from_series(
        name, "tensorboard", merged, source=source, warnings=warnings, quiet=len(paths) > 1
    )


def _scalars(data: bytes) -> tuple[dict[str, Series], str]:
    """All scalars of one file by tag, and what was lost, for a person."""
    places = _records(data)
    damaged = _damaged(data, places)
    found: dict[bytes, tuple[list[int], list[float]]] = {}
    bad = 0
    for k, (start, size) in enumerate(zip(places.start, places.size, strict=True)):
        if k in damaged:
            continue
        try:
            _event(data[start : start + size], found)
        except Malformed:
            bad += 1
    lost = []
    if places.skipped:
        lost.append(f"{places.skipped} byte(s) between whole records were passed over")
    if places.given_up:
        lost.append(f"it was given up after {len(places.start)} records")
    if damaged or bad:
        lost.append(f"{len(damaged) + bad} record(s) fail their checksum or make no sense")
    scalars: dict[str, Series] = {}
    for tag, (steps, values) in found.items():
        at = np.array(steps, dtype=np.int64)
        scalars[tag.decode("utf-8", "replace")] = (at, np.array(values, dtype=np.float64))
    return scalars, " and ".join(lost)


@dataclass
class _Places:
    """Where the whole payloads of a file lie, how many bytes between them were passed over, and whether the
    file was given up before its end."""

    start: array[int] = field(default_factory=lambda: array("q"))
    size: array[int] = field(default_factory=lambda: array("q"))
    skipped: int = 0
    given_up: bool = False


def _records(data: bytes) -> _Places:
    """Walk from record to record; past a broken one, look for the next."""
    found = _Places()
    known: dict[bytes, bool] = {}  # lengths seen, with their checksum: there are few, and many records
    at, end, breaks = 0, len(data), 0
    unpack = _U64.unpack_from
    note_start, note_size = found.start.append, found.size.append
    while end - at >= 12:
        head = data[at : at + 12]
        good = known.get(head)
        if good is None:
            row = np.frombuffer(head[:8], dtype=np.uint8)[None, :]
            good = int(masked_crc(row)[0]) == _U32.unpack_from(head, 8)[0]
            if len(known) < 100_000:
                known[head] = good
        size = unpack(head)[0]
        if good and size <= end - at - 16:
            note_start(at + 12)
            note_size(size)
            at += size + 16
            if len(found.start) >= _MOST_RECORDS:
                found.given_up = at < end
                break
            continue
        breaks += 1
        following = _next_record(data, at + 1) if breaks <= _MOST_BREAKS else None
        if following is None:
            # A whole length at the end is a record half-written, as in a file that is still growing.
            found.skipped += 0 if good and breaks <= _MOST_BREAKS else end - at
            found.given_up = breaks > _MOST_BREAKS
            break
        found.skipped += following - at
        at = following
    return found


def _next_record(data: bytes, at: int) -> int | None:
    """Where the next eight bytes stand that are followed by their own checksum and can be a length."""
    whole = np.frombuffer(data, dtype=np.uint8)
    reach = 1024  # small at first: where damage is frequent, a long look each time would take for ever
    while at + 16 <= len(data):
        window = whole[at : at + reach + 11]
        reach = min(2 * reach, _EVENT_CHUNK_BYTES)
        n = window.size - 11
        lengths = np.lib.stride_tricks.sliding_window_view(window, 8)[:n]
        # A length below 2**32 has four zero bytes at its end: few places are left to compute a checksum for.
        likely = np.flatnonzero((lengths[:, 4:] == 0).all(axis=1))
        if likely.size:
            sums = np.lib.stride_tricks.sliding_window_view(window, 4)[likely + 8].copy().view("<u4")[:, 0]
            for place in likely[masked_crc(lengths[likely]) == sums]:
                size = _U64.unpack_from(data, at + int(place))[0]
                if size <= len(data) - at - int(place) - 16:
                    return at + int(place)
        at += n
    return None


def _damaged(data: bytes, places: _Places) -> set[int]:
    """The records whose payload does not fit its checksum; a byte of many records is taken at once."""
    whole = np.frombuffer(data, dtype=np.uint8)
    starts = np.frombuffer(places.start, dtype=np.int64) if places.start else np.empty(0, dtype=np.int64)
    sizes = np.frombuffer(places.size, dtype=np.int64) if places.size else np.empty(0, dtype=np.int64)
    order = np.argsort(-sizes, kind="stable")
    order = order[sizes[order] <= _CHECKED_BYTES]
    bad: set[int] = set()
    cuts = np.flatnonzero(np.diff(np.cumsum(sizes[order]) // _EVENT_CHUNK_BYTES)) + 1
    for piece in np.split(order, cuts):
        at, size = starts[piece], sizes[piece]
        crc = np.full(piece.size, 0xFFFFFFFF, dtype=np.uint32)
        for k in range(int(size.max(initial=0))):
            m = int(
                np.searchsorted(-size, -k, side="left")
            )  # longest first, so those that go on are in front
            crc[:m] = _CRC[(crc[:m] ^ whole[at[:m] + k]) & 0xFF] ^ (crc[:m] >> np.uint32(8))
        stored = whole[(at + size)[:, None] + np.arange(4)].copy().view("<u4")[:, 0]
        bad.update(piece[_masked(crc) != stored].tolist())
    return bad


def _event(data: bytes, found: dict[bytes, tuple[list[int], list[float]]]) -> None:
    """Add the scalars of one Event (2: step, 5: summary) to those found. Raises Malformed."""
    # Most events are wall time (9 bytes), step, and a summary with one value: taken apart without a
    # generator.
    if data[:1] == b"\x09" and data[9:10] == b"\x10":
        step, at = varint(data, 10)
        if data[at : at + 1] == b"\x2a":
            size, at = varint(data, at + 1)
            if at + size == len(data):
                _summary(data[at:], step, found)
                return
    step = 0
    summaries = []
    for number, kind, value in fields(data):
        if number == 2 and isinstance(value, int):
            step = value
        elif number == 5 and kind == 2 and isinstance(value, bytes):
            summaries.append(value)
    for summary in summaries:
        _summary(summary, step, found)


def _summary(data: bytes, step: int, found: dict[bytes, tuple[list[int], list[float]]]) -> None:
    # One value, with nothing but a short tag and a simple_value: 0a size, 0a size tag, 15 float.
    n = len(data)
    plain = 9 < n < 130 and data[0] == 0x0A and data[1] == n - 2 and data[2] == 0x0A and data[3] == n - 9
    if plain and data[n - 5] == 0x15:
        _add(found, data[4 : n - 5], step, _F32.unpack_from(data, n - 4)[0])
        return
    for number, kind, entry in fields(data):
        if number != 1 or kind != 2 or not isinstance(entry, bytes):
            continue
        tag, value = b"", None
        for inner, inner_kind, content in fields(entry):
            if not isinstance(content, bytes):
                continue
            if inner == 1 and inner_kind == 2:
                tag = content
            elif inner == 2 and inner_kind == 5:
                value = _F32.unpack(content)[0]
            elif inner == 8 and inner_kind == 2:
                value = _tensor(content)
        if value is not None:
            _add(found, tag, step, value)


def _add(found: dict[bytes, tuple[list[int], list[float]]], tag: bytes, step: int, value: float) -> None:
    entry = found.get(tag)
    if entry is None:
        if len(found) > MOST_METRICS:
            return
        entry = found[tag] = ([], [])
    entry[0].append(signed(step))
    entry[1].append(value)


_DTYPES = {
    1: "<f4",
    2: "<f8",
    3: "<i4",
    9: "<i8",
    19: "<f2",
    22: "<u4",
    23: "<u8",
    4: "u1",
    5: "<i2",
    6: "i1",
}
_BFLOAT16 = 14


def _tensor(data: bytes) -> float | None:
    """A TensorProto of one element as a number; None for any other (histograms, pictures, text)."""
    dtype, content, listed = 0, b"", None
    for number, kind, value in fields(data):
        if number == 1 and isinstance(value, int):
            dtype = value
        elif number == 4 and isinstance(value, bytes):
            content = value
        elif number == 5 and isinstance(value, bytes) and len(value) == 4:  # float_val, packed or not
            listed = _F32.unpack(value)[0]
        elif number == 6 and isinstance(value, bytes) and len(value) == 8:  # double_val
            listed = struct.unpack("<d", value)[0]
        elif number in (7, 10) and kind == 0 and isinstance(value, int):  # int_val, int64_val
            listed = float(signed(value))
        elif number in (7, 10) and isinstance(value, bytes) and value:
            whole, end = varint(value, 0)
            listed = float(signed(whole)) if end == len(value) else None
        elif number == 13 and isinstance(value, bytes) and value:  # half_val: the bits as an integer
            bits, end = varint(value, 0)
            if end == len(value) and bits < 1 << 16:
                listed = _half(bits, dtype)
    if content and dtype == _BFLOAT16 and len(content) == 2:
        return _half(int.from_bytes(content, "little"), dtype)
    if content and dtype in _DTYPES:
        kind_of = np.dtype(_DTYPES[dtype])
        return float(np.frombuffer(content, dtype=kind_of)[0]) if len(content) == kind_of.itemsize else None
    return listed


def _half(bits: int, dtype: int) -> float:
    if dtype == _BFLOAT16:
        return float(_F32.unpack(_U32.pack(bits << 16))[0])
    return float(np.frombuffer(struct.pack("<H", bits), dtype="<f2")[0])
