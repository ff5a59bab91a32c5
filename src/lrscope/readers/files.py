"""Opening files that may be anything: pipes, devices, other people's folders, terabytes, garbage.

Every reader opens files through here, so the bounds hold everywhere: only regular files are opened, and never
in a way that waits; no file is read past `MOST_BYTES`; no line is kept that is longer than `LONGEST_LINE_BYTES`.
"""

from __future__ import annotations

import codecs
import gzip
import os
import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, cast

MOST_BYTES = 2 << 30
"""Of a longer file only this much is read (bytes)."""
LONGEST_LINE_BYTES = 8 << 20
"""A longer line is passed over (bytes)."""
BLOCK_BYTES = 4 << 20
"""Text is taken apart in blocks of about this size (bytes), so that only the numbers stay in memory."""
SAMPLE_BYTES = 64 << 10
"""How much of a file's beginning a format may look at to recognise itself (bytes)."""

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_GZIP = b"\x1f\x8b\x08"
_CONTROL_BYTES = bytes(set(range(32)) - {7, 8, 9, 10, 12, 13, 27})
"""Bytes that text does not hold; progress bars ring the bell and step back (7, 8), and use colours (27)."""


@dataclass(frozen=True)
class Sample:
    """The beginning of a file: all that the formats see when they are asked whether it is theirs."""

    path: Path
    head: bytes
    size: int

    @property
    def whole(self) -> bool:
        """Whether `head` is the whole file."""
        return len(self.head) >= self.size

    @cached_property
    def text(self) -> str | None:
        """The beginning as text, without a byte order mark; None where it is not text."""
        for mark, encoding in _BOMS:
            if self.head.startswith(mark):
                return self.head[len(mark) :].decode(encoding, "replace")
        odd = len(self.head) - len(self.head.translate(None, _CONTROL_BYTES))
        text = self.head.decode("utf-8", "replace")
        # A log in an old encoding has some bytes that are no UTF-8, one with a hole from a crash some zeros.
        if odd > len(self.head) // 20 or text.count("\ufffd") > 0.3 * len(text):
            return None
        return text

    @cached_property
    def lines(self) -> list[str]:
        """The whole lines of the beginning; empty where it is not text."""
        text = self.text
        if text is None:
            return []
        lines = text.split("\n")
        if not self.whole and len(lines) > 1:
            lines.pop()  # most likely cut
        return lines


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading.

    Raises
    ------
    OSError
        If it cannot be opened, or is a pipe, a device, a socket or a folder. It is opened without waiting and
        looked at afterwards, so that a pipe that takes a file's place in between cannot hang us.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is not a regular file")
        file = os.fdopen(descriptor, "rb")
        return cast(BinaryIO, _Unzipped(file)) if file.peek(3)[:3] == _GZIP else file
    except BaseException:
        os.close(descriptor)
        raise


class _Unzipped(gzip.GzipFile):
    """A file compressed with gzip. Of a damaged one the part before the damage is read."""

    damaged = False

    def __init__(self, packed: BinaryIO) -> None:
        super().__init__(fileobj=packed, mode="rb")
        self._packed = packed

    def close(self) -> None:
        super().close()
        self._packed.close()

    def read(self, size: int | None = -1) -> bytes:
        parts: list[bytes] = []
        left = MOST_BYTES if size is None or size < 0 else size
        while left > 0 and not self.damaged:
            try:
                part = self.read1(min(left, SAMPLE_BYTES))
            except (EOFError, zlib.error, gzip.BadGzipFile):
                self.damaged = True
                break
            if not part:
                break
            parts.append(part)
            left -= len(part)
        return b"".join(parts)


def sample(path: Path) -> Sample:
    """The beginning of a file. Raises OSError where there is none to be had."""
    with open_regular(path) as file:
        head = file.read(SAMPLE_BYTES)
        size = os.fstat(file.fileno()).st_size
        if isinstance(file, _Unzipped):
            size = len(head) + len(file.read(1))
    return Sample(path, head, max(size, len(head)))


def read_bytes(path: Path, most: int | None = None) -> tuple[bytes, bool]:
    """The file's content, and whether that was all of it."""
    most = MOST_BYTES if most is None else most
    with open_regular(path) as file:
        if isinstance(file, _Unzipped):
            data = file.read(most)
            return data, not file.read(1)
        size = os.fstat(file.fileno()).st_size
        data = file.read(min(size, most))
        return data, size <= most


class TextBlocks:
    """The lines of a text file, some thousands at a time.

    Iterate to get lists of lines without their line feeds. Afterwards `lost` holds sentences about what was
    passed over, and `cut` tells whether the last line had no end (as in a file that is still being
    written).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lost: list[str] = []
        self.cut = False

    def __iter__(self) -> Iterator[list[str]]:
        with open_regular(self.path) as file:
            first = file.read(4)
            encoding, mark = next(((e, len(m)) for m, e in _BOMS if first.startswith(m)), ("utf-8", 0))
            file.seek(mark)
            decoder = codecs.getincrementaldecoder(encoding)("replace")
            total, long, skipping, rest = 0, 0, False, ""
            while True:
                data = file.read(min(BLOCK_BYTES, MOST_BYTES - total))
                total += len(data)
                text = rest + decoder.decode(data, final=not data)
                if not data:
                    if total >= MOST_BYTES and file.read(1):
                        self.lost.append(f"Only the first {MOST_BYTES >> 20} MiB were read.")
                    self.cut = bool(text)
                    if text and not skipping:
                        yield text.split("\n")
                    break
                lines = text.split("\n")  # not splitlines(): JSON may hold other line ends inside a string
                rest = lines.pop()
                if skipping and lines:  # the rest of a line that was too long
                    lines, skipping = lines[1:], False
                if len(rest) > LONGEST_LINE_BYTES:
                    long += not skipping
                    rest, skipping = "", True
                if lines:
                    yield lines
            if isinstance(file, _Unzipped) and file.damaged:
                self.lost.append(
                    "The compressed file is cut short or damaged: what stands before that was read."
                )
            if long:
                self.lost.append(
                    f"{long} line(s) longer than {LONGEST_LINE_BYTES >> 20} MiB were passed over."
                )
