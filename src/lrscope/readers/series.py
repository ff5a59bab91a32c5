"""From steps and values in the order in which they were logged to a `LoggedRun`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lrscope.curves.curve import LossCurve
from lrscope.readers.base import LoggedRun
from lrscope.vocabulary import learning_rate
from lrscope.vocabulary.counters import is_epoch

MOST_METRICS = 10_000
"""Of more metrics than this in one run, the rest are left out: such a log has something else in its names."""

Series = tuple[NDArray[np.float64] | NDArray[np.int64], NDArray[np.float64]]
"""(steps, values), each of shape (n,), in the order in which they were logged."""


def clean(steps: ArrayLike, values: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.float64], int, int]:
    """Sort by step; of several values for one step, the one logged last stays.

    Returns
    -------
    steps, values : arrays of shape (n,)
    replaced : int
        Values that gave way to a later, different one for the same step.
    dropped : int
        Values whose step is negative, no number, or beyond any counter.
    """
    at = np.asarray(steps)
    value = np.asarray(values, dtype=np.float64)
    if at.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            good = (at >= 0) & (at < 2.0**62)
        whole = np.where(good, at, 0).astype(np.int64)
    else:
        good = at >= 0
        whole = at.astype(np.int64)
    dropped = int(good.size - np.count_nonzero(good))
    if dropped:
        whole, value = whole[good], value[good]
    replaced = 0
    if whole.size > 1 and not np.all(whole[1:] > whole[:-1]):
        order = np.argsort(whole, kind="stable")
        whole, value = whole[order], value[order]
        last = np.append(whole[1:] != whole[:-1], True)
        other = (value[1:] != value[:-1]) & ~(np.isnan(value[1:]) & np.isnan(value[:-1]))
        replaced = int(np.count_nonzero(~last[:-1] & other))
        whole, value = whole[last], value[last]
    return whole, value, replaced, dropped


def run_from_series(
    name: str,
    format: str,
    series: Mapping[str, Series],
    *,
    source: Path | None,
    warnings: Sequence[str] = (),
    lr: float | None = None,
    quiet: bool = False,
) -> LoggedRun:
    """Put a run together: find its learning rate and its epochs by name, and make the rest its curves.

    Parameters
    ----------
    lr : float or None
        The one learning rate of the whole run, where the log names it elsewhere; one logged by step wins.
    quiet : bool
        Do not mention values that gave way to later ones (where the format merges several files anyway).
    """
    told = list(warnings)
    replaced = dropped = 0
    cleaned: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]] = {}
    if len(series) > MOST_METRICS:
        told.append(f"{len(series)} metrics were logged; only the first {MOST_METRICS} were read.")
    for metric in list(series)[:MOST_METRICS]:
        steps, values, again, bad = clean(*series[metric])
        replaced += again
        dropped += bad
        if steps.size:
            cleaned[metric] = (steps, values)
    if replaced and not quiet:
        told.append(
            f"{replaced} value(s) were logged for a step that had one already (a restart?); "
            "the later ones were kept."
        )
    if dropped:
        told.append(f"{dropped} value(s) with a step below zero or without a step were left out.")

    rate_name = learning_rate(cleaned)
    if rate_name is not None and len(cleaned) == 1:
        rate_name = None  # a log of nothing but the rate: then that is its curve
    epoch_name = next((n for n in cleaned if is_epoch(n)), None) if len(cleaned) > 1 else None
    rate = _curve(cleaned.pop(rate_name), rate_name) if rate_name is not None else None
    epoch = _curve(cleaned.pop(epoch_name), epoch_name) if epoch_name is not None else None
    curves = {}
    for metric, (steps, values) in cleaned.items():
        curves[metric] = LossCurve(steps, values, _in_use(rate, lr, steps), metric)
    return LoggedRun(name, format, curves, source, tuple(told), rate, epoch)


def _curve(data: tuple[NDArray[np.int64], NDArray[np.float64]], name: str) -> LossCurve:
    return LossCurve(*data, name=name)


def _in_use(
    rate: LossCurve | None, constant: float | None, steps: NDArray[np.int64]
) -> NDArray[np.float64] | None:
    """The rate logged last at or before each step; NaN before the first."""
    if rate is None:
        return None if constant is None else np.full(steps.size, constant)
    at = np.searchsorted(rate.step, steps, side="right") - 1
    return np.where(at < 0, np.nan, rate.loss[np.maximum(at, 0)])
