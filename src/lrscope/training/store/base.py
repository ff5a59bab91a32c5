"""The seam between a search and its memory: events are appended, and read again from any number on.

A store knows nothing of what the events mean. There is one writer, the search's ledger; workers report to it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lrscope.config import RunKey
from lrscope.curves import Point, Run, RunState
from lrscope.training.store.trace import Traces


@dataclass(frozen=True, slots=True)
class Settings:
    """Names and values that hold for the whole search (JSON values). A later event replaces the names it has."""

    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Points:
    """Observations of one run. A (metric, step) that is on record already keeps its first value."""

    key: RunKey
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Change:
    """Where a run stands now. The fields are those of `curves.Run`; `seconds` and `rework` are totals."""

    key: RunKey
    state: RunState
    step: int
    reason: str | None = None
    seconds: float = 0.0
    rework: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """Something that was decided or noticed, with its reason.

    `kind` is one of "advance", "drop", "stop", "horizon", "note", "name", "mismatch"; `reason` is a sentence;
    `detail` holds numbers behind it (JSON values); `time` is seconds since the epoch.
    """

    kind: str
    reason: str
    key: RunKey | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    time: float = 0.0


Event = Settings | Points | Change | Decision


@dataclass(frozen=True, slots=True)
class Events:
    """What a store holds after a certain number.

    Parameters
    ----------
    last : int
        The number up to which these events go: what to ask from the next time.
    events : sequence of Event
        In the order in which they were appended. Of settings and changes, only those that still hold.
    """

    last: int
    events: Sequence[Event]


@dataclass(frozen=True)
class Recorded:
    """Everything a store holds, put together: runs in the order of their keys, numbered as they were first named."""

    settings: Mapping[str, Any]
    runs: Sequence[Run]
    decisions: Sequence[Decision]


def put_together(events: Iterable[Event]) -> Recorded:
    """What a sequence of events, from the first on, comes to."""
    settings: dict[str, Any] = {}
    decisions: list[Decision] = []
    numbers: dict[RunKey, int] = {}
    traces: dict[RunKey, Traces] = {}
    changes: dict[RunKey, Change] = {}
    for event in events:
        if isinstance(event, Settings):
            settings.update(event.values)
            continue
        if event.key is not None:
            numbers.setdefault(event.key, len(numbers) + 1)
        if isinstance(event, Points):
            traces.setdefault(event.key, Traces()).add(event.points)
        elif isinstance(event, Change):
            changes[event.key] = event
        else:
            decisions.append(event)
    runs = []
    for key in sorted(traces.keys() | changes.keys()):
        curves = traces[key].curves() if key in traces else {}
        run = Run(key.config, key.seed, curves, id=numbers[key])
        if (c := changes.get(key)) is not None:
            run = Run(
                key.config, key.seed, curves, c.state, c.step, c.reason, c.seconds, c.rework, numbers[key]
            )
        runs.append(run)
    return Recorded(settings, runs, decisions)


class Store(ABC):
    """Takes events and gives them back. A conformance suite is `lrscope.testing.store_suite`."""

    @abstractmethod
    def append(self, events: Sequence[Event]) -> None:
        """Write events, all or none. When this returns, they survive a kill of the process.

        Raises
        ------
        StoreError
            If they cannot be written (full disk, lost folder); nothing written earlier is harmed.
        """

    @abstractmethod
    def events(self, since: int = 0) -> Events:
        """The events after number `since`; 0 gives all of them."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what it holds. May be called twice."""

    def read(self) -> Recorded:
        """Everything so far, put together."""
        return put_together(self.events().events)
