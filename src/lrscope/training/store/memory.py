"""A store that lives as long as its process: for scans that nobody means to resume, and for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lrscope.curves import Run, RunKey
from lrscope.training.store.base import Change, Decision, Ledger, Points, Record, Settings, Store
from lrscope.training.store.trace import Traces


class MemoryStore(Store):
    """Keeps records in memory. Nothing is written anywhere."""

    def __init__(self) -> None:
        self._settings: dict[str, Any] = {}
        self._traces: dict[RunKey, Traces] = {}
        self._standing: dict[RunKey, Change] = {}
        self._decisions: list[Decision] = []

    def append(self, records: Sequence[Record]) -> None:
        """Take records."""
        for record in records:
            if isinstance(record, Points):
                self._traces.setdefault(record.key, Traces()).add(record.points)
            elif isinstance(record, Change):
                self._standing[record.key] = record
            elif isinstance(record, Settings):
                self._settings.update(record.values)
            else:
                self._decisions.append(record)

    def read(self) -> Ledger:
        """Everything so far."""
        runs = []
        for key in sorted(self._traces.keys() | self._standing.keys()):
            curves = self._traces[key].curves() if key in self._traces else {}
            standing = self._standing.get(key)
            if standing is None:
                runs.append(Run(*key, curves))
            else:
                s = standing
                runs.append(Run(*key, curves, s.state, s.step, s.reason, s.seconds, s.rework))
        return Ledger(dict(self._settings), runs, list(self._decisions))

    def close(self) -> None:
        """Nothing is held that must be let go; what was appended can still be read."""
