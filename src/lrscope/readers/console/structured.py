"""Records: JSON objects and Python dicts on one line → named numbers."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping

from lrscope.readers.console.line_template import LineTemplate, template_of_names
from lrscope.readers.console.numbers import NUMBER, PrintedValue

MOST_KEY_SETS = 1024


def parse_record(line: str) -> dict[str, PrintedValue] | None:
    """The numbers of a line that is one JSON object or Python dict, else None. One level down is "a/b".

    Numbers written as strings ("0.31") count; true and false do not.
    """
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        if "'" not in line or line.count("{") < 2:
            return None
        try:
            record = ast.literal_eval(line)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            return None
    return flatten(record) if isinstance(record, Mapping) else None


def flatten(record: Mapping[object, object], most: int = 400) -> dict[str, PrintedValue]:
    """The numbers in a record, by name; those one level down as "outer/inner"."""
    found: dict[str, PrintedValue] = {}
    for key, value in record.items():
        if isinstance(value, Mapping):
            for inner, number in value.items():
                if _is_number(number):
                    found[f"{key}/{inner}"] = number
        elif _is_number(value):
            found[str(key)] = value  # type: ignore[assignment]
        if len(found) >= most:
            break
    return found


def _is_number(value: object) -> bool:
    if isinstance(value, str):
        return len(value) < 60 and NUMBER.fullmatch(value.strip()) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)


class RecordReader:
    """Gives records their template, and remembers it by the names in them."""

    def __init__(self, wanted: str | None = None) -> None:
        self._wanted = wanted
        self._templates: dict[tuple[str, ...], LineTemplate] = {}

    def read(self, record: Mapping[str, PrintedValue]) -> tuple[LineTemplate, list[PrintedValue]]:
        """The roles of a record's numbers, and the numbers."""
        names = tuple(record)
        template = self._templates.get(names)
        if template is None:
            if len(self._templates) >= MOST_KEY_SETS:
                self._templates.clear()
            template = self._templates[names] = template_of_names(names, self._wanted)
        return template, list(record.values())
