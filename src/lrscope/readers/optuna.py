"""Optuna studies: the intermediate values of each trial, from an RDB storage's SQLite file or a journal file.

A trial's learning rate is its parameter of that name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lrscope.readers.base import LoggedRun, Reader, Unreadable
from lrscope.readers.database import MAGIC, Database
from lrscope.readers.files import Sample, TextBlocks
from lrscope.readers.json_parts import loads
from lrscope.readers.points import PointCollector

REPORTED_METRIC = "intermediate value"
"""What Optuna calls what a trial reports."""

_SPECIAL_VALUES = {"INF_POS": math.inf, "INF_NEG": -math.inf, "NAN": math.nan}
_NEW_STUDY, _NEW_TRIAL, _PARAMETER, _VALUE = 0, 4, 5, 7


class OptunaDatabase(Reader):
    """A storage like `sqlite:///study.db`."""

    name = "optuna"
    title = "Optuna database"

    def recognises(self, sample: Sample) -> bool:
        return sample.head.startswith(MAGIC)

    def read(self, path: Path, name: str) -> list[LoggedRun]:
        with Database(path) as database:
            if not database.has("trial_intermediate_values", "trial_id", "step", "intermediate_value"):
                raise Unreadable("it has no table of Optuna's trials")
            points = PointCollector()
            kinds = database.has("trial_intermediate_values", "intermediate_value_type")
            columns = [
                "trial_id",
                "step",
                "intermediate_value",
                *(["intermediate_value_type"] if kinds else []),
            ]
            for trial, step, value, *kind in database.rows("trial_intermediate_values", columns):
                if kind and isinstance(kind[0], str):
                    value = _SPECIAL_VALUES.get(kind[0], value)
                points.add(trial, REPORTED_METRIC, step, value)
            studies = dict(database.rows("studies", ["study_id", "study_name"]))
            for trial, count, study in database.rows("trials", ["trial_id", "number", "study_id"]):
                points.call(trial, f"{studies.get(study, name)}/trial {count}")
            for trial, key, value in database.rows("trial_params", ["trial_id", "param_name", "param_value"]):
                points.parameter(trial, key, value)
            return points.runs(self.name, path, database.lost)


class OptunaJournal(Reader):
    """A storage of `JournalFileBackend`: one operation a line."""

    name = "optuna"
    title = "Optuna journal"

    def recognises(self, sample: Sample) -> bool:
        for line in sample.lines[:5]:
            operation = _operation(line)
            if operation is not None and "op_code" in operation and "worker_id" in operation:
                return True
        return False

    def read(self, path: Path, name: str) -> list[LoggedRun]:
        points = PointCollector()
        studies: list[str] = []
        counts: dict[Any, int] = {}
        trials = bad = 0
        blocks = TextBlocks(path)
        for lines in blocks:
            for line in lines:
                operation = _operation(line)
                if operation is None:
                    bad += bool(line.strip())
                    continue
                code, trial = operation.get("op_code"), operation.get("trial_id")
                if code == _NEW_STUDY:
                    studies.append(str(operation.get("study_name", name)))
                elif code == _NEW_TRIAL:
                    study = operation.get("study_id")
                    if not isinstance(study, int):
                        continue
                    title = studies[study] if 0 <= study < len(studies) else name
                    points.call(trials, f"{title}/trial {counts.get(study, 0)}")
                    counts[study] = counts.get(study, 0) + 1
                    trials += 1
                    _waiting(points, trials - 1, operation)
                elif code == _PARAMETER:
                    points.parameter(
                        trial, operation.get("param_name"), operation.get("param_value_internal")
                    )
                elif code == _VALUE:
                    points.add(
                        trial, REPORTED_METRIC, operation.get("step"), operation.get("intermediate_value")
                    )
        lost = list(blocks.lost)
        if bad:
            lost.append(f"{bad} line(s) are damaged and were passed over.")
        return points.runs(self.name, path, lost)


def _waiting(points: PointCollector, trial: int, operation: Mapping[str, Any]) -> None:
    """A trial that was made whole at once (`study.add_trial`) has its values in the operation that makes
    it."""
    values, parameters = operation.get("intermediate_values"), operation.get("params")
    if isinstance(values, dict):
        for step, value in values.items():
            points.add(trial, REPORTED_METRIC, step, value)
    if isinstance(parameters, dict):
        for key, value in parameters.items():
            points.parameter(trial, key, value)


def _operation(line: str) -> dict[str, Any] | None:
    try:
        value = loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
