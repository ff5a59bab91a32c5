"""Frames: one name and one value a row between two rules, as reinforcement learning prints its reports.

The counter stands anywhere among the rows, also below the values that belong to it, so a frame is read as a whole:
one record. Stable-Baselines3, OpenAI's baselines and Spinning Up print them.
"""

from __future__ import annotations

import re

from lrscope.readers.console.naming import joined
from lrscope.readers.console.numbers import NUMBER, PrintedValue
from lrscope.vocabulary import Kind
from lrscope.vocabulary.printed import printed_kind

_ROW = re.compile(r"\s*[|│┃]\s*([A-Za-z][^|│┃]*?)\s*[|│┃]\s*([^|│┃\s]*)\s*[|│┃]\s*")
MOST_FRAME_ROWS = 400


class Frame:
    """Collects the rows of one frame."""

    def __init__(self) -> None:
        self._rows: dict[str, PrintedValue] = {}
        self._section = ""

    @property
    def open(self) -> bool:
        """Whether there are rows that have not been given back."""
        return bool(self._rows)

    def take(self, line: str) -> dict[str, PrintedValue] | None:
        """The record that this row completes, mostly empty; None where the line is no row.

        A row without a value opens a section ("train/"). A counter told twice begins a new record.
        """
        match = _ROW.fullmatch(line)
        if match is None:
            return None
        name, value = match.groups()
        if not value:
            self._section = name
            return {}
        if NUMBER.fullmatch(value) is None:
            return None
        name = joined(name)
        closed: dict[str, PrintedValue] = {}
        if name in self._rows and printed_kind(name) in (Kind.EPOCH, Kind.ITERATION):
            closed = self.close()
        elif name in self._rows:
            name = joined(f"{self._section.rstrip('/')}/{name}")
        if len(self._rows) < MOST_FRAME_ROWS:
            self._rows[name] = value
        return closed

    def close(self) -> dict[str, PrintedValue]:
        """The rows since the last time, by name."""
        rows, self._rows, self._section = self._rows, {}, ""
        return rows
