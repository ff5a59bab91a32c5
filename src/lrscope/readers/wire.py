"""The few rules of protobuf's wire format that event files and W&B's files are read by.

A message is a row of fields; each begins with a number that holds the field's own number and its kind: 0 a
varint, 1 eight bytes, 2 a length and that many bytes, 5 four bytes. (Protocol Buffers, "Encoding".)
"""

from __future__ import annotations

from collections.abc import Iterator


class Malformed(ValueError):  # noqa: N818 (as above all in this room: what the bytes are)
    """The bytes are no protobuf message."""


def varint(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins at `at`, and where it ends. Raises Malformed."""
    result = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise Malformed
        byte = data[at]
        at += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, at
        shift += 7


def fields(data: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """(number, kind, value) of each field: an int for varints, bytes for the others. Raises Malformed."""
    at, end = 0, len(data)
    while at < end:
        key = data[at]
        at += 1
        if key >= 0x80:
            key, at = varint(data, at - 1)
        kind = key & 7
        if kind == 2:
            size, at = varint(data, at)
        elif kind == 0:
            value, at = varint(data, at)
            yield key >> 3, 0, value
            continue
        elif kind == 1:
            size = 8
        elif kind == 5:
            size = 4
        else:
            raise Malformed
        if size > end - at:
            raise Malformed
        yield key >> 3, kind, data[at : at + size]
        at += size


def signed(value: int) -> int:
    """A varint of an int64 field, which holds negative numbers as two's complement."""
    return value - (1 << 64) if value >= 1 << 63 else value
