"""What the numbers of one kind of line mean: worked out once a kind, then used for every such line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lrscope.vocabulary import Kind, is_validation, same_name
from lrscope.vocabulary.counters import never_restarts
from lrscope.vocabulary.printed import EVALUATION, printed_kind, speaks_for_itself


@dataclass(frozen=True, slots=True)
class Counter:
    """A number that counts training: where it stands on the line, and where its total, if it has one."""

    name: str
    slot: int
    total: int | None = None
    sure: bool = False  # never starts again at a new epoch
    parts: int = 1  # steps in a unit of the number; above 1 it is a percentage, of which 100 is the end


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric: its name and slot; `over` is the slot of a denominator ("9800/10000")."""

    name: str
    slot: int
    over: int | None = None
    evaluated: bool = False
    known: bool = True  # a loss, a score or a rate by its name
    rate: bool = False


@dataclass(frozen=True, slots=True)
class LineTemplate:
    """The roles of a line's numbers.

    `phase` is the prefix of an evaluation line ("test"); `strong` says that a metric speaks for itself
    without a counter; `opens` is the phase that a heading such as "Test Error:" begins; `leads` says that the
    counter is the first thing on the line; `header` holds the names of the columns that follow; `bare` says
    that the line is nothing but one number, or two.
    """

    epoch: Counter | None = None
    within: Counter | None = None
    kind: Kind = Kind.UNKNOWN  # of `within`
    measures: tuple[Measure, ...] = ()
    summaries: tuple[Measure, ...] = ()
    others: tuple[str, ...] = ()
    phase: str | None = None
    strong: bool = False
    performance: bool = False  # holds a loss or a score
    settings: int = 0
    leads: bool = False
    opens: str | None = None
    bar: bool = False
    plural: bool = False
    header: tuple[str, ...] = ()
    bare: int = 0


EMPTY_TEMPLATE = LineTemplate()


def template_of_names(names: Sequence[str], wanted: str | None = None) -> LineTemplate:
    """The roles of named numbers: a JSON object's keys, a table's columns. Names are kept as they are.

    A line with a run's total time on it ("train_runtime") is the summary at the end, and no point of a curve.
    """
    epoch: Counter | None = None
    within: Counter | None = None
    kind = Kind.UNKNOWN
    measures: list[Measure] = []
    summaries: list[Measure] = []
    others: list[str] = []
    strong = performance = False
    settings = 0
    final = any(n.lower().replace(" ", "_") in ("train_runtime", "total_flos") for n in names) and not any(
        n.lower() in ("loss", "step") for n in names
    )
    for slot, name in enumerate(names):
        what = printed_kind(name)
        if wanted is not None and same_name(name, wanted):
            what = Kind.LOSS
            strong = True
        if what is Kind.EPOCH:
            epoch = epoch or Counter(name, slot)
        elif what in (Kind.ITERATION, Kind.BATCH):
            if within is None or _rank(name, what) < _rank(within.name, kind):
                within, kind = Counter(name, slot, None, never_restarts(name)), what
        elif what is Kind.SUMMARY or (final and what in (Kind.LOSS, Kind.SCORE)):
            summaries.append(Measure(name, slot, None, is_validation(name)))
        elif what is Kind.BOOKKEEPING or what is Kind.SETTING:
            others.append(name)
            settings += what is Kind.SETTING
        else:
            known = what is not Kind.UNKNOWN
            measures.append(Measure(name, slot, None, is_validation(name), known, what is Kind.RATE))
            strong = strong or speaks_for_itself(name)
            performance = performance or what in (Kind.LOSS, Kind.SCORE)
    return LineTemplate(
        epoch,
        within,
        kind,
        tuple(measures),
        tuple(summaries),
        tuple(others),
        strong=strong,
        performance=performance,
        settings=settings,
        leads=bool((epoch and epoch.slot == 0) or (within and within.slot == 0)),
    )


def _rank(name: str, kind: Kind) -> tuple[int, int]:
    return (0 if never_restarts(name) else 1 if kind is Kind.ITERATION else 2, len(name))


def prefixed(name: str, phase: str | None) -> str:
    """The metric's name with the phase before it, unless it names its data already."""
    if phase is None or is_validation(name) or name.lower().startswith("train"):
        return name
    return f"{phase}_{name}"


def phase_word(word: str) -> str | None:
    """The prefix that a word gives to metrics, where it speaks of data not trained on."""
    return EVALUATION.get(word.lower().strip(":'\"-*#=>[](){}"))
