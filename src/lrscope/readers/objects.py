"""Losses that lie in memory: numbers, arrays, data frames, and the histories that other libraries keep.

What an object is shows by what it has, so nobody's library is imported. The names of attributes looked for
are each owner's own; beside each stands whose they are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrscope.curves.curve import LossCurve, curves_from_points
from lrscope.curves.scan import Scan
from lrscope.errors import UsageError
from lrscope.readers.base import LoggedRun, Unreadable
from lrscope.readers.json_file import runs_from_document
from lrscope.readers.mappings import add_mappings
from lrscope.readers.numbers import number_of
from lrscope.readers.points import PointCollector
from lrscope.readers.read import read
from lrscope.readers.series import run_from_series
from lrscope.readers.table import Rows, RunTable, Values
from lrscope.vocabulary.counters import holds_metric_names, is_epoch, is_run, step_rank

_SMOOTHED = "{} keeps smoothed losses only: their noise is not that of the training."
_DEEPEST_OBJECT = 4


def from_object(obj: Any, name: str = "losses") -> list[LoggedRun]:
    """The runs in a Python object.

    Parameters
    ----------
    obj : object
        A path (see `read`); a `LoggedRun`, `LossCurve` or `Scan`; numbers in a list or array, of shape
        (n,), or of shape (n, 2) with steps in the first column; a mapping of columns or a list of rows or
        of points (step, metric, value); a pandas or polars Series or DataFrame; a tensor; the History of
        Keras, the Recorder or Learner of fastai, the result of Lightning's `lr_find`, the finder of
        torch-lr-finder, the Trainer or TrainerState of Transformers, a Study of Optuna, what scikit-learn,
        XGBoost and LightGBM leave in `loss_curve_` and `evals_result_`.
    name : str
        What to call a run that has no name of its own.

    Returns
    -------
    list of LoggedRun
        At least one, each with at least one point.

    Raises
    ------
    UsageError
        If there are no losses in it, or it is of no known kind.
    """
    try:
        runs = [run for run in _read(obj, name, 0) if any(map(len, run.curves.values()))]
    except Unreadable as error:
        raise UsageError(f"No losses were found in this {type(obj).__name__}: {error}.") from error
    if not runs:
        raise UsageError(f"No losses were found in this {type(obj).__name__}: it holds no numbers.")
    return runs


def _read(obj: Any, name: str, depth: int) -> list[LoggedRun]:
    if isinstance(obj, LoggedRun):
        return [obj]
    if isinstance(obj, LossCurve):
        return [LoggedRun(obj.name, "python", {obj.name: obj})]
    if isinstance(obj, Scan):
        return [LoggedRun(f"lr {r.lr:g}, seed {r.seed}", "lrscope", dict(r.curves)) for r in obj.runs]
    if isinstance(obj, str | os.PathLike):
        return read(obj)
    if isinstance(obj, bytes | bytearray | type):
        raise Unreadable("it is no log, no numbers and no history of a known library")
    for kind in _OBJECT_READERS:
        found = kind(obj, name, depth)
        if found is not None:
            return found
    raise Unreadable("it is no log, no numbers and no history of a known library")


def _get(obj: Any, attribute: str) -> Any:
    """An attribute that may be missing, or computed and fail."""
    try:
        return getattr(obj, attribute, None)
    except Exception:  # another library's property may raise anything
        return None


def _frame(obj: Any, name: str, _depth: int) -> list[LoggedRun] | None:
    """A data frame (pandas, polars): `columns`, and a column for each by subscription."""
    columns = _get(obj, "columns")
    if columns is None or isinstance(obj, Mapping) or _get(obj, "shape") is None or len(obj.shape) != 2:
        return None
    table = RunTable(name, "dataframe", None)
    arrays = {}
    labels: dict[str, tuple[Rows, list[str]]] = {}
    for column in list(columns):
        values = _array(obj[column])
        if values is not None:
            arrays[str(column)] = values
        elif is_run(str(column)) or holds_metric_names(str(column)):
            cells = [str(cell) for cell in obj[column]]
            labels[str(column)] = (np.arange(len(cells), dtype=np.int64), cells)
    index = _get(_get(obj, "index"), "name")
    if isinstance(index, str) and (step_rank(index) is not None or is_epoch(index)):
        values = _array(obj.index)
        if values is not None:
            arrays.setdefault(index, values)
    table.add(int(obj.shape[0]), _sparse(arrays), labels)
    return table.runs()


def _sparse(arrays: Mapping[str, Values]) -> dict[str, tuple[Rows | None, Values]]:
    """Columns without the NaNs that stand for "nothing here".

    A data frame has one sign for both a missing cell and a loss that was not a number. Where several
    columns take turns, NaN means missing, but for a NaN that a column goes on with to the end for longer
    than it ever paused: that is a run that diverged.
    """
    metrics = [a for n, a in arrays.items() if not (is_epoch(n) or step_rank(n) is not None)]
    columns: dict[str, tuple[Rows | None, Values]] = {}
    for name, values in arrays.items():
        there = np.flatnonzero(~np.isnan(values))
        if there.size == values.size or len(metrics) < 2 or not there.size:
            columns[name] = (None, values)
            continue
        pause = int(np.diff(np.concatenate(([-1], there))).max()) - 1
        if values.size - 1 - int(there[-1]) > max(pause, 1):
            there = np.concatenate((there, np.arange(there[-1] + 1, values.size)))
        columns[name] = (there.astype(np.int64), values[there])
    return columns


def _series(obj: Any, name: str, _depth: int) -> list[LoggedRun] | None:
    """One column with its index (pandas); numbers in the index are the steps."""
    index, to_numpy = _get(obj, "index"), _get(obj, "to_numpy")
    if to_numpy is None or index is None or callable(index):
        return None
    values, steps = _array(obj), _array(index)
    if values is None or values.ndim != 1:
        return None
    column = obj.name if isinstance(_get(obj, "name"), str) else "loss"
    if steps is None or steps.shape != values.shape or not np.all(steps == np.floor(steps)):
        steps = np.arange(1, values.size + 1, dtype=np.float64)
    return [run_from_series(name, "series", {column: (steps, values)}, source=None)]


def _keras(obj: Any, name: str, _depth: int) -> list[LoggedRun] | None:
    """Keras' History: `.history` of lists and `.epoch`."""
    history, epoch = _get(obj, "history"), _get(obj, "epoch")
    if not isinstance(history, Mapping) or not isinstance(epoch, Sequence):
        return None
    lists = {str(k): v for k, v in history.items()}
    if epoch and all(len(v) == len(epoch) for v in lists.values()):
        lists["epoch"] = epoch
    return _columns(lists, name, "keras")


