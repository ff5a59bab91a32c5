"""From the counters that a program prints to one step that never goes back.

The unit is chosen by what a line counts, finest first: steps (`step`, `iter`, `update`), then batches or
samples within an epoch together with the epoch, then epochs, then the lines themselves. A unit once in use
stays: lines that count something coarser belong to the last step, and a finer counter that turns up late is
left aside.

A counter that starts again is a new epoch, and the count goes on from where it stood. A value that only goes
back a little is a late line.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lrscope.readers.console.line_template import Counter, LineTemplate
from lrscope.readers.console.numbers import PrintedValue, to_count, to_float
from lrscope.vocabulary import Kind, is_validation

LINES, EPOCHS, STEPS = 1, 2, 3
UNNAMED = ("n/total", "[n]")  # counters of a bar, or in brackets: these count within the epoch
LATE_STEPS = 2  # steps told so far, up to which a finer counter may still take over


@dataclass(slots=True)
class _Track:
    """One counter's course. `length` is what one round of it counts, where the program says so."""

    first: int
    last: int
    base: int
    epoch: int | None
    length: int | None
    gap: int = 0
    rounds: int = 1
    running: bool = False  # goes on through the epochs


@dataclass(slots=True)
class Place:
    """Where a line belongs: its step; `late` where its counter had been further; `side` for another loop."""

    step: int
    late: bool = False
    side: bool = False


