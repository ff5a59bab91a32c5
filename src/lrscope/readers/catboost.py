"""The folder ``catboost_info``: one training in several files, of which each tells a part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from lrscope.curves.curve import LossCurve
from lrscope.readers.base import LoggedRun, Unreadable

_ERROR_TABLES = {"learn_error.tsv": "learn", "test_error.tsv": "test"}


def is_training_folder(folder: Path) -> bool:
    """Whether a folder is what CatBoost writes beside a training."""
    return (folder / "learn_error.tsv").is_file() and (folder / "time_left.tsv").is_file()


def read_training_folder(
    folder: Path, name: str, read_file: Callable[[Path, str], tuple[list[LoggedRun], str]]
) -> LoggedRun:
    """The one run of the folder: its metrics on the training and the test set, by iteration.

    Raises
    ------
    Unreadable
        If there is no table of errors in it.
    """
    curves: dict[str, LossCurve] = {}
    warnings: list[str] = []
    for file, data in _ERROR_TABLES.items():
        if not (folder / file).is_file():
            continue
        for run in read_file(folder / file, name)[0]:
            warnings += run.warnings
            for metric, curve in run.curves.items():
                label = f"{data}/{metric}"
                curves[label] = replace(curve, name=label)
    if not curves:
        raise Unreadable("it holds no table of errors")
    return LoggedRun(name, "catboost", curves, folder, tuple(dict.fromkeys(warnings)))