def _finder(obj: Any, name: str, _depth: int) -> list[LoggedRun] | None:
    """torch-lr-finder's `.history` and Lightning's `.results`: both {"lr": [...], "loss": [...]}, both
    smoothed."""
    for attribute, owner in (("history", "torch-lr-finder"), ("results", "Lightning's lr_find")):
        columns = _get(obj, attribute)
        if isinstance(columns, Mapping) and columns.keys() >= {"lr", "loss"}:
            return _columns(columns, name, "lr_finder", (_SMOOTHED.format(owner),))
    return None


def _fastai(obj: Any, name: str, _depth: int) -> list[LoggedRun] | None:
    """fastai's Recorder (`.losses`, `.lrs`, `.values` a list an epoch, `.metric_names`), or the Learner
    that has it."""
    recorder = _get(obj, "recorder") if _get(obj, "recorder") is not None else obj
    losses, rates = _get(recorder, "losses"), _get(recorder, "lrs")
    if losses is None or rates is None or callable(losses):
        return None
    loss = _array(losses)
    if loss is None:
        return None
    steps = np.arange(1, loss.size + 1, dtype=np.float64)
    series = {"train_loss": (steps, loss)}
    rate = _array(rates)
    if rate is not None and rate.shape == loss.shape:
        series["lr"] = (steps, rate)
    epochs, titles = _get(recorder, "values"), _get(recorder, "metric_names")
    if isinstance(epochs, Sequence) and epochs and titles is not None:
        # Metrics are named with "epoch" before them and "time" after; the values have neither.
        named = [str(t) for t in titles if str(t) not in ("epoch", "time")]
        ends = _get(recorder, "iters")
        at = _array(ends) if ends is not None else None
        if at is None or at.size != len(epochs):
            at = np.floor(np.arange(1, len(epochs) + 1) * loss.size / len(epochs))
        for k, title in enumerate(named):
            column = [number_of(_scalar(row[k])) if k < len(row) else None for row in epochs]
            if title != "train_loss" and all(v is not None for v in column):
                series[title] = (at, np.array(column, dtype=np.float64))
    return [
        run_from_series(name, "fastai", series, source=None, warnings=[_SMOOTHED.format("fastai's recorder")])
    ]


