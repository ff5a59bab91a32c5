"""Answers that were computed before, as JSON lines: a benchmark that is stopped goes on where it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class Cache:
    """A file of (key, value) lines; a path of None keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: dict[str, Any] = {}
        if path is not None and path.exists():
            for line in path.read_text().splitlines():
                try:
                    entry = json.loads(line)
                except ValueError:  # a last line that was cut short by a kill
                    continue
                self._known[json.dumps(entry["key"])] = entry["value"]

    def get(self, key: list[Any]) -> Any:
        """The value, or None."""
        return self._known.get(json.dumps(key))

    def put(self, key: list[Any], value: Any) -> None:
        """Remember and write."""
        self._known[json.dumps(key)] = value
        if self._path is not None:
            with self._path.open("a") as file:
                file.write(json.dumps({"key": key, "value": value}) + "\n")
