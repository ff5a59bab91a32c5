"""A curve while it still grows: compact, cheap to append to; of two values for one step the last stays."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from operator import lt

from lrscope.curves import LossCurve, Point


class Trace:
    """One metric of one run, growing. Holds 16 bytes a point."""

    __slots__ = ("_curve", "name", "steps", "values")

    def __init__(self, name: str) -> None:
        self.name = name
        self.steps = array("q")
        self.values = array("d")
        self._curve: LossCurve | None = None

    def add(self, step: int, value: float) -> bool:
        """Take one observation, in place of an earlier one for its step; False where that had the same value."""
        steps = self.steps
        if not steps or step > steps[-1]:
            steps.append(step)
            self.values.append(value)
        else:  # steps that go backwards are rare: a metric printed late, a run that restarted by itself
            at = bisect_left(steps, step)
            if steps[at] != step:
                steps.insert(at, step)
                self.values.insert(at, value)
            elif _same(self.values[at], value):
                return False
            else:
                self.values[at] = value
        self._curve = None
        return True

    def extend(self, steps: Sequence[int], values: Sequence[float]) -> bool:
        """Take many observations at once if they simply go on from the last; False, and nothing taken, if not."""
        mine = self.steps
        if (mine and steps[0] <= mine[-1]) or not all(map(lt, steps, steps[1:])):
            return False
        mine.extend(steps)
        self.values.extend(values)
        self._curve = None
        return True

    def value_at(self, step: int) -> float | None:
        """The value on record for this step, or None where there is none."""
        at = bisect_left(self.steps, step)
        return self.values[at] if at < len(self.steps) and self.steps[at] == step else None

    def curve(self) -> LossCurve:
        """The curve so far; made once for as long as nothing is added."""
        if self._curve is None:
            self._curve = LossCurve(self.steps, self.values, name=self.name)
        return self._curve


class Traces:
    """All metrics of one run, growing."""

    __slots__ = ("by_name",)

    def __init__(self) -> None:
        self.by_name: dict[str, Trace] = {}

    def later_than(self, step: int) -> int:
        """How often the metric that was reported most often has been reported after `step`."""
        return max((len(t.steps) - bisect_right(t.steps, step) for t in self.by_name.values()), default=0)

    def add(self, points: Iterable[Point]) -> list[Point]:
        """Take observations; returns those that changed what is on record."""
        points = list(points)
        return points if self._add_at_once(points) else self._add_singly(points)

    def _add_at_once(self, points: list[Point]) -> bool:
        # A generator reports a hundred thousand points a second, nearly always one metric in order.
        if not points:
            return True
        steps, names, values = zip(*points, strict=True)
        if len(set(names)) > 1:
            return False
        trace = self.by_name.get(names[0])
        if trace is None:
            trace = self.by_name[names[0]] = Trace(names[0])
        return trace.extend(steps, values)

    def _add_singly(self, points: list[Point]) -> list[Point]:
        by_name = self.by_name
        fresh = []
        for point in points:
            step, name, value = point
            trace = by_name.get(name)
            if trace is None:
                trace = by_name[name] = Trace(name)
            if trace.add(step, value):
                fresh.append(point)
        return fresh

    def value_at(self, step: int, name: str) -> float | None:
        """The value on record, or None where there is none."""
        trace = self.by_name.get(name)
        return None if trace is None else trace.value_at(step)

    @property
    def last_step(self) -> int:
        """The last step at which anything was reported; 0 before the first."""
        return max((t.steps[-1] for t in self.by_name.values() if t.steps), default=0)

    def curves(self) -> dict[str, LossCurve]:
        """The curves so far, by metric."""
        return {name: trace.curve() for name, trace in self.by_name.items()}


def _same(one: float, other: float) -> bool:
    return one == other or (one != one and other != other)  # a NaN is as good as another