def _trainer(obj: Any, name: str, _depth: int) -> list[LoggedRun] | None:
    """Transformers' TrainerState (`.log_history`), or the Trainer that has it."""
    for holder in (obj, _get(obj, "state")):
        history = _get(holder, "log_history")
        if isinstance(history, list):
            return runs_from_document(history, name, "trainer_state", None)
    return None


def _study(obj: Any, name: str, _depth: int) -> list[LoggedRun] | None:
    """Optuna's Study (`.trials`) or one of its trials (`.intermediate_values`, `.params`)."""
    trials = _get(obj, "trials")
    if trials is None and isinstance(_get(obj, "intermediate_values"), Mapping):
        trials = [obj]
    if not isinstance(trials, Sequence) or not all(hasattr(t, "intermediate_values") for t in trials):
        return None
    points = PointCollector()
    title = _get(obj, "study_name") or name
    for count, trial in enumerate(trials):
        for step, value in trial.intermediate_values.items():
            points.add(count, "intermediate value", step, value)
        for key, value in trial.params.items():
            points.parameter(count, key, value)
        points.call(count, f"{title}/trial {_get(trial, 'number')}")
    return points.runs("optuna", None, ())


def _estimator(obj: Any, name: str, _depth: int) -> list[LoggedRun] | None:
    """scikit-learn's `loss_curve_`; XGBoost's and LightGBM's `evals_result_` (also as a method)."""
    curve = _get(obj, "loss_curve_")
    if curve is not None:
        return _columns({"loss": curve}, name, "sklearn")
    results = _get(obj, "evals_result_") or _get(obj, "evals_result")
    if callable(results):
        results = results()
    if isinstance(results, Mapping) and results:
        flat = {
            f"{part}/{m}": v for part, ms in results.items() if isinstance(ms, Mapping) for m, v in ms.items()
        }
        return _columns(flat, name, "boosting")
    return None


def _mapping(obj: Any, name: str, depth: int) -> list[LoggedRun] | None:
    """Columns by name, or runs by name."""
    if not isinstance(obj, Mapping):
        return None
    arrays = {str(k): _array(v) for k, v in obj.items() if not isinstance(v, str | Mapping)}
    if any(a is not None and a.ndim == 1 and a.size for a in arrays.values()):
        return _columns(obj, name, "columns")
    try:
        return runs_from_document(obj, name, "columns", None)
    except Unreadable:
        if depth >= _DEEPEST_OBJECT:
            raise
    runs: list[LoggedRun] = []
    for key, value in obj.items():
        try:
            runs += _read(value, str(key), depth + 1)
        except (Unreadable, UsageError):
            continue
    if not runs:
        raise Unreadable("it holds no columns of numbers")
    return runs


def _rows(obj: Any, name: str, depth: int) -> list[LoggedRun] | None:
    """A list of mappings (rows), of points (step, metric, value), or of runs."""
    if not isinstance(obj, list | tuple) or not obj:
        return None
    if all(isinstance(row, Mapping) for row in obj):
        table = RunTable(name, "rows", None)
        add_mappings(table, [{str(k): _scalar(v) for k, v in row.items()} for row in obj])
        return table.runs()
    if all(isinstance(p, tuple) and len(p) == 3 and isinstance(p[1], str) for p in obj):
        try:
            curves = curves_from_points((int(s), m, float(v)) for s, m, v in obj)
        except (TypeError, ValueError, OverflowError) as error:
            raise Unreadable(f"a point is no (step, metric, value) ({error})") from error
        return [
            run_from_series(name, "points", {m: (c.step, c.loss) for m, c in curves.items()}, source=None)
        ]
    if depth < _DEEPEST_OBJECT and all(
        isinstance(r, LoggedRun | LossCurve | Scan | os.PathLike) for r in obj
    ):
        return [run for member in obj for run in _read(member, name, depth + 1)]
    return None


