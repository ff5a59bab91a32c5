"""The seam between lrscope and training: a source starts runs, and a run can be advanced and paused.

To make something new trainable, write a `Source` and a `LiveRun` and run `lrscope.testing.source_suite`
over them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from lrscope.config import Config
from lrscope.errors import SourceError

if TYPE_CHECKING:  # worker processes import this file, and need not wait for NumPy because of a type
    from lrscope.curves import Point


class Status(StrEnum):
    """How an advance came out."""

    ADVANCING = "advancing"  # the time slice is over; the run still goes on and wants to be advanced again
    PAUSED = "paused"  # it has reached the step asked for, and now costs no processor time
    ENDED = "ended"  # it came to its own end
    DIVERGED = "diverged"  # the watch stopped it
    FAILED = "failed"  # it raised, or exited with a status other than 0
    LOST = "lost"  # its process vanished through no fault of its own (killed worker); it may be started anew


@dataclass(frozen=True, slots=True)
class Progress:
    """What an advance brought.

    Parameters
    ----------
    status : Status
    points : list of Point
        New observations, in the order in which they were made. A value of None never occurs; NaN may.
    step : int
        The last step that the run has reported, 0 before the first. It may lie past the step asked for.
    seconds : float
        Wall time spent in this advance.
    total : int or None
        The run's whole length in steps, where it has said so (`step 10/500`, `Epoch 1/5`).
    reason : str or None
        One sentence for a person, for DIVERGED, FAILED and LOST.
    detail : str or None
        More text for `--debug`: a traceback of the user's code, the last lines of a program's output.
    notes : tuple of str
        Things a person should be told once ("read `loss` and the step counter `iter` from its output").
    """

    status: Status
    points: list[Point]
    step: int
    seconds: float = 0.0
    total: int | None = None
    reason: str | None = None
    detail: str | None = None
    notes: tuple[str, ...] = ()


class Watch(Protocol):
    """Looks at every point of one run as it is made, and may end the run there and then.

    Stateful, one instance a run, picklable (it travels to where the run lives). It is fed in order.
    """

    def __call__(self, step: int, metric: str, value: float) -> str | None:
        """The reason why the run has diverged, or None to let it go on."""
        ...


class LiveRun(ABC):
    """A training run that is under way. Used from one thread at a time."""

    @abstractmethod
    def advance(self, to_step: int | None, within: float) -> Progress:
        """Let the run go on until it has reported a step of at least `to_step`, and then pause it.

        Parameters
        ----------
        to_step : int or None
            The step to pause at; None lets it go on to its own end.
        within : float
            Seconds after which to come back with what there is and status ADVANCING, although the step
            has not been reached. The run need not stop then: the caller advances it again at once, or closes
            it. A step of the user's code is never interrupted, so coming back can take longer.

        Returns
        -------
        Progress

        Raises
        ------
        SourceError
            If the source cannot be used at all, whatever the learning rate (wrong use, not a failed run).
        """

    @abstractmethod
    def close(self) -> None:
        """End the run, wherever it is, and free all it holds. May be called twice; leaves no process behind."""

    def memory(self) -> int | None:
        """Bytes that this run keeps while paused, or None where that cannot be told."""
        return None


class Source(ABC):
    """Something that can be trained with given hyperparameters.

    Attributes
    ----------
    name : str
        Short name for people and for the results folder.
    pausable : bool
        False where a run is one single evaluation that cannot be advanced in parts.
    parameters : tuple of str
        Names of the hyperparameters that it can be given; a configuration must hold these and no others.
    takes_seed : bool
        Whether the seed reaches the training; where it does not, a second seed is only a repetition.
    own_process : bool
        True where each run is a process of its own, so that no worker process is needed to run several.
    variables : mapping of str to str
        Environment variables for such processes, on top of the present ones. The engine sets them.
    keeps_rate : str or None
        Why a run keeps the rate it was started at, in words that follow a colon; None where `start_changing` works.
    """

    name: str = "source"
    pausable: bool = True
    parameters: tuple[str, ...] = ("lr",)
    takes_seed: bool = True
    own_process: bool = False
    variables: Mapping[str, str] = MappingProxyType({})

    @property
    def keeps_rate(self) -> str | None:
        return (
            "it is told its rate once, when it starts (a Python function that reads `run.lr` at each step "
            "could follow)"
        )

    @abstractmethod
    def start(
        self, config: Config, seed: int, *, watch: Watch | None = None, log: Path | None = None
    ) -> LiveRun:
        """Make a run ready with these hyperparameters and this seed. It does no work before its first `advance`.

        `log` is a file to which the run's own output is appended; where it has no output of its own, none
        is made. The folder exists.
        """

    def start_changing(
        self,
        config: Config,
        rate: Callable[[int], float],
        seed: int,
        *,
        watch: Watch | None = None,
        log: Path | None = None,
    ) -> LiveRun:
        """Make a run ready whose learning rate changes while it trains: ``rate(done)`` is that of the next step,
        when `done` steps have been reported. Only where `keeps_rate` is None.

        Raises
        ------
        SourceError
            Where runs keep their rate.
        """
        raise SourceError(f"{self.name} cannot change its learning rate while it runs: {self.keeps_rate}.")

    def close_runs(self, runs: Sequence[LiveRun]) -> None:
        """Close several of its runs at once; by default, one after the other."""
        for run in runs:
            run.close()

    @abstractmethod
    def identity(self) -> Mapping[str, str]:
        """What must be equal for a second scan to be the continuation of a first: names and arguments."""

    def fingerprint(self) -> Mapping[str, str]:
        """Hashes of what the identity names (a script's content). A change is told to the user, not refused."""
        return {}
