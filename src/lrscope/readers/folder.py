"""Folders of logs: which files in them are logs, and which of them belong to one run.

A folder's event files are one run. So are the checkpoints of one training, each of which holds the history so
far. A file that says again what a better one in its folder says (the console output beside the metrics) is
left out. Files that are plainly something else (pictures, weights, settings) are not opened.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from lrscope.curves.curve import LossCurve
from lrscope.errors import UsageError
from lrscope.readers import catboost, mlflow, tensorboard
from lrscope.readers.base import LoggedRun, Unreadable

MOST_ENTRIES = 200_000
"""Of a folder with more files and folders than this, the rest is not looked at."""
DEEPEST_FOLDER = 40

_LOGS = frozenset(
    (
        ".csv",
        ".tsv",
        ".jsonl",
        ".ndjson",
        ".json",
        ".log",
        ".txt",
        ".out",
        ".err",
        ".db",
        ".sqlite",
        ".sqlite3",
        ".wandb",
        ".dat",
        ".journal",
        ".stdout",
        ".ipynb",
    )
)
_NOT_LOGS = re.compile(
    r"^(config|package|tokenizer|special_tokens|generation_config|vocab|added_tokens|model\.|args|hparams|settings|"
    r"training_args|requirements|readme|license|wandb-metadata|wandb-summary|debug|meta|added|preprocessor|adapter|"
    r"optimizer|scheduler|rng_state|all_results|train_results|eval_results)",
    re.IGNORECASE,
)
_LOG_NAME = re.compile(
    r"^[\w-]*(log|logs|stdout|stderr|output|metrics|history|losses?)([._-]?\d+)?$", re.IGNORECASE
)
_CHECKPOINT = re.compile(r"^(checkpoint|ckpt|step|epoch|last|best)([-_]?\d+)?$", re.IGNORECASE)
_SKIPPED_FOLDERS = frozenset(("__pycache__", "node_modules", "site-packages"))
_FORMAT_ORDER = (
    "lrscope",
    "wandb",
    "tensorboard",
    "trainer_state",
    "mlflow",
    "trackio",
    "optuna",
    "csv",
    "tsv",
    "jsonl",
    "json",
)
_PAIR = {
    "train": "train",
    "training": "train",
    "validation": "val",
    "val": "val",
    "valid": "val",
    "eval": "val",
    "test": "val",
}

ReadFile = Callable[[Path, str], tuple[list[LoggedRun], str]]


def read_folder(folder: Path, read_file: ReadFile) -> list[LoggedRun]:
    """The runs in a folder and the folders in it, in the order of their names.

    Raises
    ------
    UsageError
        If there is no log in it that can be understood.
    """
    walk = _Walk(folder, read_file)
    walk.enter(folder, 0)
    runs = _paired(_without_checkpoints(walk.runs))
    if not runs:
        looked = f"none of the {walk.files} file(s) in it" if walk.files else "nothing in it"
        why = f" ({walk.lost[0]})" if walk.lost else ""
        raise UsageError(
            f"{folder} holds no log that can be understood: {looked} is a table, JSON, console output, "
            f"event file, W&B run or database with losses{why}."
        )
    if walk.lost:
        more = f", and {len(walk.lost) - 3} more" if len(walk.lost) > 3 else ""
        told = f"Not read in this folder: {'; '.join(walk.lost[:3])}{more}."
        runs = [replace(run, warnings=(*run.warnings, told)) for run in runs[:1]] + list(runs[1:])
    return runs


class _Walk:
    """Looks through folders; collects `runs`, and in `lost` what looked like a log and could not be read."""

    def __init__(self, root: Path, read_file: ReadFile) -> None:
        self.root = root
        self.read_file = read_file
        self.runs: list[LoggedRun] = []
        self.lost: list[str] = []
        self.files = 0
        self._entries = 0
        self._seen: set[tuple[int, int]] = set()

    def enter(self, folder: Path, depth: int) -> None:
        try:
            status = folder.stat()
            identity = (status.st_dev, status.st_ino)
            if identity in self._seen or depth > DEEPEST_FOLDER or self._entries > MOST_ENTRIES:
                return
            self._seen.add(identity)
            if depth and mlflow.is_run_folder(folder):
                self._take(lambda: [mlflow.read_run_folder(folder)], folder)
                return
            with os.scandir(folder) as entries:
                found = []
                for entry in entries:
                    self._entries += 1
                    if self._entries > MOST_ENTRIES:
                        self.lost.append(f"what comes after the first {MOST_ENTRIES} files")
                        break
                    found.append(entry)
        except OSError as error:
            self.lost.append(f"{self._shown(folder)} ({error.strerror or error})")
            return
        # Links come last: what they lead to is called by its own name if it lies in this folder too.
        found.sort(key=lambda e: (e.is_symlink(), _natural(e.name)))
        folders, files = [], []
        for entry in found:
            try:
                if entry.is_dir():
                    folders.append(Path(entry.path))
                elif entry.is_file():
                    files.append(Path(entry.path))
            except OSError:
                continue
        if depth == 0 and mlflow.is_run_folder(folder):
            self._take(lambda: [mlflow.read_run_folder(folder)], folder)
            return
        if catboost.is_training_folder(folder):
            self._take(
                lambda: [catboost.read_training_folder(folder, self._name(folder), self.read_file)], folder
            )
            return
        own = self._files(folder, files)
        if own and (own[0].format in ("lrscope", "wandb")):
            return  # what lies under it (logs of its runs, copies of its output) tells the same again
        for inner in folders:
            if not inner.name.startswith(".") and inner.name not in _SKIPPED_FOLDERS:
                self.enter(inner, depth + 1)

    def _files(self, folder: Path, files: Sequence[Path]) -> list[LoggedRun]:
        """The runs of the files that lie directly in one folder."""
        self.files += len(files)
        before = len(self.runs)
        events = [f for f in files if ".tfevents." in f.name or f.name.endswith(".tfevents")]
        if events:
            self._take(lambda: [tensorboard.run_from_files(events, self._name(folder), folder)], folder)
        rest = [f for f in files if f not in set(events) and _may_be_log(f)]
        first = [f for f in rest if f.name == "scan.sqlite" or f.suffix == ".wandb"]
        for file in first:
            self._take(partial(self._one, file), file)
        if first and len(self.runs) > before:
            rest = []
        for file in rest:
            if file not in first:
                self._take(partial(self._one, file), file)
        own = _without_echoes(self.runs[before:])
        self.runs[before:] = own
        return own

    def _one(self, file: Path) -> list[LoggedRun]:
        runs, why = self.read_file(file, self._name(file))
        if not runs and (file.suffix == ".wandb" or "database" in why):
            raise Unreadable(why)
        return runs

    def _take(self, read: Callable[[], list[LoggedRun]], place: Path) -> None:
        try:
            self.runs += read()
        except OSError as error:
            self.lost.append(f"{self._shown(place)} ({error.strerror or error})")
        except Unreadable as error:
            self.lost.append(f"{self._shown(place)} ({str(error).rstrip('.')})")

    def _name(self, place: Path) -> str:
        """A place's name below the folder that was asked for; without endings and names that say nothing."""
        parts = list(place.relative_to(self.root).parts)
        if parts and place.suffix and parts[-1] == place.name and place.is_file():
            parts[-1] = place.stem
            if len(parts) > 1 and parts[-1].lower() in (
                "metrics",
                "log",
                "trainer_state",
                "history",
                "progress",
            ):
                parts.pop()
        return "/".join(parts) or self.root.absolute().name

    def _shown(self, place: Path) -> str:
        return "/".join(place.relative_to(self.root).parts) or place.name


