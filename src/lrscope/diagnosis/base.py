"""What a diagnosis is: a regime, advice, and everything they rest on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from lrscope.statistics.estimate import Estimate


class Regime(StrEnum):
    """What state training is in."""

    TOO_SLOW = "too_slow"
    DESCENDING = "descending"
    PLATEAU = "plateau"
    ZIGZAG = "zigzag"
    DIVERGING = "diverging"
    UNDECIDED = "undecided"


class Advice(StrEnum):
    """What to do with the learning rate."""

    RAISE = "raise"
    KEEP = "keep"
    LOWER = "lower"
    STOP = "stop"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Segment:
    """A stretch of a curve of about one pace.

    Parameters
    ----------
    start, stop : int
        First and last step of it.
    regime : Regime
        Its state, from the loss alone; never TOO_SLOW or ZIGZAG.
    level : float
        The metric in its middle.
    slope : float
        Change of the metric per step, negative while it falls.
    """

    start: int
    stop: int
    regime: Regime
    level: float
    slope: float


@dataclass(frozen=True)
class Verdict:
    """One judge's opinion: the loss, the updates, or the gap."""

    regime: Regime
    advice: Advice
    reason: str
    confidence: float
    evidence: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Diagnosis:
    """What state a training run is in at the end of its curves, and what would help.

    Parameters
    ----------
    regime : Regime
        The state in the latest part of the run.
    span : (int, int)
        First and last step that the verdict speaks of.
    advice : Advice
        What to do with the learning rate.
    evidence : mapping of str to float
        The numbers it rests on, by name; see the judges in `regimes`, `overfitting`, `updates` and `gap`.
    reason : str
        One sentence for a person.
    confidence : float
        Between 0 and 1: how often such a verdict is right, measured on courses whose continuation is known
        (`benchmarks/diagnosis/pace.py`).
    segments : tuple of Segment
        The whole curve, cut where its pace changed.
    gain_left : Estimate or None
        What as many steps again as the run has had would bring, in the metric's unit; negative where it gets
        worse. None where too few points tell, where the curve diverges or overfits, and where the schedule is over.
    steps_per_percent : None
        No longer told: a per cent of the fall from a random start measures nothing.
    metric : str
        The curve judged.
    warnings : tuple of str
        What the reader should doubt.
    """

    regime: Regime
    span: tuple[int, int]
    advice: Advice
    evidence: Mapping[str, float]
    reason: str
    confidence: float
    segments: tuple[Segment, ...] = ()
    gain_left: Estimate | None = None
    steps_per_percent: None = None
    metric: str = "loss"
    warnings: tuple[str, ...] = ()
