"""A store that lives as long as its process: for searches that nobody means to resume, and for tests."""

from __future__ import annotations

from collections.abc import Sequence

from lrscope.training.store.base import Event, Events, Store


class MemoryStore(Store):
    """Keeps events in memory. Nothing is written anywhere."""

    def __init__(self) -> None:
        self._events: list[Event] = []

    def append(self, events: Sequence[Event]) -> None:
        """Take events."""
        self._events.extend(events)

    def events(self, since: int = 0) -> Events:
        """The events after number `since`."""
        return Events(len(self._events), self._events[since:])

    def close(self) -> None:
        """Nothing is held that must be let go; what was appended can still be read."""
