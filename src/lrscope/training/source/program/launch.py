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
    """All that one run of the program needs.

    Parameters
    ----------
    arguments : list of str
        Program and arguments, with every placeholder filled in.
    run : str
        A name for this run that no other run of this process has.
    cwd : path
        Folder to start it in.
    variables : dict of str to str
        Environment variables on top of the present ones.
    reader : Parser or None
        Reads what it prints; None where a metrics file is read.
    follower : FileFollower or None
        Follows the metrics file; None where its output is read.
    metrics : path or None
        The metrics file.
    notes : list of str
        What the user should know about the preparation.
    temporary : TemporaryDirectory or None
        A folder that goes with the run.
    """

    arguments: list[str]
    run: str
    cwd: Path
    variables: dict[str, str]
    reader: Parser | None
    follower: FileFollower | None
    metrics: Path | None
    notes: list[str] = field(default_factory=list)
    temporary: tempfile.TemporaryDirectory[str] | None = None


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
