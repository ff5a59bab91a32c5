"""JSON lines: one object a line, as most people's own logging writes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lrscope.readers.base import LoggedRun, Reader, Unreadable
from lrscope.readers.files import Sample, TextBlocks
from lrscope.readers.json_parts import loads
from lrscope.readers.mappings import add_mappings, numbered_rows
from lrscope.readers.table import RunTable

_LOOK_OBJECTS = 20
_OBJECTS_AT_ONCE = 20_000  # lines turned into Python objects at once


class JsonLines(Reader):
    """Objects, one a line; other lines between them are counted and passed over."""

    name = "jsonl"
    title = "JSON lines"

    def recognises(self, sample: Sample) -> bool:
        lines = [line for line in sample.lines if line.strip()][:_LOOK_OBJECTS]
        found = [_parse(line) for line in lines]
        objects = [value for value in found if isinstance(value, dict)]
        if len(found) == 1 and objects and numbered_rows(objects[0]) is not None:
            return False  # one document that holds all rows
        return len(objects) > 0 and len(objects) >= 0.5 * len(lines)

    def read(self, path: Path, name: str) -> list[LoggedRun]:
        table = RunTable(name, self.name, path)
        blocks = TextBlocks(path)
        lost = objects = 0
        for block in blocks:
            for start in range(0, len(block), _OBJECTS_AT_ONCE):
                rows, bad = _objects(block[start : start + _OBJECTS_AT_ONCE])
                lost += bad
                objects += len(rows)
                add_mappings(table, rows)
        if not objects:
            raise Unreadable("none of its lines is a JSON object")
        if lost:
            what = (
                "its last line is cut short" if lost == 1 and blocks.cut else "they are no whole JSON objects"
            )
            table.warnings.append(f"{lost} line(s) were passed over: {what}.")
        table.warnings += blocks.lost
        return table.runs()


def _objects(lines: Sequence[str]) -> tuple[list[dict[str, Any]], int]:
    """The lines' objects, and how many lines that are not empty hold none."""
    filled = [line for line in lines if line and not line.isspace()]
    try:
        # One call for many lines is three times as fast as a call a line. Each line has to begin and end like
        # an object, and the number of values has to be right, or else a value could reach across lines.
        if all(line[0] == "{" for line in filled):
            together = loads("[" + ",".join(filled) + "]")
            if len(together) == len(filled) and all(type(v) is dict for v in together):
                return together, 0
    except ValueError:
        pass
    rows = [value for value in map(_parse, filled) if isinstance(value, dict)]
    return rows, len(filled) - len(rows)


def _parse(line: str) -> Any:
    try:
        return loads(line)
    except ValueError:
        return None
