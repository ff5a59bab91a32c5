"""Rows with columns, as CSV, JSON lines and data frames have them, to runs.

A table says in many ways which step a row is of: a column of its own, a counter that begins again each epoch,
an epoch only, or nothing at all. It may hold several runs one below the other, one value a row with the
metric's name beside it, or one run a column. All of that is told apart here, once for all such formats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lrscope.readers.base import LoggedRun, Unreadable
from lrscope.readers.series import MOST_METRICS, Series, run_from_series
from lrscope.vocabulary import direction, learning_rate
from lrscope.vocabulary.counters import (
    holds_metric_names,
    holds_values,
    is_epoch,
    is_row_number,
    is_run,
    is_seed,
    step_rank,
)

Rows = NDArray[np.int64]
Values = NDArray[np.float64]

_MOST_TABLE_RUNS = 5_000
_MOST_WORK = 300_000_000  # rows times runs: a hostile table must not keep us busy for hours


class RunTable:
    """Takes blocks of rows, then gives runs. Columns are sparse: a cell that is not there takes no room."""

    def __init__(self, name: str, format: str, source: Path | None) -> None:
        self.name = name
        self.format = format
        self.source = source
        self.rows = 0
        self.warnings: list[str] = []
        self.lr: float | None = None
        """The run's one learning rate, where the log names it outside of the rows."""
        self._columns: dict[str, list[tuple[Rows, Values]]] = {}
        self._labels: dict[str, list[tuple[Rows, list[str]]]] = {}
        self._left_out: set[str] = set()

    def add(
        self,
        rows: int,
        columns: Mapping[str, tuple[Rows | None, Values]],
        labels: Mapping[str, tuple[Rows, list[str]]] | None = None,
    ) -> None:
        """Append a block of `rows` rows.

        Parameters
        ----------
        columns : mapping of str to (rows, values)
            The rows of this block that have a number in the column (None: all of them), and the numbers.
        labels : mapping of str to (rows, strings)
            Text cells, of columns that may name runs or metrics.
        """
        for name, (at, values) in columns.items():
            if not values.size:
                continue
            if name not in self._columns and len(self._columns) >= MOST_METRICS:
                self._left_out.add(name) if len(self._left_out) < MOST_METRICS else None
                continue
            where = np.arange(rows, dtype=np.int64) if at is None else at
            self._columns.setdefault(name, []).append((where + self.rows, values))
        for name, (at, strings) in (labels or {}).items():
            if strings:
                self._labels.setdefault(name, []).append((at + self.rows, strings))
        self.rows += rows

    def runs(self) -> list[LoggedRun]:
        """The runs that the rows tell of.

        Raises
        ------
        Unreadable
            If there is no column of numbers but counters.
        """
        if self._left_out:
            self.warnings.append(f"Only the first {MOST_METRICS} columns were read.")
        columns = {
            name: (np.concatenate([r for r, _ in parts]), np.concatenate([v for _, v in parts]))
            for name, parts in self._columns.items()
        }
        codes = {name: self._coded(parts) for name, parts in self._labels.items()}
        columns = _unpivoted(columns, codes)
        step_name, step = self._step(columns)
        epoch_name = next((n for n in columns if is_epoch(n)), None)
        metrics = [
            n
            for n in columns
            if n != step_name and not (is_row_number(n) and len(columns) > 1) and n != epoch_name
        ]
        if not metrics:
            raise Unreadable("it has no column of numbers besides counters")
        groups = self._groups(columns, codes, step)
        most = max(1, min(_MOST_TABLE_RUNS, _MOST_WORK // max(1, self.rows)))
        if len(groups) > most:
            self.warnings.append(f"The table holds {len(groups)} runs; only the first {most} were read.")
            groups = groups[:most]
        runs: list[LoggedRun] = []
        for label, members in groups:
            inside = None
            if members is not None:
                inside = np.zeros(self.rows, dtype=np.bool_)
                inside[members] = True
            chosen = columns if inside is None else {n: _within(c, inside) for n, c in columns.items()}
            told = list(self.warnings)
            if step is None:
                at = self._without_steps(chosen, epoch_name, members, told)
            elif epoch_name is None:
                at = step
            else:
                at = _across_epochs(step, chosen[epoch_name], members)
            at = _gone_on(at, chosen, metrics, members, told)
            series: dict[str, Series] = {n: (at[chosen[n][0]], chosen[n][1]) for n in metrics}
            if epoch_name is not None:
                where, values = chosen[epoch_name]
                series[epoch_name] = (at[where], values)
            runs += self._by_column(label, series, told)
        return runs

    def _coded(self, parts: list[tuple[Rows, list[str]]]) -> tuple[NDArray[np.int64], list[str]]:
        """A text column as one number a row (-1: nothing there) and what the numbers stand for."""
        codes = np.full(self.rows, -1, dtype=np.int64)
        known: dict[str, int] = {}
        for at, strings in parts:
            codes[at] = [known.setdefault(s, len(known)) for s in strings]
        return codes, list(known)

    def _step(self, columns: Mapping[str, tuple[Rows, Values]]) -> tuple[str | None, Values | None]:
        """The column that counts steps, filled for every row; none where there is none to be trusted."""
        best: tuple[tuple[int, int], str] | None = None
        for name, (rows, values) in columns.items():
            rank = step_rank(name)
            if rank is None or rows.size < 0.5 * self.rows:
                continue
            counter = np.isfinite(values) & (values == np.floor(values)) & (values >= 0)
            if np.count_nonzero(counter) < 0.9 * values.size or (
                values.size > 2 and np.ptp(values[counter]) == 0
            ):
                continue
            key = (0 if rows.size >= 0.9 * self.rows else 1, rank)
            if best is None or key < best[0]:
                best = (key, name)
        found = best[1] if best is not None else self._counting(columns)
        return (None, None) if found is None else (found, _filled(columns[found], self.rows))

    def _counting(self, columns: Mapping[str, tuple[Rows, Values]]) -> str | None:
        """A first column that counts by equal amounts, whatever its name: "Schritt", "étape", "k"."""
        name = next(iter(columns), None)
        if name is None or len(columns) < 2 or is_epoch(name):
            return None
        rows, values = columns[name]
        if rows.size < max(3, 0.9 * self.rows) or direction(name) is not None:
            return None
        apart = np.diff(values)
        whole = bool(np.all(values == np.floor(values))) and values[0] >= 0
        return name if whole and apart[0] > 0 and bool(np.all(apart == apart[0])) else None

    def _without_steps(
        self,
        columns: Mapping[str, tuple[Rows, Values]],
        epoch_name: str | None,
        members: Rows | None,
        told: list[str],
    ) -> Values:
        """Epochs as steps where each has one value a metric, else the rows' numbers, counted from 1."""
        if epoch_name is not None:
            where, values = columns[epoch_name]
            if where.size and np.all(values == np.floor(values)) and np.all(values >= 0):
                epoch = _filled((where, values), self.rows)
                others = [epoch[r] for n, (r, _) in columns.items() if n != epoch_name and r.size > 1]
                crowded = sum(bool(np.any(np.diff(e) == 0)) for e in others)
                if not crowded:
                    return epoch
        told.append("The log has no column that counts steps: its rows were counted instead.")
        counted = np.arange(1, self.rows + 1, dtype=np.float64)
        if members is not None:
            counted[members] = np.arange(1, members.size + 1)
        return counted

    def _groups(
        self,
        columns: Mapping[str, tuple[Rows, Values]],
        codes: Mapping[str, tuple[NDArray[np.int64], list[str]]],
        step: Values | None,
    ) -> list[tuple[str | None, Rows | None]]:
        """The runs that lie one below the other in one table, as (label, rows)."""
        single: list[tuple[str | None, Rows | None]] = [(None, None)]
        if self.rows < 2:
            return single
        keys: list[tuple[str, NDArray[np.int64], list[str]]] = []
        for name, (code, known) in codes.items():
            if is_run(name) and 1 < len(known) <= _MOST_TABLE_RUNS:
                keys.append((name, code, known))
        step_clash = step is None or bool(np.any(np.diff(step) < 0))
        rate_name = learning_rate(columns)
        for name in columns:
            rate = name == rate_name
            if not (is_run(name) or (step_clash and (is_seed(name) or rate))):
                continue
            rows, values = columns[name]
            if rows.size < self.rows:
                continue
            distinct, code = np.unique(values, return_inverse=True)
            if 1 < distinct.size <= _MOST_TABLE_RUNS and distinct.size <= self.rows // 2:
                keys.append((name, code.astype(np.int64), [f"{name}={v:g}" for v in distinct]))
        named = [k for k in keys if is_run(k[0])]
        if named:
            return _split([named[0]], self.rows)
        if step is None:
            return single
        # A seed or a rate tells runs apart only where it makes the steps of each run increase.
        for chosen in (
            [k for k in keys if is_seed(k[0])],
            [k for k in keys if not is_seed(k[0])],
            keys,
        ):
            if not chosen:
                continue
            groups = _split(chosen, self.rows)
            if all(r is not None and r.size >= 2 and bool(np.all(np.diff(step[r]) > 0)) for _, r in groups):
                return groups
        return single

    def _by_column(
        self, label: str | None, series: Mapping[str, Series], told: Sequence[str]
    ) -> list[LoggedRun]:
        """One run, or one for each column where a page exported them side by side ("run - metric")."""
        name = self.name if label is None else f"{self.name}/{label}"
        bounds = {n for n in series if n.endswith(("__MIN", "__MAX")) and n[:-5] in series}
        kept = {n: s for n, s in series.items() if n not in bounds}
        parts = {n: n.split(" - ", 1) for n in kept}
        if bounds and all(len(p) == 2 for p in parts.values()):
            side: dict[str, dict[str, Series]] = {}
            for n, (run, metric) in parts.items():
                side.setdefault(run, {})[metric] = kept[n]
            return [self._one(f"{name}/{run}", columns, told) for run, columns in side.items()]
        return [self._one(name, kept, told)]

    def _one(self, name: str, series: Mapping[str, Series], told: Sequence[str]) -> LoggedRun:
        return run_from_series(name, self.format, series, source=self.source, warnings=told, lr=self.lr)


def _filled(column: tuple[Rows, Values], rows: int) -> Values:
    """A sparse column with each gap filled by what stood last before it (by the first, at the top)."""
    at, values = column
    present = np.zeros(rows, dtype=np.int64)
    present[at] = 1
    return values[np.maximum(np.cumsum(present) - 1, 0)]


def _within(column: tuple[Rows, Values], inside: NDArray[np.bool_]) -> tuple[Rows, Values]:
    keep = inside[column[0]]
    return column[0][keep], column[1][keep]


def _split(
    keys: Sequence[tuple[str, NDArray[np.int64], list[str]]], rows: int
) -> list[tuple[str | None, Rows | None]]:
    """Rows by equal keys, in the order of first appearance."""
    joined = np.zeros(rows, dtype=np.int64)
    for _, code, known in keys:
        joined = joined * (len(known) + 1) + (code + 1)
        joined = np.unique(joined, return_inverse=True)[1].astype(np.int64)  # keeps the product small
    _, first, inverse = np.unique(joined, return_index=True, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(inverse))[:-1])
    groups: list[tuple[str | None, Rows | None]] = []
    for k in np.argsort(first, kind="stable"):
        row = first[k]
        label = ", ".join(known[code[row]] if code[row] >= 0 else "(unnamed)" for _, code, known in keys)
        groups.append((label, parts[k].astype(np.int64)))
    return groups


def _across_epochs(step: Values, epoch: tuple[Rows, Values], members: Rows | None) -> Values:
    """Steps that begin again in each epoch, laid end to end; other steps as they are.

    A counter is taken for one that begins again if it drops to where it started, and the epoch goes up, at
    nine of ten drops. A restart from a checkpoint drops too, but there the epoch does not go up.
    """
    where = np.arange(step.size) if members is None else members
    at = step[where]
    if at.size < 3 or epoch[0].size == 0:
        return step
    held = _filled(epoch, step.size)[where]
    drops = np.flatnonzero(np.diff(at) < 0) + 1
    if not drops.size:
        return step
    gaps = np.diff(at)
    every = float(np.median(gaps[gaps > 0])) if np.any(gaps > 0) else 1.0
    start = float(at.min())
    again = (at[drops] <= start + every) & (held[drops] > held[drops - 1])
    if np.count_nonzero(again) < 0.9 * drops.size:
        return step
    period = float(at.max()) - start + every
    lap = np.zeros(at.size)
    lap[drops] = 1
    whole = step.copy()
    whole[where] = at + period * np.cumsum(lap)
    return whole


def _gone_on(
    step: Values,
    columns: Mapping[str, tuple[Rows, Values]],
    metrics: Sequence[str],
    members: Rows | None,
    told: list[str],
) -> Values:
    """Steps of a resumed run whose count began again at its start, laid end to end; others as they are.

    A run begun anew in the same file begins its count again as well. They are told apart by where the metric
    stands: a resumed run goes on where it was, a new one returns to where the first began.
    """
    where = np.arange(step.size) if members is None else members
    at = step[where]
    drops = np.flatnonzero(np.diff(at) < 0) + 1
    judged = next((n for n in metrics if columns[n][0].size == where.size), None)
    if not 0 < drops.size <= 20 or judged is None:
        return step
    every = float(np.median(np.diff(at)[np.diff(at) > 0])) if np.any(np.diff(at) > 0) else 1.0
    values = columns[judged][1]
    middle = [float(np.median(values[i : i + 3])) for i in drops]
    before = [float(np.median(values[max(i - 3, 0) : i])) for i in drops]
    began = float(values[0])
    resumed = [
        abs(after - last) < 0.3 * abs(began - last) for after, last in zip(middle, before, strict=True)
    ]
    if not all(resumed) or np.any(at[drops] > at[0] + every):
        return step
    told.append(
        f"The count of steps began again {drops.size} time(s) while {judged!r} went on where it was: "
        "a resumed run, whose count goes on here."
    )
    shift = np.zeros(at.size)
    shift[drops] = at[drops - 1] + every - at[drops]
    whole = step.copy()
    whole[where] = at + np.cumsum(shift)
    return whole


def _unpivoted(
    columns: dict[str, tuple[Rows, Values]], codes: Mapping[str, tuple[NDArray[np.int64], list[str]]]
) -> dict[str, tuple[Rows, Values]]:
    """One column a metric, where the table has one value a row and the metric's name beside it."""
    label = next((n for n in codes if holds_metric_names(n) and len(codes[n][1]) <= MOST_METRICS), None)
    value = next((n for n in columns if holds_values(n)), None)
    if label is None or value is None:
        return columns
    code, known = codes[label]
    rows, values = columns[value]
    here = code[rows]
    wide = {n: c for n, c in columns.items() if n != value}
    order = np.argsort(here, kind="stable")
    for mine in np.split(order, np.flatnonzero(np.diff(here[order])) + 1):
        if mine.size and here[mine[0]] >= 0 and known[here[mine[0]]] not in wide:
            wide[known[here[mine[0]]]] = (rows[mine], values[mine])
    return wide