class StepCounter:
    """Gives each line its step. `total` is the run's length in the same unit, where the program said it."""

    def __init__(self) -> None:
        self.step = 0
        self.total: int | None = None
        self.unit = 0
        self.label: str | None = None
        self.rounds = 1
        self.late = 0
        self._family = Kind.UNKNOWN
        self._tracks: dict[str, _Track] = {}
        self._epoch: int | None = None
        self._first_epoch: int | None = None
        self._epochs: int | None = None
        self._fraction = False
        self._no_epochs = False
        self._seen: set[str] = set()
        self._told = 0
        self._context: tuple[LineTemplate, Sequence[PrintedValue]] | None = None
        self.epoch: float | None = None
        """The epoch as last printed, with its fraction."""
        self.restarts: list[tuple[int, int]] = []
        """Where a counter began anew without a new epoch: the first step after it, and what to take off it so that the
        steps count as printed."""

    @property
    def waiting(self) -> bool:
        """Whether a counter stood on a line of its own, for the lines after it."""
        return self._context is not None

    def note(self, template: LineTemplate, values: Sequence[PrintedValue]) -> None:
        """A line with counters and nothing else: what follows it belongs there."""
        self._note_epoch(template, values)
        if template.kind is Kind.BATCH and self._epoch is None:
            return  # "batch: 64" is a setting
        if not template.bar and not template.plural and (template.leads or template.epoch):
            self._context = (template, values)

    def place(
        self,
        template: LineTemplate,
        values: Sequence[PrintedValue],
        names: Sequence[str],
        changed: bool,
        redrawn: bool,
    ) -> Place:
        """The step of a line that holds the metrics `names`."""
        own = template.epoch is not None or template.within is not None
        self._note_epoch(template, values)
        place: Place | None = None
        if not own and self._context is not None and template.phase is None:
            place = self._count(*self._context, names, redrawn)
        elif own and self._counts_training(template, values):
            place = self._count(template, values, names, redrawn)
            if place is not None and not place.side:
                self._context = None
        if place is None:
            return self._uncounted(template, names, changed)
        if not place.side:
            self._tell(place.step, names)
        return Place(self.step, place.late, place.side)

    def _counts_training(self, template: LineTemplate, values: Sequence[PrintedValue]) -> bool:
        """Whether the counter on a line is that of training; on a line of an evaluation it may be of that alone.

        There it is training's where it comes first ("step 100: test loss 0.5"), or where it has the name and the
        total of a counter of training and stands no further back ("eval: step 100 loss 0.5").
        """
        if template.phase is None:
            return True
        counter = template.within
        if counter is None:
            return self.unit in (0, EPOCHS)
        if template.kind is not Kind.ITERATION or counter.name in UNNAMED or is_validation(counter.name):
            return False
        if template.leads and template.epoch is None and counter.total is None:
            return True
        track, number = self._tracks.get(counter.name), _count_of(counter, values)
        length = None if counter.total is None else to_count(values[counter.total])
        return track is not None and number is not None and number >= track.last and length == track.length

    def _note_epoch(self, template: LineTemplate, values: Sequence[PrintedValue]) -> None:
        if template.epoch is None or template.phase is not None:
            return
        number = to_count(values[template.epoch.slot])
        raw = values[template.epoch.slot]
        self._fraction = self._fraction or _is_fraction(raw)
        self.epoch = _finite(raw)
        if number is None:
            if self._fraction and self.unit == EPOCHS and self._told <= LATE_STEPS:
                self.unit, self.label, self.total = LINES, "counted lines", None  # 0.0 was no whole epoch
            return
        self._epoch = number
        if self._first_epoch is None:
            self._first_epoch = number
        total = None if template.epoch.total is None else to_count(values[template.epoch.total])
        if total:
            self._epochs = total

    def _count(
        self, template: LineTemplate, values: Sequence[PrintedValue], names: Sequence[str], redrawn: bool
    ) -> Place | None:
        if template.within is not None and _count_of(template.within, values) is not None:
            return self._within(template, template.within, values, redrawn)
        if template.epoch is None or self._fraction or self._no_epochs:
            return None
        number = to_count(values[template.epoch.slot])
        if number is None or (
            self.unit not in (0, EPOCHS) and not (self.unit == LINES and self._told <= LATE_STEPS)
        ):
            return None
        track = self._tracks.get("epoch")
        again = track is not None and number == track.last and not redrawn
        if again and self.unit == EPOCHS and self._told <= LATE_STEPS and any(n in self._seen for n in names):
            self._no_epochs = True  # many lines an epoch: the epoch cannot be their step
            self.unit, self.label, self.total = LINES, "counted lines", None
            return None
        place = self._advance("epoch", number, None, False, Kind.EPOCH)
        self._adopt(EPOCHS, Kind.EPOCH, template.epoch.name)
        self.total = None if self._epochs is None else self._tracks["epoch"].base + self._epochs
        return place

    def _within(
        self, template: LineTemplate, counter: Counter, values: Sequence[PrintedValue], redrawn: bool
    ) -> Place | None:
        kind = template.kind
        if self.unit == STEPS and kind is not self._family:
            return None
        if self.unit in (LINES, EPOCHS) and self._told > LATE_STEPS:
            return None
        number = _count_of(counter, values)
        length = None if counter.total is None else to_count(values[counter.total])
        if counter.parts > 1:
            length = 100 * counter.parts
        if number is None:
            return None
        key = counter.name
        track = self._tracks.get(key)
        if (
            track is not None
            and key == "n/total"
            and track.length is not None
            and length not in (None, track.length)
            and track.epoch == self._epoch
        ):
            return Place(self.step, side=True)
        labelled = redrawn and template.epoch is not None
        if labelled and track is not None and track.epoch == self._epoch and number < track.last:
            # a bar set back before its label says the next epoch
            return Place(self.step, late=True)
        place = self._advance(key, number, length, counter.sure, kind)
        self._adopt(STEPS, kind, counter.name)
        track = self._tracks[key]
        self.rounds = max(self.rounds, track.rounds)
        self.total = self._length(track, counter)
        return place

    def _length(self, track: _Track, counter: Counter) -> int | None:
        """The run's steps, from what one round of its counter counts; None while that is not known."""
        length = track.length
        if length is None:
            return None
        if counter.sure or (track.running and track.rounds == 1):
            return length
        if self._epoch is None:
            return length if track.rounds == 1 else None
        if self._epochs is None:
            return None
        # "Epoch 0/9" is the first of ten
        epochs = self._epochs + (1 if self._first_epoch == 0 else 0)
        if self._family is Kind.ITERATION and counter.name not in UNNAMED and track.rounds == 1:
            # "epoch 1/40 step 5/1760": do these steps count the epoch, or the whole run? The second epoch
            # tells; and sooner, a first epoch that holds more than its share of the run.
            first = self._epoch == self._first_epoch and self._epoch <= 1
            beyond = (track.last - track.first) * (epochs - 1) > length + epochs
            if epochs > 1 and not (first and beyond):
                return None
        return length * epochs

    def _advance(self, key: str, number: int, length: int | None, sure: bool, kind: Kind) -> Place:
        track = self._tracks.get(key)
        epoch = None if key == "epoch" else self._epoch
        if track is None:
            base = 0
            running = (
                kind is Kind.ITERATION and epoch is None
            )  # an epoch told later is no header of this counter
            if length and not sure and epoch is not None:
                base = (epoch - (0 if self._first_epoch == 0 else 1)) * length
            self._tracks[key] = _Track(number, number, max(0, base), epoch, length, running=running)
            return Place(max(0, base) + number)
        moved = epoch is not None and track.epoch is not None and epoch > track.epoch
        anew = (
            epoch is not None
            and track.epoch is not None
            and epoch < track.epoch
            and epoch == self._first_epoch
        )
        if number > track.last and not anew:
            if moved and not track.running:
                track.running = True
            track.gap = number - track.last
        elif number < track.last or moved or anew:
            if (sure or track.running) and number > track.first:
                return Place(self.step, late=True)
            if not moved and not anew and number > track.first + max(track.gap, 1):
                return Place(self.step, late=True)
            apart = epoch - track.epoch if moved and epoch is not None and track.epoch is not None else 1
            if track.length and track.length >= track.last:
                track.base += track.length * apart
            else:
                gap = track.gap or track.first or 1
                track.base += track.last + gap - track.first
            track.rounds += 1
            if not moved:
                self.restarts.append((track.base + number, track.base))
        track.last, track.epoch = number, epoch
        if length is not None:
            track.length = length
        return Place(track.base + number)

    def _adopt(self, unit: int, family: Kind, name: str) -> None:
        if self.unit != unit:
            self.unit, self._family, self.label = unit, family, name
            if unit == STEPS and family is Kind.BATCH and self._epoch is not None and "epoch" not in name:
                self.label = f"{name} within each epoch"

    def _uncounted(self, template: LineTemplate, names: Sequence[str], changed: bool) -> Place:
        if self.unit in (EPOCHS, STEPS):
            return Place(self.step)
        if self.unit == 0:
            self.unit, self.label = LINES, "counted lines"
        again = any(n in self._seen for n in names)
        if not self._told or (again and changed and not (template.phase and template.within)):
            self._tell(self.step + 1, names)
        else:
            self._seen.update(names)
        return Place(self.step)

    def _tell(self, step: int, names: Sequence[str]) -> None:
        if step > self.step or not self._told:
            self.step = max(step, self.step)
            self._told += 1
            self._seen = set(names)
        else:
            self._seen.update(names)


def _count_of(counter: Counter, values: Sequence[PrintedValue]) -> int | None:
    """A counter's number in steps; None where it is no such number."""
    if counter.parts == 1:
        return to_count(values[counter.slot])
    share = _finite(values[counter.slot])
    return None if share is None or not 0 <= share <= 100 else round(counter.parts * share)


def _finite(value: PrintedValue) -> float | None:
    try:
        number = to_float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _is_fraction(value: PrintedValue) -> bool:
    """Whether epochs are told in parts. One written 0.0 is such a part, too: the first lines of a long epoch."""
    if isinstance(value, float) or (isinstance(value, str) and "." in value):
        return True
    try:
        number = to_float(value)
    except ValueError:
        return False
    return number == number and abs(number) < 1e9 and number != int(number)
