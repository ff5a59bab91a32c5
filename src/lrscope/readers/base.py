"""What a reader gives back, and what a format has to say to be one of the readers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lrscope.curves.curve import LossCurve
from lrscope.readers.files import Sample


@dataclass(frozen=True)
class LoggedRun:
    """One training run as a log tells of it.

    Parameters
    ----------
    name : str
        What to call it: the file's or folder's name, or the run's own name where the log holds one.
    format : str
        The format that was recognised ("csv", "tensorboard", ...).
    curves : mapping of str to LossCurve
        Every metric in the log but its step, its epoch and its learning rate. Each curve's `lr` holds the
        learning rate in use at each of its steps (the last one logged at or before it), where one was logged.
    source : Path or None
        The file or folder it was read from; None for a Python object.
    warnings : tuple of str
        What was lost or had to be guessed, one sentence each.
    lr : LossCurve or None
        The learning rate against the step, as logged.
    epoch : LossCurve or None
        The epoch against the step, as logged.
    """

    name: str
    format: str
    curves: Mapping[str, LossCurve] = field(default_factory=dict)
    source: Path | None = None
    warnings: tuple[str, ...] = ()
    lr: LossCurve | None = None
    epoch: LossCurve | None = None


class Unreadable(Exception):  # noqa: N818 (it says what a file is, not what went wrong)
    """This format cannot read this file; the message says why, for a person. Never leaves the readers.

    `more` are further lines that show what was seen, and how it can be read.
    """

    def __init__(self, why: str, more: str = "") -> None:
        super().__init__(why)
        self.more = more


class Reader(ABC):
    """One file format.

    `recognises` looks at the beginning of a file only, and says whether this could be the format. `read` may
    then find that it is not, and raise `Unreadable`; from a file that is only damaged it gives what it can
    and says in the runs' warnings what was lost.
    """

    name: str
    """What the format is called in `LoggedRun.format`."""
    title: str
    """What it is called in a sentence for a person."""
    certain: bool = False
    """Whether being recognised leaves no doubt (a magic number), so that no other format need be tried."""

    def asking(self, metric: str | None, pattern: str | None) -> Reader:
        """This reader, told what is asked for: only what reads printed lines makes use of it."""
        return self

    @abstractmethod
    def recognises(self, sample: Sample) -> bool:
        """Whether a file that begins like this could be of this format."""

    @abstractmethod
    def read(self, path: Path, name: str) -> list[LoggedRun]:
        """The runs in the file; `name` is what to call one that has no name of its own.

        Raises
        ------
        Unreadable
            If it is not of this format after all, or nothing in it can be read.
        """
