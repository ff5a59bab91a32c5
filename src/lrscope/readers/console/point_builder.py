"""Lines whose roles are known → points: decides what is believed, and drops what is repeated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from lrscope.curves.curve import Point
from lrscope.readers.console.line_template import LineTemplate, Measure, prefixed
from lrscope.readers.console.numbers import PrintedValue, to_float
from lrscope.readers.console.parse_report import ParseReport
from lrscope.readers.console.step_counter import StepCounter
from lrscope.vocabulary import Kind, choose_metric, is_validation, same_name
from lrscope.vocabulary.printed import printed_kind

MOST_NAMES = 200
GOES_ON = "the count goes on."


class PointBuilder:
    """The points of one run, line by line.

    Parameters
    ----------
    metric : str or None
        A metric that is believed wherever its name appears.
    trusting : bool
        Believe every metric of every line: for files of records. Printed lines have to show first that they
        are about training: a loss or a score by name, or a counter at their head.
    """

    def __init__(self, metric: str | None = None, trusting: bool = False) -> None:
        self.counter = StepCounter()
        self._metric = metric
        self._trusting = trusting
        self._last: dict[str, tuple[int, str]] = {}
        self._counts: dict[str, int] = {}
        self._others: dict[str, None] = {}
        self._summaries: dict[str, float] = {}
        self._held: dict[str, tuple[int, float, str]] = {}
        self._heading: str | None = None
        self._example: str | None = None
        self._performed = False
        self._counted: set[str] = set()  # names on lines with a counter within the epoch
        self._apart: dict[str, None] = {}
        self._message: tuple[str, float] | None = None
        self.epochs: list[tuple[int, float]] = []
        """(step, epoch) wherever the printed epoch changed."""

    def heading(self, phase: str | None) -> None:
        """The lines that follow, up to the next with a counter, belong to an evaluation."""
        self._heading = phase

    def take(
        self, template: LineTemplate, values: Sequence[PrintedValue], line: str = "", redrawn: bool = False
    ) -> list[Point]:
        """The points of one line; remembers what else it says."""
        counted = template.epoch is not None or template.within is not None
        if counted:
            self._heading = None
        if template.others and len(self._others) < MOST_NAMES:
            self._others.update(dict.fromkeys(template.others))
        for measure in template.summaries:
            self._summarise(measure, values)
        if not template.measures:
            if (
                counted
                and not redrawn
                and not template.settings
                and template.phase is None
                and not template.summaries
            ):
                self.counter.note(template, values)
            return []
        believed = template.measures if self._trusting else self._believed(template, counted)
        if not believed:
            if counted and len(self._others) < MOST_NAMES:
                self._others.update(dict.fromkeys(m.name for m in template.measures))
            return []
        self._performed = self._performed or template.performance
        message = not counted and template.phase is None and _is_message(believed, values)
        if message and believed[0].name not in self._counts:
            return self._diverged(believed[0], values)
        phase = self._heading if not counted and template.phase is None else None
        phase = phase or (None if message else self._other_curve(template, believed, counted))
        if phase is not None:
            template = replace(template, phase=phase)
            believed = tuple(replace(m, name=prefixed(m.name, phase), evaluated=True) for m in believed)
        return self._points(template, believed, values, line, redrawn)

    def finish(self) -> list[Point]:
        """Where a program told nothing but its end ("Final test loss: 0.3"), that is its one point."""
        points = self._release(self.counter.step + 1, {})
        if self._message is not None and not self._counts:
            (name, value), step = self._message, self.counter.step + 1
            self.counter.step, self.counter.label, self._counts[name] = step, "counted lines", 1
            return [(step, name, value)]
        if self._counts or not self._summaries:
            return points
        step = self.counter.step + 1
        self.counter.step, self.counter.label = step, "counted lines"
        for name in self._summaries:
            self._counts[name] = 1
        return [(step, name, value) for name, value in self._summaries.items()]

    def summary(self, notes: Sequence[str] = ()) -> ParseReport:
        """What was recognised so far."""
        told = list(notes)
        if self.counter.rounds > 1 and self.counter.label is not None:
            name, times = self.counter.label.split()[0], _times(self.counter.rounds - 1)
            told.append(f"`{name}` starts again {times}; {GOES_ON}")
        if self._apart:
            told.append(
                f"Lines without the counter of training repeat names of its lines: they were read as "
                f"{', '.join(self._apart)}."
            )
        if self.counter.late:
            told.append(f"{self.counter.late} late lines repeated earlier steps and were left out.")
        others = [*self._others, *(n for n in self._summaries if n not in self._counts)]
        return ParseReport(
            dict(self._counts),
            self.counter.label if self._counts else None,
            self._example,
            tuple(n for n in dict.fromkeys(others) if n not in self._counts),
            tuple(told),
            self._metric,
        )

    @property
    def told(self) -> bool:
        """Whether any point has been made."""
        return bool(self._counts)

    def _believed(self, template: LineTemplate, counted: bool) -> tuple[Measure, ...]:
        counted = (counted and not template.plural) or self.counter.waiting
        wanted = [
            m for m in template.measures if self._metric is not None and same_name(m.name, self._metric)
        ]
        if template.performance:
            if not (template.strong or counted or template.phase or self._heading or wanted):
                return tuple(m for m in template.measures if m.name in self._counts)
            if template.settings > 1 and not counted and not self._performed:
                return tuple(wanted)
        elif not wanted and not (counted and (self._performed or _speaks(template))):
            return ()
        if counted:
            return template.measures
        return tuple(m for m in template.measures if m.known or m in wanted or m.name in self._counts)

    def _diverged(self, measure: Measure, values: Sequence[PrintedValue]) -> list[Point]:
        """What "Loss is nan, stopping" means beside curves called "lm loss" or "total_loss": that loss is not finite.

        Where nothing has been printed yet, it waits for the end: it may be all that is ever told.
        """
        value = to_float(values[measure.slot])
        losses = [n for n in self._counts if printed_kind(n) is Kind.LOSS and not is_validation(n)]
        name = choose_metric(losses)
        if name is None:
            self._message = self._message or (measure.name, value)
            return []
        points: list[Point] = []
        step = max(self.counter.step, self._last[name][0] + 1)
        self.counter.step = step
        self._tell(step, name, value, str(values[measure.slot]), points)
        return points

    def _other_curve(self, template: LineTemplate, believed: Sequence[Measure], counted: bool) -> str | None:
        """The prefix of a line that has names of the training's lines but not their counter; None for others.

        With no counter at all it is an evaluation ("* Acc@1 60.1" after an epoch of "[10/100] Acc@1 55.2"); with the
        epoch alone, a value for the epoch.
        """
        if template.phase is not None or template.within is not None or self.counter.waiting:
            return None
        known = [m.name for m in believed if m.known and not m.rate]
        if not any(name in self._counted for name in known):
            return None
        phase = "epoch" if counted else "val"
        self._apart.update(dict.fromkeys(prefixed(name, phase) for name in known))
        return phase

    def _points(
        self,
        template: LineTemplate,
        measures: Sequence[Measure],
        values: Sequence[PrintedValue],
        line: str,
        redrawn: bool,
    ) -> list[Point]:
        found: list[tuple[Measure, float, str]] = []
        for measure in measures:
            raw = values[measure.slot]
            try:
                value = to_float(raw)
                if measure.over is not None:
                    value /= to_float(values[measure.over])
            except (ValueError, ZeroDivisionError):
                continue
            found.append(
                (measure, value, f"{raw}/{values[measure.over]}" if measure.over is not None else str(raw))
            )
        if not found:
            return []
        names = [m.name for m, _, _ in found]
        last = self._last
        changed = not redrawn or any(last.get(m.name, (0, ""))[1] != text for m, _, text in found)
        place = self.counter.place(template, values, names, changed, redrawn)
        step = place.step
        if template.within is not None and template.phase is None and not place.side:
            self._counted.update(names)
        epoch = self.counter.epoch
        if epoch is not None and (not self.epochs or self.epochs[-1][1] != epoch):
            self.epochs.append((step, epoch))
        points = self._release(step, {} if place.side else {m.name: text for m, _, text in found})
        for measure, value, text in found:
            name = prefixed(measure.name, "eval") if place.side else measure.name
            before = last.get(name)
            if before is None:
                if len(last) >= MOST_NAMES:
                    continue
            elif before == (step, text):
                continue
            elif place.late and before[0] >= step:
                self.counter.late += not redrawn
                continue
            elif redrawn and before[1] == text and (measure.evaluated or place.side):
                continue  # a bar keeps showing the last evaluation
            elif redrawn and not measure.evaluated and not place.side:
                if before[0] == step:
                    continue  # told once a step
                if before[1] == text:
                    self._held[name] = (step, value, text)  # perhaps the old value at the new step
                    continue
            self._tell(step, name, value, text, points)
        if points and self._example is None:
            self._example = line.strip()[:160] or None
        return points

    def _release(self, step: int, texts: dict[str, str]) -> list[Point]:
        """The values that a bar still showed at a new step, where the next drawing did not correct them."""
        points: list[Point] = []
        for name, (held, value, text) in list(self._held.items()):
            if step > held:
                self._tell(held, name, value, text, points)
                del self._held[name]
            elif texts.get(name, text) != text:
                del self._held[name]
        return points

    def _tell(self, step: int, name: str, value: float, text: str, points: list[Point]) -> None:
        self._last[name] = (step, text)
        self._counts[name] = self._counts.get(name, 0) + 1
        points.append((step, name, value))

    def _summarise(self, measure: Measure, values: Sequence[PrintedValue]) -> None:
        try:
            value = to_float(values[measure.slot])
            if measure.over is not None:
                value /= to_float(values[measure.over])
        except (ValueError, ZeroDivisionError):
            return
        if len(self._summaries) < MOST_NAMES:
            self._summaries[measure.name] = value


def _is_message(believed: Sequence[Measure], values: Sequence[PrintedValue]) -> bool:
    """Whether a line without a counter says no more than that a loss is not finite."""
    if len(believed) > 1 or believed[0].over is not None or not believed[0].known or believed[0].rate:
        return False
    try:
        return not math.isfinite(to_float(values[believed[0].slot]))
    except ValueError:
        return False


def _speaks(template: LineTemplate) -> bool:
    """Whether a line without a loss or a score is about training all the same: its counter comes first."""
    return template.leads and not template.settings and any(not m.rate for m in template.measures)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
