"""The seam for controllers: what a step showed goes in, and sometimes a decision about the rate comes out.

A controller knows no framework. It sees one training loss a step, and at some steps a gap; the shell around it
(`lrscope.torch.GapScheduler` and its like) measures these, applies what is decided, and writes it down.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

from lrscope.errors import UsageError


class Action(StrEnum):
    """What is done to the learning rate."""

    LOWER = "lower"
    RAISE = "raise"
    ROLL_BACK = "roll_back"  # lower, and bring back the weights of the snapshot that is named with it
    COOL = "cool"  # on the way down to zero, because `finish` was asked for
    WARM = "warm"  # on the way up at the start


@dataclass(frozen=True, slots=True)
class RateChange:
    """One change of the learning rate, with everything it rests on.

    Parameters
    ----------
    step : int
        The step after which it was taken, from 1. The new rate holds from the next step on.
    action : Action
    factor : float
        New rate over old rate. All parameter groups are scaled by it.
    lr : float
        The new rate of the first parameter group.
    reason : str
        For a person: what was observed, and what follows.
    numbers : mapping of str to float
        The evidence, by name: the statistic, its threshold, how much it rests on.
    controller : str
        Which part decided: "guard", "gap", "plateau", "warm-up" or "cool-down".
    restore : {"start", "snapshot"} or None
        Which kept weights have to be brought back, with their optimiser state; averages then begin anew.
    """

    step: int
    action: Action
    factor: float
    lr: float
    reason: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    controller: str = ""
    restore: str | None = None

    def to_json(self) -> dict[str, Any]:
        """A JSON object, for checkpoints."""
        return {**asdict(self), "action": str(self.action)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RateChange:
        """The same again."""
        return cls(**{**data, "action": Action(data["action"])})


State = TypeVar("State")


class Controller(ABC, Generic[State]):
    """Decides when the rate changes.

    Pure: settings are fixed and checked when the controller is made. Everything that changes is in the state, made
    of numbers, strings, None and tuples of them, so that it can be written as JSON and read back exactly. The same
    states and observations give the same decisions, in whatever process. `wants_gap` says at which steps it decides by
    a gap, if at any.
    """

    @abstractmethod
    def init(self, lr: float) -> State:
        """The state before the first step, at this learning rate.

        Raises
        ------
        UsageError
            If the rate is not above zero.
        """

    @abstractmethod
    def adopt(self, state: State, step: int, lr: float) -> State:
        """The state after the rate was set to `lr` by another controller or a roll-back: what was measured at the
        old rate no longer counts."""

    def wants_gap(self, state: State, step: int) -> bool:
        """Whether to measure the gap before this step."""
        return False

    @abstractmethod
    def update(
        self, state: State, step: int, loss: float, *, gap: float | None = None
    ) -> tuple[State, RateChange | None]:
        """Take in one step.

        Parameters
        ----------
        state : State
            As `init` or the last `update` left it.
        step : int
            Optimiser steps done, from 1.
        loss : float
            The training loss of this step's batch, before the step. May be NaN or infinite.
        gap : float, optional
            Loss at the weights minus loss at their running average, on one batch that the weights have not just
            been stepped on; see `lrscope.control.gap.gap_of`. None where it was not measured.

        Returns
        -------
        state, decision
            `decision` is None while the rate stays as it is.
        """


def require(holds: bool, name: str, rule: str, value: object) -> None:
    """Raise a `UsageError` that names an argument, its rule and the value received, unless the rule holds."""
    if not holds:
        raise UsageError(f"{name} must be {rule}; got {value!r}.")


def require_rate(lr: float) -> None:
    """Raise a `UsageError` unless this is a learning rate to start from."""
    require(0.0 < lr < math.inf, "The learning rate to start from", "above zero", lr)


def to_json(state: Any) -> Any:
    """A state as JSON: lists for tuples, strings for what JSON has no number for."""
    if isinstance(state, tuple):
        return [to_json(part) for part in state]
    if isinstance(state, float) and not math.isfinite(state):
        return str(state)
    return state


def from_json(data: Any, like: Any) -> Any:
    """A state again, exactly, from `to_json`; `like` is any state of the same controller, such as `init`'s."""
    if isinstance(like, tuple) and hasattr(like, "_fields"):
        if not isinstance(data, list) or len(data) != len(like):
            raise UsageError(
                f"The saved state does not fit: {type(like).__name__} has {len(like)} fields. It was saved by another "
                "controller or by another version of lrscope; start without it."
            )
        return type(like)(*(from_json(part, field) for part, field in zip(data, like, strict=True)))
    if isinstance(data, list):
        return tuple(from_json(part, None) for part in data)
    if isinstance(data, str) and data in ("inf", "-inf", "nan"):
        return float(data)
    return data
