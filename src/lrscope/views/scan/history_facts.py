"""How a scan was decided, as plain facts: figure and page draw these and compute nothing themselves."""

from __future__ import annotations

from dataclasses import dataclass

from lrscope.search.history import Moment, Stretch, tell_history
from lrscope.search.outcome import Outcome


@dataclass(frozen=True, slots=True)
class HistoryFacts:
    """What the two pictures show: which run advanced when, and what the model made of it.

    `moments` is empty where no model was used.
    """

    horizon: int | None
    metric: str | None
    stretches: tuple[Stretch, ...]
    moments: tuple[Moment, ...]
    named: float | None


def collect_history(outcome: Outcome) -> HistoryFacts:
    """Outcome → the facts of its history."""
    answer = outcome.recommendation
    told = tell_history(outcome.scan, outcome.decisions, answer.rule.startswith("flow"))
    return HistoryFacts(
        outcome.scan.plan.horizon,
        answer.metric,
        told.stretches,
        told.moments,
        None if answer.lr is None else answer.lr.value,
    )
