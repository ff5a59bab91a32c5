"""What a training loop asks of the state of `lrscope.optax.gap`, wherever in the optimiser's state it lies."""

from __future__ import annotations

import os
from typing import Any

import jax
import numpy as np

from lrscope.control.base import Action, RateChange
from lrscope.control.record_writer import RecordWriter
from lrscope.errors import UsageError
from lrscope.integrations.optax import rules
from lrscope.integrations.optax.wrapper import ControlledState, Observation

_REASONS = {
    Action.LOWER: "Averaged parameters beat the current ones: gradient noise dominates, so the rate is lowered.",
    Action.RAISE: "The current parameters beat their averages: training makes steady progress, so the rate is raised.",
    Action.ROLL_BACK: "Training diverged: it goes back to the last good parameters, at a lower rate.",
}


def averaged(state: Any) -> Any:
    """The averaged parameters: evaluate and save these. In single precision at least; inside `jit`, too."""
    return _found(state).averages.short


def scale(state: Any) -> Any:
    """The rate of the next step, as a multiple of the optimiser's own."""
    return _found(state).control.lr


def observed(state: Any) -> Observation:
    """What the last step showed, in scalars. Return it from a `scan` to see every step."""
    return _found(state).seen


def finish(state: Any, steps: int) -> Any:
    """The state, with the rate on its way to zero in a straight line over the coming `steps` steps, about a
    tenth of the run: then the parameters themselves are as good as their average."""
    found = _found(state)
    new = found._replace(control=rules.finish(found.control, steps))
    return jax.tree.map(lambda x: new if x is found else x, state, is_leaf=_is_ours)


class Record:
    """Writes what was observed to a file that ``lrscope diagnose`` reads.

    Parameters
    ----------
    path : path
        The file. An earlier one of that name is moved aside unless `continuing`.
    learning_rate : float
        The rate that the optimiser was built with.
    continuing : bool
        Whether this run goes on where that file ends.
    """

    def __init__(
        self, path: str | os.PathLike[str], learning_rate: float, *, continuing: bool = False
    ) -> None:
        settings = {"optimizer": "optax", "controller": "Gap"}
        self._writer = RecordWriter(path, settings, continuing=continuing)
        self._lr = learning_rate
        self._step = 0

    def write(self, seen: Observation) -> None:
        """One line of `observed(state)`, or many where a `scan` has stacked them. Waits for the device."""
        columns = [np.atleast_1d(np.asarray(x)).tolist() for x in seen]
        for step, loss, scale, gap, action, new_scale, mean, t in zip(*columns, strict=True):
            if step == self._step:
                continue  # a call in which no step was made
            self._step = step
            done = rules.ACTIONS[action]
            decision = None
            if done is not None:
                rested = done in (Action.LOWER, Action.RAISE)
                decision = RateChange(
                    step=step,
                    action=done,
                    factor=new_scale / scale if scale else np.nan,
                    lr=new_scale * self._lr,
                    reason=_REASONS.get(done, ""),
                    numbers={"gap": mean, "t": t} if rested else {},
                    controller="gap" if rested else "guard",
                )
            measured = None if np.isnan(gap) else gap
            self._writer.write(step, loss, scale * self._lr, gap=measured, decision=decision)

    def close(self) -> None:
        """Close the file."""
        self._writer.close()


def _is_ours(part: Any) -> bool:
    return isinstance(part, ControlledState)


def _found(state: Any) -> ControlledState:
    for part in jax.tree.leaves(state, is_leaf=_is_ours):
        if _is_ours(part):
            return part  # type: ignore[no-any-return]
    raise UsageError(
        "This is no state of lrscope.optax.gap, nor does it hold one; give the optimiser's own state."
    )
