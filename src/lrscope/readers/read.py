"""Any log in, runs out: the format is recognised from the content of a file, and a folder is looked
through."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from lrscope.errors import UsageError
from lrscope.readers.base import LoggedRun, Reader, Unreadable
from lrscope.readers.console_log import ConsoleLog
from lrscope.readers.delimited import Delimited
from lrscope.readers.files import sample
from lrscope.readers.folder import read_folder
from lrscope.readers.json_file import JsonFile, TrainerState
from lrscope.readers.jsonl import JsonLines
from lrscope.readers.lrscope_scan import LrscopeScan
from lrscope.readers.mlflow import MlflowDatabase, MlflowMetric
from lrscope.readers.notebook import Notebook
from lrscope.readers.numpy_file import NumpyFile, Pickled
from lrscope.readers.optuna import OptunaDatabase, OptunaJournal
from lrscope.readers.tensorboard import EventFile
from lrscope.readers.trackio import TrackioProject
from lrscope.readers.wandb import OfflineRun

READERS: Sequence[Reader] = (
    LrscopeScan(),
    OptunaDatabase(),
    MlflowDatabase(),
    TrackioProject(),
    OfflineRun(),
    EventFile(),
    NumpyFile(),
    Pickled(),
    Notebook(),
    TrainerState(),
    OptunaJournal(),
    JsonLines(),
    JsonFile(),
    MlflowMetric(),
    Delimited(),
    ConsoleLog(),
)
"""In the order in which they are asked: what cannot be mistaken comes first, what takes any text comes
last."""

_COMMON_NAMES = frozenset(
    (
        "metrics",
        "metric",
        "log",
        "logs",
        "train",
        "training",
        "history",
        "progress",
        "results",
        "result",
        "loss",
        "losses",
        "trainer_state",
        "scan",
        "output",
        "out",
        "stdout",
        "console",
        "events",
        "data",
        "trackio",
        "mlflow",
        "optuna",
        "study",
        "journal",
        "run",
    )
)


def read(
    path: str | os.PathLike[str], *, metric: str | None = None, pattern: str | None = None
) -> list[LoggedRun]:
    """The runs in a log file, or in a folder of logs.

    Parameters
    ----------
    path : path
        CSV, TSV, JSON lines, a JSON document, console output, a Jupyter notebook, NumPy's arrays, any of them
        compressed with gzip, TensorBoard's event files, a Hugging Face
        `trainer_state.json`, W&B's offline files, databases and folders of MLflow, Trackio and Optuna, or a
        scan of lrscope; or a folder of any of these, which gives each run in it. What it is is recognised
        from the content. Links are followed, but no folder is entered twice.
    metric : str, optional
        In console output, a metric that is believed wherever its name appears.
    pattern : str, optional
        A regular expression with named groups, tried on each line: every file is then read as console output.

    Returns
    -------
    list of LoggedRun
        At least one, each with at least one point. From a damaged file comes what could be read, and the
        run's `warnings` say what was lost.

    Raises
    ------
    UsageError
        If there is nothing at `path`, it may not be read, or it cannot be understood; the message lists what
        was tried.
    """
    if not os.fspath(path):
        raise UsageError("The path of the log is empty: name a file or a folder.")
    place = Path(path)
    try:
        if place.is_dir():
            return read_folder(place, partial(read_file, metric=metric, pattern=pattern))
        found, why = read_file(place, file_run_name(place), metric=metric, pattern=pattern)
    except (OSError, ValueError) as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(f"{_shown(place)} cannot be read: {_reason(error)}.") from error
    if not found:
        raise UsageError(f"{_shown(place)} {why}")
    return found


def file_run_name(path: Path) -> str:
    """What to call a run after its file; a file with a name that all such files have is called after its
    folder."""
    path = path.with_suffix("") if path.suffix == ".gz" else path
    stem = path.stem if path.suffix else path.name
    if stem.lower() in _COMMON_NAMES or ".tfevents" in path.name:
        return path.absolute().parent.name or stem
    return stem


def read_file(
    path: Path, name: str, *, metric: str | None = None, pattern: str | None = None
) -> tuple[list[LoggedRun], str]:
    """The runs in one file; where there are none, why, as the second half of a sentence.

    Raises
    ------
    OSError
        If the file cannot be opened.
    """
    start = sample(path)
    if not start.head:
        return [], "is empty: there is nothing to read."
    tried: list[str] = []
    more = ""
    for reader in READERS:
        if pattern is not None and not isinstance(reader, (Notebook, ConsoleLog)):
            continue
        reader = reader.asking(metric, pattern)
        if not reader.recognises(start):
            continue
        try:
            runs = [run for run in reader.read(path, name) if any(map(len, run.curves.values()))]
        except Unreadable as error:
            tried.append(f"{reader.title} ({error})")
            more = f"\n{error.more}" if error.more else ""
        except (RecursionError, MemoryError):
            tried.append(f"{reader.title} (it is too large or too deeply nested)")
        else:
            if runs:
                return runs, ""
            tried.append(f"{reader.title} (it holds no curve)")
        if reader.certain:
            break
    if not tried:
        kinds = ", ".join(dict.fromkeys(reader.title for reader in READERS))
        return [], f"is binary data of no known kind; these were tried: {kinds}."
    return [], f"could not be understood as a log; tried as {', '.join(tried)}.{more}"


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file or folder"
    if isinstance(error, PermissionError):
        return "permission denied"
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return "it is no regular file" if "not a regular file" in text else text


def _shown(path: Path) -> str:
    return str(path).encode("utf-8", "backslashreplace").decode()