def _numbers(obj: Any, name: str, _depth: int) -> list[LoggedRun] | None:
    """Numbers in a list, an array or a tensor; in two columns, steps and losses; structured arrays by
    field."""
    fields = _get(_get(obj, "dtype"), "names")
    if fields:
        return _columns({field: obj[field] for field in fields}, name, "array")
    values = _array(obj)
    if values is None:
        return None
    if values.ndim == 0:
        raise Unreadable("it is a single number, and a curve has several")
    if values.ndim == 2 and 1 in values.shape:
        values = values.ravel()
    if values.ndim == 1:
        return _columns({"loss": values}, name, "array")
    if values.ndim != 2 or values.shape[1] > 1_000:
        raise Unreadable(
            f"its shape is {values.shape}, and what can be read is (n,) or (n, 2) with steps first"
        )
    with np.errstate(invalid="ignore"):
        steps = values[:, 0]
        counts = bool(np.all(np.diff(steps) > 0) and np.all(steps == np.floor(steps)) and np.all(steps >= 0))
    if not counts:
        raise Unreadable(f"its shape is {values.shape}, and the first column does not count steps")
    titles = ["loss"] if values.shape[1] == 2 else [f"column {k + 1}" for k in range(1, values.shape[1])]
    return [
        run_from_series(
            name, "array", {t: (steps, values[:, k + 1]) for k, t in enumerate(titles)}, source=None
        )
    ]


_OBJECT_READERS: Sequence[Callable[[Any, str, int], list[LoggedRun] | None]] = (
    _frame,
    _series,
    _keras,
    _finder,
    _fastai,
    _trainer,
    _study,
    _estimator,
    _mapping,
    _rows,
    _numbers,
)
"""Asked in this order: histories before plain containers, since some histories are containers too."""


def _columns(
    columns: Mapping[Any, Any], name: str, format: str, warnings: Iterable[str] = ()
) -> list[LoggedRun]:
    """Columns of numbers of the same rows."""
    table = RunTable(name, format, None)
    table.warnings += warnings
    arrays: dict[str, Values] = {}
    for key, cells in columns.items():
        values = _array(cells)
        if values is not None and values.ndim == 1 and values.size:
            arrays[str(key)] = values
    if not arrays:
        raise Unreadable("it holds no columns of numbers")
    if len({a.size for a in arrays.values()}) > 1:
        table.warnings.append("Its columns differ in length: each was counted from its own beginning.")
    table.add(max(a.size for a in arrays.values()), {n: (np.arange(a.size), a) for n, a in arrays.items()})
    if table.rows and "epoch" not in arrays and len(arrays) <= 2:
        # Someone who hands over an array knows that it is counted from 1.
        return [_without_remark(run) for run in table.runs()]
    return table.runs()


def _without_remark(run: LoggedRun) -> LoggedRun:
    kept = tuple(w for w in run.warnings if "rows were counted" not in w)
    return LoggedRun(run.name, run.format, run.curves, run.source, kept, run.lr, run.epoch)


def _scalar(value: Any) -> Any:
    """A tensor or array of one number as that number; anything else as it is."""
    if isinstance(value, float | int | str | Mapping) or value is None:
        return value
    array = _array(value)
    return float(array.reshape(())) if array is not None and array.size == 1 else value


def _array(values: Any) -> NDArray[np.float64] | None:
    """Anything that is numbers as an array of floats; None where it is something else."""
    if isinstance(values, str | bytes | Mapping) or values is None:
        return None
    for leave in ("detach", "cpu"):  # a tensor that still has its history, or lies on a device
        step = _get(values, leave)
        if callable(step):
            values = step()
    try:
        if isinstance(values, list | tuple) and values and any(v is None for v in values):
            values = [np.nan if v is None else v for v in values]
        if isinstance(values, list | tuple) and values and callable(_get(values[0], "detach")):
            values = [_array(v) for v in values]
        array = np.asarray(values)
        if array.dtype.kind in "fiu":
            return array.astype(np.float64)
        if array.dtype.kind == "O" and array.size:
            return array.astype(np.float64)
    except Exception:  # another library's conversion may raise anything
        return None
    return array.astype(np.float64) if array.dtype.kind == "f" else None
