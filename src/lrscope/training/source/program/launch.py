"""What one run of a program is started with, and who prepares that: the seam between `run.py` and `source.py`."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from lrscope.config import Config
from lrscope.readers.console import Parser
from lrscope.readers.follow import FileFollower


@dataclass
class Launch:
    """All that one run of the program needs."""

    arguments: list[str]  # the program first; every placeholder is filled in
    run: str  # a name that no other run of this process has
    cwd: Path
    variables: dict[str, str]  # of the environment, on top of the present ones
    reader: Parser | None  # of what it prints; None where a metrics file is read
    follower: FileFollower | None  # of the metrics file; None where its output is read
    metrics: Path | None
    notes: list[str] = field(default_factory=list)  # what the user should know about the preparation
    temporary: tempfile.TemporaryDirectory[str] | None = None  # goes with the run


class Launcher(Protocol):
    """What a run asks of the source that made it.

    Attributes
    ----------
    grace : float
        Seconds a program has to end by itself when it is asked to.
    """

    grace: float

    def prepare(self, config: Config, seed: int, log: Path | None) -> Launch:
        """Fill in the command of one run and make its folders, at the run's first advance."""

    def release(self, launch: Launch) -> None:
        """The run has been closed: what it alone used may be used by another, or goes."""

    def ended(self, willing: bool) -> None:
        """Note whether the program ended when it was asked to."""
