"""From what a function reports to points: numbers of any make, mappings of metrics, steps that must
increase."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from lrscope.errors import SourceError
from lrscope.training.source.base import Watch

if TYPE_CHECKING:
    from lrscope.curves import Point

_SAME_METRICS = {"learning_rate": "lr"}


class NotANumberError(Exception):
    """A value that is no single real number; the message describes it ("text ('low')")."""


def real_number(value: Any) -> float:
    """One real number as a float: Python's numbers, NumPy scalars, arrays and tensors of one element.

    Frameworks are not imported for it: whatever has `.item()` is asked for its item, which is also how a
    tensor that requires a gradient gives its value without a warning. Text is refused although `float` would
    read it.

    Raises
    ------
    NotANumberError
        If it is text, complex, None, or holds several values.
    """
    if isinstance(value, float | int):
        try:
            return float(value)
        except OverflowError:  # an integer beyond 1e308
            return float("inf") if value > 0 else float("-inf")
    if value is None or isinstance(value, str | bytes | bytearray | complex):
        raise NotANumberError(describe(value))
    item = getattr(value, "item", None)
    if callable(item):
        try:
            inner = item()
        except Exception as error:  # each framework has its own error for "more than one element"
            raise NotANumberError(describe(value)) from error
        if isinstance(inner, float | int):
            return real_number(inner)
        raise NotANumberError(describe(value))
    if not hasattr(value, "__float__"):
        raise NotANumberError(describe(value))
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise NotANumberError(describe(value)) from error


def describe(value: Any) -> str:
    """A value in words, for a sentence to the user."""
    if value is None:
        return "nothing (None)"
    if isinstance(value, str | bytes | bytearray):
        return f"text ({_short(value)})"
    if isinstance(value, complex):
        return f"a complex number ({value})"
    kind = type(value)
    name = (
        kind.__name__
        if kind.__module__ == "builtins"
        else f"{kind.__module__.partition('.')[0]} {kind.__name__}"
    )
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and shape:
        return f"a {name} of shape {tuple(shape)}"
    if isinstance(value, list | tuple | set | frozenset):
        return f"a {name} of {len(value)} values"
    article = "an" if name[0].lower() in "aeiou" else "a"
    return f"{article} {name} ({_short(value)})"


def _short(value: Any) -> str:
    try:
        text = repr(value)
    except Exception:
        return "which cannot be shown"
    return text if len(text) <= 60 else text[:57] + "..."


class Collector:
    """Collects the points of one run, and feeds the watch with each in order until that has given a reason.

    `who` is the function, for sentences (``train (model.py)``), and `verb` what it does with values: "yielded",
    "reported" or "returned".
    """

    __slots__ = ("_left_out", "_names", "_notes", "points", "step", "verb", "verdict", "watch", "who")

    def __init__(self, who: str, verb: str, watch: Watch | None) -> None:
        self.who = who
        self.verb = verb
        self.watch = watch
        self.points: list[Point] = []  # since `take_points` was last called
        self.step = 0  # the last that was reported; 0 before the first
        self.verdict: str | None = None  # the watch's reason to end the run
        self._names: Collection[str] | None = None  # metrics seen at `step`; None before the first report
        self._notes: list[str] = []
        self._left_out: set[str] = set()

    @property
    def empty(self) -> bool:
        """Whether nothing has been reported yet."""
        return self._names is None

    def take(self, value: Any, step: Any = None) -> None:
        """Read one report: a number (the metric is then "loss") or a mapping of metrics.

        Raises
        ------
        SourceError
            If it is neither, or if its step does not increase.
        """
        if type(value) is not float:
            if isinstance(value, Mapping):
                self._take_mapping(value, step)
                return
            try:
                value = real_number(value)
            except NotANumberError as error:
                raise self._refuse(str(error)) from None
        now = self.step + 1 if step is None else self._given(step, ("loss",))
        self._names = ("loss",)
        self.step = now
        self.points.append((now, "loss", value))
        if self.watch is not None and self.verdict is None:
            self.verdict = self.watch(now, "loss", value)

    def _take_mapping(self, given: Mapping[Any, Any], step: Any) -> None:
        metrics: dict[str, float] = {}
        for name, value in given.items():
            if type(name) is not str:
                name = str(name)
            if name == "step":
                if step is None:
                    step = value
            elif type(value) is float:
                metrics[_SAME_METRICS.get(name, name)] = value
            elif value is None:  # "not measured at this step"
                continue
            elif isinstance(value, str):
                self._leave_out(name)
            else:
                try:
                    metrics[_SAME_METRICS.get(name, name)] = real_number(value)
                except NotANumberError as error:
                    raise self._refuse(f"{error} as {name!r}") from None
        if not metrics:
            raise self._refuse(
                f"a mapping without a number ({_short(dict(given))})" if given else "an empty mapping"
            )
        now = self.step + 1 if step is None else self._given(step, metrics)
        if self._names is not None and now == self.step:
            self._names = {*self._names, *metrics}
        else:
            self._names = metrics
        self.step = now
        points, watch = self.points, self.watch
        for name, value in metrics.items():
            points.append((now, name, value))
            if watch is not None and self.verdict is None:
                self.verdict = watch(now, name, value)

    def take_points(self) -> list[Point]:
        """The points since the last call."""
        points = self.points
        self.points = []
        return points

    def take_notes(self) -> tuple[str, ...]:
        """What a person should be told, each thing once."""
        notes = tuple(self._notes)
        self._notes.clear()
        return notes

    def _given(self, step: Any, names: Collection[str]) -> int:
        """A step that the user named. The last step may be named again for metrics it does not have yet."""
        try:
            asked = real_number(step)
        except NotANumberError as error:
            raise SourceError(
                f"{self.who} {self.verb} {error} as its step: steps are whole numbers."
            ) from None
        if asked != asked or asked in (float("inf"), float("-inf")) or asked != int(asked) or asked < 0:
            raise SourceError(f"{self.who} {self.verb} step {step!r}: steps are whole numbers from 0 on.")
        now = int(asked)
        if self._names is None or now > self.step:
            return now
        if now == self.step:
            twice = [name for name in names if name in self._names]
            if not twice:
                return now
            raise SourceError(
                f"{self.who} {self.verb} {twice[0]!r} twice for step {now}: count optimiser steps "
                "over the whole run, not anew in each epoch."
            )
        raise SourceError(
            f"{self.who} {self.verb} step {now} after step {self.step}: steps must increase; count optimiser "
            "steps over the whole run, not anew in each epoch."
        )

    def _leave_out(self, name: str) -> None:
        if name not in self._left_out:
            self._left_out.add(name)
            self._notes.append(f"{name!r} is text and was left out.")

    def _refuse(self, what: str) -> SourceError:
        when = "" if self.verb == "returned" else f" at step {self.step + 1}"
        act = {"yielded": "yield", "reported": "report", "returned": "return"}[self.verb]
        return SourceError(
            f"{self.who} {self.verb} {what}{when}: {act} the loss as one number, or a mapping "
            "of metric names to numbers."
        )
