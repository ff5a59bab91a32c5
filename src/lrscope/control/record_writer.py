"""What a controlled run saw and decided, one JSON line a step, in the form of the recorder's record.

    step, loss, lr, gap               as in `lrscope.torch.Recorder`'s record; what was not measured is left out
    decision, reason, by              at steps after which the rate changed: what was done, why, and by which part
    ev_…                              the numbers behind it

So `lrscope diagnose` reads it like any record, and the report shows it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from lrscope.control.base import Action, RateChange
from lrscope.curves.journal import Field, Journal

SCHEMA = "lrscope.record/1"


class RecordWriter:
    """Appends what happened at a step to a file; a kill costs at most the last line.

    Parameters
    ----------
    path : path
        The file. An earlier one of that name is moved aside unless `continuing`.
    settings : mapping
        What the header says: names of optimiser and controller, their settings.
    continuing : bool
        Whether this run goes on where that file ends.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        settings: Mapping[str, Field] | None = None,
        *,
        continuing: bool = False,
    ) -> None:
        self._journal = Journal(path, continuing)
        self._header: dict[str, Field] | None = None if continuing else {"schema": SCHEMA, **(settings or {})}

    def write(
        self,
        step: int,
        loss: float,
        lr: float,
        *,
        gap: float | None = None,
        decision: RateChange | None = None,
    ) -> None:
        """The line of one step: the rate it was made with, and what was decided after it."""
        lines = [] if self._header is None else [self._header]
        self._header = None
        fields: dict[str, Field] = {"step": step, "loss": loss, "lr": lr, "gap": gap}
        self._journal.write(*lines, {**fields, **decision_fields(decision)})

    def close(self) -> None:
        """Close the file."""
        self._journal.close()


def decision_fields(decision: RateChange | None) -> dict[str, Field]:
    """What a line says of a decision. The single steps of a warm-up or cool-down are seen in the rate itself."""
    if decision is None or decision.action in (Action.WARM, Action.COOL):
        return {}
    return {
        "decision": str(decision.action),
        "new_lr": decision.lr,
        "by": decision.controller,
        "reason": decision.reason,
        **{f"ev_{name}": value for name, value in decision.numbers.items()},
    }
