"""MLflow: its database (`mlflow.db`, table `metrics`) and the older folders
(`mlruns/<experiment>/<run>/metrics`).

In the database a NaN is a zero with `is_nan` set, and infinities are the largest floats. In the folders each
metric is a text file with lines of milliseconds, value and step.
"""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lrscope.readers.base import LoggedRun, Reader, Unreadable
from lrscope.readers.database import MAGIC, Database
from lrscope.readers.files import Sample, TextBlocks, read_bytes
from lrscope.readers.numbers import cell
from lrscope.readers.points import PointCollector

_LARGEST_NUMBER = sys.float_info.max
_MOST_FILES = 10_000
_LONGEST_SETTING_BYTES = 64 << 10
_LINE = re.compile(r"^\d{12,14} \S+( -?\d+)?( .*)?$")
_RUN_NAME = re.compile(r"^run_name:\s*['\"]?(.*?)['\"]?\s*$", re.MULTILINE)


class MlflowDatabase(Reader):
    """The database of a tracking server or of `mlflow.set_tracking_uri("sqlite:///...")`."""

    name = "mlflow"
    title = "MLflow database"

    def recognises(self, sample: Sample) -> bool:
        return sample.head.startswith(MAGIC)

    def read(self, path: Path, name: str) -> list[LoggedRun]:  # noqa: ARG002 (the runs have names)
        with Database(path) as database:
            if not database.has("metrics", "key", "value", "run_uuid", "step"):
                raise Unreadable("it has no table of MLflow's metrics")
            points = PointCollector()
            flagged = database.has("metrics", "is_nan")
            columns = ["run_uuid", "key", "step", "value", *(["is_nan"] if flagged else [])]
            # `value` is part of the table's key, so rows lie in the order of the log only by their time.
            timed = "timestamp" if database.has("metrics", "timestamp") else None
            for run, key, step, value, *nan in database.rows("metrics", columns, timed):
                points.add(run, key, step, math.nan if nan and nan[0] else _with_infinity(value))
            for run, title in database.rows("runs", ["run_uuid", "name"]):
                points.call(run, title)
            for run, key, value in database.rows("params", ["run_uuid", "key", "value"]):
                points.parameter(run, key, value)
            return points.runs(self.name, path, database.lost)


def _with_infinity(value: Any) -> Any:
    return (
        math.copysign(math.inf, value)
        if isinstance(value, float) and abs(value) == _LARGEST_NUMBER
        else value
    )


def is_run_folder(folder: Path) -> bool:
    """Whether this is the folder of one run of MLflow's file store."""
    return (folder / "metrics").is_dir() and (folder / "meta.yaml").is_file()


def read_run_folder(folder: Path) -> LoggedRun:
    """One run of the file store. Raises Unreadable where it has no metric that can be read."""
    points = PointCollector()
    lost: list[str] = []
    key = str(folder)
    for file in _files(folder / "metrics"):
        metric = file.relative_to(folder / "metrics").as_posix()
        try:
            lost += _read_metric(file, points, key, metric)
        except OSError as error:
            lost.append(f"The metric {metric!r} could not be read ({error.strerror or error}).")
    points.call(key, folder.name)
    try:
        found = _RUN_NAME.search(
            read_bytes(folder / "meta.yaml", _LONGEST_SETTING_BYTES)[0].decode("utf-8", "replace")
        )
        points.call(key, found.group(1) if found else None)
    except OSError:
        pass
    for file in _files(folder / "params"):
        try:
            value = read_bytes(file, _LONGEST_SETTING_BYTES)[0].decode("utf-8", "replace")
        except OSError:
            continue
        points.parameter(key, file.relative_to(folder / "params").as_posix(), value)
    return points.runs("mlflow", folder, lost)[0]


def _files(folder: Path) -> Iterator[Path]:
    count = 0
    for parent, folders, files in os.walk(folder):  # does not follow links
        folders.sort()
        for name in sorted(files):
            count += 1
            if count > _MOST_FILES:
                return
            yield Path(parent) / name


def _read_metric(file: Path, points: PointCollector, run: str, metric: str) -> list[str]:
    blocks = TextBlocks(file)
    bad = 0
    for lines in blocks:
        for line in lines:
            words = line.split(" ")
            if len(words) >= 3 and cell(words[1]) is not None and cell(words[2]) is not None:
                points.add(run, metric, words[2], words[1])
            elif len(words) == 2 and cell(words[1]) is not None:  # before steps were kept
                points.add(run, metric, 0, words[1])
            elif line.strip():
                bad += 1
    lost = list(blocks.lost)
    if bad:
        lost.append(f"{bad} line(s) of the metric {metric!r} are damaged and were passed over.")
    return lost


class MlflowMetric(Reader):
    """One metric's file out of a run's folder."""

    name = "mlflow"
    title = "MLflow metric file"

    def recognises(self, sample: Sample) -> bool:
        lines = [line for line in sample.lines[:20] if line.strip()]
        return bool(lines) and all(_LINE.match(line) for line in lines)

    def read(self, path: Path, name: str) -> list[LoggedRun]:
        points = PointCollector()
        lost = _read_metric(path, points, name, path.name)
        return points.runs(self.name, path, lost)
