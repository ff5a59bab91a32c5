"""Points that come one by one, in any order, for several runs: databases and journals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lrscope.readers.base import LoggedRun, Unreadable
from lrscope.readers.numbers import number_of
from lrscope.readers.series import MOST_METRICS, Series, run_from_series
from lrscope.vocabulary import learning_rate

_MOST_RUNS = 100_000


class PointCollector:
    """Collects (run, metric, step, value), then gives a run for each."""

    def __init__(self) -> None:
        self._runs: dict[Any, dict[str, tuple[list[float], list[float]]]] = {}
        self._rates: dict[Any, dict[str, float]] = {}
        self._names: dict[Any, str] = {}
        self.odd = 0
        """Points that were left out since they hold no number, or one metric too many."""

    def add(self, run: Any, metric: Any, step: Any, value: Any) -> None:
        """Note one point; what holds no number is counted in `odd`."""
        at, what = number_of(step), number_of(value)
        if at is None or what is None or not isinstance(run, (str, int)) or not isinstance(metric, str):
            self.odd += 1
            return
        metrics = self._runs.get(run)
        if metrics is None:
            if len(self._runs) >= _MOST_RUNS:
                self.odd += 1
                return
            metrics = self._runs[run] = {}
        series = metrics.get(metric)
        if series is None:
            if len(metrics) >= MOST_METRICS:
                self.odd += 1
                return
            series = metrics[metric] = ([], [])
        series[0].append(at)
        series[1].append(what)

    def parameter(self, run: Any, name: Any, value: Any) -> None:
        """Note a run's parameter, of which only a learning rate is kept."""
        rate = number_of(value)
        if (
            isinstance(run, (str, int))
            and isinstance(name, str)
            and rate is not None
            and learning_rate([name])
        ):
            self._rates.setdefault(run, {})[name] = rate

    def call(self, run: Any, name: Any) -> None:
        """Note a run's name."""
        if isinstance(run, (str, int)) and isinstance(name, str) and name:
            self._names[run] = name[:200]

    def runs(self, format: str, source: Path | None, warnings: Sequence[str]) -> list[LoggedRun]:
        """The runs in the order in which they appeared. Raises Unreadable where there are none."""
        told = list(warnings)
        if self.odd:
            told.append(f"{self.odd} entries without a number were passed over.")
        found = []
        for run, metrics in self._runs.items():
            rates = self._rates.get(run, {})
            named = learning_rate(rates)
            series: dict[str, Series] = {m: (np.array(s), np.array(v)) for m, (s, v) in metrics.items()}
            found.append(
                run_from_series(
                    self._names.get(run, str(run)),
                    format,
                    series,
                    source=source,
                    warnings=told,
                    lr=None if named is None else rates[named],
                )
            )
        if not found:
            raise Unreadable(" ".join(told).rstrip(".") or "it holds no measured values")
        return found
