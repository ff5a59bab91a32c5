"""The seam between the session and its memory. The store is the record *and* the ledger of a scan:
resuming is reading it again. There is one writer, the session; workers report to the session."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lrscope.curves import Point, Run, RunKey, RunState


@dataclass(frozen=True, slots=True)
class Settings:
    """Names and values that hold for the whole scan (JSON values). A later record replaces the names it has."""

    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Points:
    """Observations of one run. A (metric, step) that is on record already keeps its first value."""

    key: RunKey
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Change:
    """A run's new standing. The fields are those of `curves.Run`; `seconds` and `rework` are totals."""

    key: RunKey
    state: RunState
    step: int
    reason: str | None = None
    seconds: float = 0.0
    rework: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """Something that was decided or noticed, with its reason: the ledger's lines.

    `kind` is one of "advance", "drop", "stop", "horizon", "note", "name", "mismatch"; `reason` is a sentence;
    `detail` holds numbers behind it (JSON values); `time` is seconds since the epoch.
    """

    kind: str
    reason: str
    key: RunKey | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    time: float = 0.0


Record = Settings | Points | Change | Decision


@dataclass(frozen=True)
class Ledger:
    """Everything a store holds, put together."""

    settings: Mapping[str, Any]
    runs: Sequence[Run]
    decisions: Sequence[Decision]


class Store(ABC):
    """Takes records and gives them back. A conformance suite is `lrscope.testing.store_suite`."""

    @abstractmethod
    def append(self, records: Sequence[Record]) -> None:
        """Write records, all or none. When this returns, they survive a kill of the process.

        Raises
        ------
        StoreError
            If they cannot be written (full disk, lost folder); nothing written earlier is harmed.
        """

    @abstractmethod
    def read(self) -> Ledger:
        """Everything so far. Runs are ordered by learning rate, then seed."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what it holds. May be called twice."""
