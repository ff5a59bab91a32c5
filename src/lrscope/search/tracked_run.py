"""What the ledger knows of one run: its points, where it stands, and how a repetition compares with it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from lrscope.curves import Point, Run, RunKey, RunState
from lrscope.training.store.base import Change
from lrscope.training.store.trace import Traces

REPRODUCED_RELATIVE_ERROR = 1e-6
"""Relative difference up to which a repeated value is the same (sums in another order differ by less)."""


@dataclass(frozen=True, slots=True)
class End:
    """How a run ended, past the step that has been asked for so far."""

    state: RunState
    step: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The first value that came out otherwise when a run was done again."""

    metric: str
    step: int
    first: float
    again: float


@dataclass
class TrackedRun:
    """One run, mutable. The first ten fields are stored; the others belong to the live incarnation.

    `step` follows what was asked for, not what was reported, so that decisions do not depend on how far
    a program prints on before it is suspended. What lies past it (`traces`, `end`) is kept, and answers a
    later ask without any training.
    """

    key: RunKey
    id: int = 0
    traces: Traces = field(default_factory=Traces)
    state: RunState = RunState.PAUSED
    step: int = 0
    reason: str | None = None
    seconds: float = 0.0
    rework: int = 0
    end: End | None = None
    mismatch: Mismatch | None = None
    dirty: bool = False  # differs from what the store has
    lost: int = 0  # how often its process vanished
    live_step: int = 0  # the last step reported by this incarnation
    repeats_until: int = 0  # what this incarnation has to do again
    _rework_before: int = 0
    _again: dict[str, tuple[int, float]] = field(default_factory=dict)  # the last value that was done again
    _new: set[tuple[int, str]] = field(default_factory=set)  # what this incarnation was the first to say

    @classmethod
    def of(cls, run: Run) -> TrackedRun:
        """Take up a run from the ledger, all of whose incarnations are gone."""
        tracked = cls(run.key, run.id, state=run.state, step=run.step, reason=run.reason)
        tracked.seconds, tracked.rework = run.seconds, run.rework
        for name, curve in run.curves.items():
            tracked.traces.add(
                (s, name, v) for s, v in zip(curve.step.tolist(), curve.loss.tolist(), strict=True)
            )
        return tracked

    def opened(self) -> None:
        """A new incarnation begins at its first step."""
        self.live_step = 0
        self.repeats_until = self.traces.last_step
        self._rework_before = self.rework
        self._again.clear()
        self._new.clear()

    @property
    def repeating(self) -> bool:
        """Whether the live incarnation still does what was done before."""
        return self.live_step < self.repeats_until

    def absorb(self, points: Iterable[Point], step: int) -> list[Point]:
        """Take what the live run reports; returns the points that are new.

        What was reported for a step that decisions rest on stays as it was, and what is done again is only compared.
        """
        settled = [
            point for point in points if point[0] > self.step or self.traces.value_at(*point[:2]) is None
        ]
        fresh = self._compare(points) if self.repeating else self.traces.add(settled)
        self.live_step = max(self.live_step, step)
        self.rework = self._rework_before + min(self.live_step, self.repeats_until)
        return fresh

    def _compare(self, points: Iterable[Point]) -> list[Point]:
        fresh = []
        for point in points:
            step, name, value = point
            if self.traces.value_at(step, name) is None or (step, name) in self._new:
                self._new.add((step, name))
                fresh.extend(self.traces.add([point]))
                continue
            before = self._again.get(name)
            if before is not None and before[0] != step:
                self._check(name, *before)
            self._again[name] = (step, value)  # the source may say a step twice: its last value counts
        return fresh

    def _check(self, name: str, step: int, value: float) -> None:
        known = self.traces.value_at(step, name)
        if self.mismatch is None and known is not None and not _same(known, value):
            self.mismatch = Mismatch(name, step, known, value)

    @property
    def begun(self) -> bool:
        """Whether it was ever started, or came to rest anywhere: what was only asked for is no run yet."""
        return self.state is not RunState.PAUSED or self.step > 0 or self.dirty or bool(self.traces.by_name)

    def settle(self, state: RunState, step: int, reason: str | None = None) -> None:
        """Come to rest there."""
        self.state, self.step, self.reason, self.dirty = state, step, reason, True

    def change(self) -> Change:
        """Where it stands, for the store."""
        self.dirty = False
        return Change(self.key, self.state, self.step, self.reason, self.seconds, self.rework)

    def run(self) -> Run:
        """As the planner and the views see it."""
        return Run(
            self.key.config,
            self.key.seed,
            self.traces.curves(),
            self.state,
            self.step,
            self.reason,
            self.seconds,
            self.rework,
            self.id,
        )


def _same(a: float, b: float) -> bool:
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return a == b or abs(a - b) <= REPRODUCED_RELATIVE_ERROR * max(abs(a), abs(b)) < math.inf
