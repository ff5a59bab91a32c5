"""An append-only log of one run: JSON lines, one a step, written so that a kill costs at most the last one.

Any reader of JSON lines reads it; lrscope's own does. Lines are written whole to a file opened for appending,
so lines never mix and nothing waits in a buffer here. NaN and infinity are no JSON; they are written as
the strings "NaN", "Infinity" and "-Infinity", which our readers take for the numbers they are.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from lrscope.errors import StoreError

Field = float | int | str | None
"""What a line can hold. A field that is None is left out: nothing was measured."""


class Journal:
    """Writes lines to the end of a file.

    The file is opened at the first line. An earlier record under that name is moved aside (`run.1.jsonl`,
    then `run.2.jsonl`, …) and never deleted, unless this journal continues it.

    Parameters
    ----------
    path : path
        The file; its folder is made where needed.
    continuing : bool
        Whether to append to the file that is there. A last line that was cut short by a kill is ended first,
        so that it spoils no other.

    Raises
    ------
    StoreError
        If the folder cannot be made, or the file cannot be opened or written (at `write`).
    """

    def __init__(self, path: str | os.PathLike[str], continuing: bool = False) -> None:
        self.path = Path(path)
        self.continuing = continuing
        self._file: int | None = None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"The folder {str(self.path.parent)!r} for the record cannot be made: {error.strerror}."
            ) from error
        if self.path.is_dir():
            raise StoreError(f"{str(self.path)!r} is a folder; the record needs the name of a file.")

    def write(self, *lines: Mapping[str, Field]) -> None:
        """Append lines, in one write to the file; floats are written in full."""
        line = "".join(map(line_of, lines)).encode()
        try:
            if self._file is None:
                self._file = self._open()
            while line:  # a full disk or a signal can cut a write short
                line = line[os.write(self._file, line) :]
        except OSError as error:
            raise StoreError(f"The record {str(self.path)!r} cannot be written: {error.strerror}.") from error

    def close(self) -> None:
        """Close the file; a later `write` opens it again at its end."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
            self.continuing = True

    def _open(self) -> int:
        if not self.continuing:
            self._move_aside()
        file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        size = os.fstat(file).st_size
        if size and os.pread(file, 1, size - 1) != b"\n":
            os.write(file, b"\n")
        return file

    def _move_aside(self) -> None:
        try:
            if self.path.stat().st_size == 0:
                return
        except FileNotFoundError:
            return
        number = 1
        while (aside := self.path.with_suffix(f".{number}{self.path.suffix}")).exists():
            number += 1
        self.path.rename(aside)


def line_of(fields: Mapping[str, Field]) -> str:
    """One line of JSON with its end."""
    # Finite floats, nearly all there is, are told apart without a call: a recorder writes millions.
    cells = [
        f"{_name(name)}: {value!r}"
        if type(value) is float and value - value == 0
        else f"{_name(name)}: {_text(value)}"
        for name, value in fields.items()
        if value is not None
    ]
    return "{" + ", ".join(cells) + "}\n"


@lru_cache(maxsize=256)
def _name(name: str) -> str:
    return json.dumps(name)


def _text(value: float | int | str) -> str:
    if isinstance(value, float):
        if math.isfinite(value):
            return repr(value)
        return '"NaN"' if math.isnan(value) else ('"Infinity"' if value > 0 else '"-Infinity"')
    return json.dumps(value)
