"""What a name can stand for, which way can be better, and which data it can be measured on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

Goal = Literal["min", "max"]
"""Which way is better."""

Phase = Literal["train", "validation", "test"]
"""Which data a metric was measured on."""


class Kind(Enum):
    """What a name stands for."""

    LOSS = "loss"  # a loss or an error: less is better
    SCORE = "score"  # an accuracy, a reward: more is better
    DIAGNOSTIC = "diagnostic"  # tells of training and is not aimed at: a gradient norm, an entropy
    RATE = "learning rate"
    EPOCH = "epoch"
    ITERATION = "iteration"  # step, iter, update: one counter, whatever the word
    BATCH = "batch"  # counts within an epoch
    TIME = "time"
    BOOKKEEPING = "bookkeeping"  # memory, throughput, progress
    SETTING = "setting"  # a hyperparameter, a size
    SUMMARY = "summary"  # best so far, final: no point of a curve (of printed lines only)
    UNKNOWN = "unknown"


class Role(Enum):
    """What a loss or a score is among its kind; it decides between several."""

    WHOLE = "whole"
    WEAK = "weak"  # means something only where no clearer word stands beside it: score, cost, objective
    GAME = "game"  # of two players, or of an actor and its critic: it need not fall while training succeeds
    RETURN = "return"  # what reinforcement learning aims at
    DETECTION = "detection"  # a detector's score: measured on held-out data, whatever its name says


@dataclass(frozen=True, slots=True)
class Term:
    """One entry: its words, what they stand for, and which way is better (None: neither way).

    `alone` says that it counts only where it is the whole name, phases and averages apart.
    """

    words: tuple[str, ...]
    kind: Kind
    goal: Goal | None = None
    role: Role = Role.WHOLE
    alone: bool = False