def _may_be_log(file: Path) -> bool:
    file = file.with_suffix("") if file.suffix == ".gz" else file
    named = file.suffix.lower() in _LOGS or _LOG_NAME.match(file.name)
    return bool(named) and not _NOT_LOGS.match(file.name)


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Orders "run-9" before "run-10"."""
    parts = re.split(r"(\d{1,18})", name)
    return [(0, int(part), "") if part.isascii() and part.isdigit() else (1, 0, part) for part in parts]


def _without_echoes(runs: list[LoggedRun]) -> list[LoggedRun]:
    """Of runs of one folder in different formats with metrics in common, the one in the best format; the
    console's output not at all where there is any other."""
    worth = {name: k for k, name in enumerate(_FORMAT_ORDER)}
    told: dict[int, set[str]] = {}
    for run in runs:
        told.setdefault(worth.get(run.format, len(worth)), set()).update(run.curves)
    kept: list[LoggedRun] = []
    for run in runs:
        rank = worth.get(run.format, len(worth))
        better = set().union(*(names for other, names in told.items() if other < rank))
        if not (run.curves.keys() & better or (run.format == "console" and better)):
            kept.append(run)
    return kept


def _without_checkpoints(runs: list[LoggedRun]) -> list[LoggedRun]:
    """Of the states saved with each checkpoint of one training, the one that knows most."""
    longest: dict[
        Path, tuple[int, int]
    ] = {}  # where a training's run stands among those kept, and how far it goes
    kept: list[LoggedRun] = []
    for run in runs:
        if run.format != "trainer_state" or run.source is None:
            kept.append(run)
            continue
        training = run.source.parent
        if _CHECKPOINT.match(training.name):
            training = training.parent
            run = replace(run, name=run.name.rpartition("/")[0] or training.absolute().name)
        known = max((int(c.step[-1]) for c in run.curves.values() if len(c)), default=0)
        place, furthest = longest.get(training, (len(kept), -1))
        if place == len(kept):
            kept.append(run)
        elif known > furthest:
            kept[place] = run
        longest[training] = (place, max(known, furthest))
    return kept


def _paired(runs: list[LoggedRun]) -> list[LoggedRun]:
    """Keras writes one training into two folders of event files, "train" and "validation": one run again."""
    places: dict[Path, dict[str, LoggedRun]] = {}
    for run in runs:
        if run.format == "tensorboard" and run.source is not None and run.source.name in _PAIR:
            places.setdefault(run.source.parent, {}).setdefault(_PAIR[run.source.name], run)
    done: list[LoggedRun] = []
    for run in runs:
        pair = {} if run.source is None else places.get(run.source.parent, {})
        if len(pair) == 2 and run is pair["train"] and run.source is not None:
            validation = {
                f"val_{n}": LossCurve(c.step, c.loss, c.lr, f"val_{n}") for n, c in pair["val"].curves.items()
            }
            done.append(
                replace(
                    run,
                    name=run.name.rpartition("/")[0] or run.source.parent.name,
                    source=run.source.parent,
                    curves={**run.curves, **validation},
                    warnings=tuple(dict.fromkeys((*run.warnings, *pair["val"].warnings))),
                )
            )
        elif not (len(pair) == 2 and run is pair["val"]):
            done.append(run)
    return done
