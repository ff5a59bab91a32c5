"""Runs whose learning rate rises while they train: one run visits every rate, for the old answer in a hundred steps.

The rate is a pure function of the step, known before the run begins. So a run that is started anew does what it did
before, wherever it lives, and what it reports needs no rate beside it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lrscope.config import Config
from lrscope.errors import SourceError, UsageError
from lrscope.training.source.base import LiveRun, Source, Watch


@dataclass(frozen=True, slots=True)
class Ramp:
    """A rate that grows by the same factor at each step: ``low * (high / low) ** (done / (steps - 1))``.

    Called with the steps done so far, it gives the rate of the next one: `low` for the first step of a run, `high`
    for step number `steps` and all after it.

    Parameters
    ----------
    low, high : float
        Rates of the first and the last step, ``0 < low < high``.
    steps : int
        Steps of the ramp, at least 2.

    Examples
    --------
    >>> Ramp(0.001, 10.0, 5)(1)
    0.01
    """

    low: float
    high: float
    steps: int

    def __post_init__(self) -> None:
        if not (0 < self.low < self.high and math.isfinite(self.high) and self.steps >= 2):
            raise UsageError(
                f"A ramp needs 0 < low < high and at least 2 steps, not {self.low!r}, {self.high!r} and {self.steps!r}."
            )

    def __call__(self, done: int) -> float:
        share = min(max(done, 0), self.steps - 1) / (self.steps - 1)
        return float(f"{self.low * (self.high / self.low) ** share:.6g}")


class RampSource(Source):
    """Another source, each of whose runs follows the ramp, whatever learning rate its configuration holds.

    Raises
    ------
    SourceError
        If the other source cannot change its rate while it runs.
    """

    def __init__(self, source: Source, ramp: Ramp) -> None:
        if not source.pausable or source.keeps_rate is not None:
            why = source.keeps_rate or "it is one single evaluation"
            raise SourceError(
                f"A ramp changes the learning rate at every step, which {source.name} cannot follow: {why}. "
                "lrscope scan starts each run at a rate of its own."
            )
        self.source = source
        self.ramp = ramp
        self.name = source.name
        self.parameters = source.parameters
        self.takes_seed = source.takes_seed
        self.own_process = source.own_process
        self.variables = source.variables

    def start(
        self, config: Config, seed: int, *, watch: Watch | None = None, log: Path | None = None
    ) -> LiveRun:
        return self.source.start_changing(config, self.ramp, seed, watch=watch, log=log)

    def identity(self) -> Mapping[str, str]:
        ramp = self.ramp
        return {**self.source.identity(), "ramp": f"{ramp.low:g} to {ramp.high:g} in {ramp.steps} steps"}

    def fingerprint(self) -> Mapping[str, str]:
        return self.source.fingerprint()

    def __reduce__(self) -> tuple[type[RampSource], tuple[Source, Ramp]]:
        return RampSource, (self.source, self.ramp)
