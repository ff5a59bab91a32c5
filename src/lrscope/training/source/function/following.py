"""How a Python function is told a new rate at each step, and how it shows that it does not listen.

    def train(lr, seed):                              def train(run):
        for batch in data:                                for batch in data:
            ...                                               step(batch, run.lr)
            lr = (yield loss) or lr                           run.report(loss=loss)

A generator is sent the rate at its `yield`; in a scan at constant rates it is sent nothing, which is why the line
falls back to the old one. A callback finds it in `run.lr`. What takes the rate once and never looks again would train
at the lowest rate for the whole ramp, and the answer would be about something else; so both are checked.
"""

from __future__ import annotations

import dis
import inspect
from collections.abc import Callable, Iterator
from typing import Any

from lrscope.config import Config
from lrscope.errors import SourceError
from lrscope.training.source.function.reporting import Reporter

LOOK_REPORTS = 10
"""Reports by which a callback must have read `run.lr` again: some set the rate once every few steps."""

Changing = Callable[[int], float]
"""From the steps done so far to the rate of the next one."""

HOW_GENERATORS = "write `lr = (yield loss) or lr` and train the next step at that rate"
HOW_CALLBACKS = "read `run.lr` anew at each step"


class FollowingReporter(Reporter):
    """A reporter whose `lr` is that of the next step."""

    def __init__(
        self, config: Config, rate: Changing, seed: int, report: Callable[[Any, Any], None], who: str
    ) -> None:
        self._rate = rate
        self._who = who
        self._steps: Callable[[], int] = lambda: 0
        self._reports = 0
        self._read_after_first = False
        super().__init__(config | {"lr": rate(0)}, seed, report)

    @property
    def lr(self) -> float:
        """The rate of the next step."""
        self._read_after_first = self._read_after_first or self._reports > 0
        return self._rate(self._steps())

    @lr.setter
    def lr(self, value: float) -> None:
        """Set by the base class only; the ramp decides."""

    def count_by(self, steps: Callable[[], int]) -> None:
        """Take the steps done from there."""
        self._steps = steps

    def heard(self) -> None:
        """One more report has come.

        Raises
        ------
        SourceError
            If `lr` has not been read again by the tenth.
        """
        self._reports += 1
        if self._reports >= LOOK_REPORTS and not self._read_after_first:
            raise SourceError(
                f"{self._who} read run.lr only before its first step, so its rate cannot be changed while it runs: "
                f"{HOW_CALLBACKS}, or use lrscope scan."
            )


class Following:
    """A generator that is sent the rate of the next step each time it is asked for one.

    Raises
    ------
    SourceError
        If what the function gave is no generator, or throws away what it is sent.
    """

    def __init__(self, given: Any, rate: Changing, steps: Callable[[], int], who: str) -> None:
        if not hasattr(given, "send") or discards(getattr(given, "gi_code", None)):
            raise SourceError(
                f"{who} does not take what it is sent, so its rate cannot be changed while it runs: "
                f"{HOW_GENERATORS}, or use lrscope scan."
            )
        self._generator = given
        self._rate = rate
        self._steps = steps
        self._begun = False

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if not self._begun:
            self._begun = True
            return next(self._generator)
        return self._generator.send(self._rate(self._steps()))

    def close(self) -> None:
        """End the generator."""
        self._generator.close()


def discards(code: Any) -> bool:
    """Whether every `yield` of a generator's code drops what is sent to it, as far as the bytecode tells.

    ``yield loss`` as a statement is compiled to a yield and a pop; in ``lr = yield loss`` something else follows. What
    delegates (`yield from`) may take it further down, and counts as listening.
    """
    if not inspect.iscode(code):
        return False
    previous = ""
    for instruction in dis.get_instructions(code):
        name = instruction.opname
        if name in ("RESUME", "CACHE", "NOP"):
            continue
        if previous == "YIELD_VALUE" and name != "POP_TOP":
            return False
        previous = name
    return True
