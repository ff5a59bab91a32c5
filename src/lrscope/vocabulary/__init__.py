"""What metrics, steps, rates and phases are called, and which way is better: one table, read by everyone.

`terms` and `counters` hold the data, `meaning` reads one name, `choice` answers what is asked of names. Nothing here
knows of curves or runs. Where no name decides, the data may: `lrscope.curves.direction`.
"""

from lrscope.vocabulary.choice import (
    choose_metric,
    direction,
    goal_of,
    is_bookkeeping,
    is_loss,
    is_rate,
    is_return,
    is_validation,
    kind,
    learning_rate,
    phase,
    stand_ins,
)
from lrscope.vocabulary.kinds import Goal, Kind, Phase
from lrscope.vocabulary.meaning import Meaning, meaning
from lrscope.vocabulary.terms import RATE_OPTIONS
from lrscope.vocabulary.words import plain_words, same_name

__all__ = [
    "RATE_OPTIONS",
    "Goal",
    "Kind",
    "Meaning",
    "Phase",
    "choose_metric",
    "direction",
    "goal_of",
    "is_bookkeeping",
    "is_loss",
    "is_rate",
    "is_return",
    "is_validation",
    "kind",
    "learning_rate",
    "meaning",
    "phase",
    "plain_words",
    "same_name",
    "stand_ins",
]
