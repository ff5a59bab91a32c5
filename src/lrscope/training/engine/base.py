"""The seam between the session and the place where runs live: this thread, local processes, Ray actors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

from lrscope.config import RunKey
from lrscope.training.source.base import Progress, Watch


class Engine(ABC):
    """Keeps live runs and advances up to `jobs` of them at once.

    A conformance suite for engines is `lrscope.testing.engine_suite`.

    Attributes
    ----------
    jobs : int
        How many runs advance at the same time.
    trains_here : bool
        True where the training itself goes on in the thread that calls `advance`: a step of the user's code
        may then take any time, and Ctrl-C has to break it off.
    """

    jobs: int = 1
    trains_here: bool = False

    @abstractmethod
    def open(self, key: RunKey, *, watch: Watch | None = None, log: Path | None = None) -> None:
        """Start a run, paused before its first step. `key` holds its configuration and its seed."""

    @abstractmethod
    def advance(self, wanted: Mapping[RunKey, int | None], within: float) -> dict[RunKey, Progress]:
        """Advance open runs towards their steps (None: to their own end).

        Parameters
        ----------
        wanted : mapping of RunKey to step
            At most `jobs` runs. A run whose last Progress was ADVANCING should be named again in the next
            call; one that is left out meanwhile may or may not go on.
        within : float
            Return after about this many seconds, or as soon as a run has come to rest, whichever is first.

        Returns
        -------
        dict of RunKey to Progress
            What is new, for those runs that have something to say; possibly empty. Each point is delivered
            exactly once.

        Raises
        ------
        SourceError
            As `LiveRun.advance`.
        """

    @abstractmethod
    def close(self, key: RunKey) -> None:
        """End a run and free what it holds; does nothing for a key that is not open."""

    @abstractmethod
    def shutdown(self) -> None:
        """End all runs and everything that was started for them. May be called twice."""

    def memory(self) -> int | None:
        """Bytes that a paused run keeps, measured on those that are open; None where that cannot be told."""
        return None
