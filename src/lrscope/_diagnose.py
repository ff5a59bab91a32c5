"""The public functions on logs: `diagnose` says what state training is in, and the tools answer one question
each."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lrscope._result import Result
from lrscope.curves.direction import followed_by_best
from lrscope.diagnosis.backtest import Replay
from lrscope.diagnosis.base import Advice, Diagnosis, Regime
from lrscope.diagnosis.examine import Asked, Examined, examine
from lrscope.diagnosis.patience import Patience
from lrscope.diagnosis.stepping import Finding
from lrscope.errors import UsageError
from lrscope.readers import from_object, read
from lrscope.readers.base import LoggedRun
from lrscope.vocabulary import choose_metric, direction, plain_words, same_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lrscope.views.shared.sections import Report

__all__ = ["DiagnosisResult", "backtest", "check_stepping", "diagnose", "patience"]


class DiagnosisResult(Result):
    """What was said of one or several logged runs.

    Attributes
    ----------
    source : str
        What was read: the path, or the kind of object.
    runs : tuple of Examined
        Every run that was judged, with its `diagnosis`, `patience`, `replays` and `stepping`.
    skipped : tuple of str
        Runs that could not be judged, and why, one sentence each.
    """

    def __init__(self, source: str, runs: Sequence[Examined], skipped: Sequence[str] = ()) -> None:
        self.source = source
        self.runs = tuple(runs)
        self.skipped = tuple(skipped)

    @property
    def diagnosis(self) -> Diagnosis:
        """The diagnosis of the only run, or of the first of several."""
        return self.runs[0].diagnosis

    @property
    def regime(self) -> Regime:
        """The state that all runs are in; UNDECIDED where they differ (look at `runs`)."""
        found = {run.diagnosis.regime for run in self.runs}
        return found.pop() if len(found) == 1 else Regime.UNDECIDED

    @property
    def advice(self) -> Advice:
        """What would help all of them; UNDECIDED where that differs."""
        found = {run.diagnosis.advice for run in self.runs}
        return found.pop() if len(found) == 1 else Advice.UNDECIDED

    @property
    def reason(self) -> str:
        """One sentence for a person; for several runs, how many are in which state."""
        if len(self.runs) == 1:
            return self.diagnosis.reason
        counts = Counter(run.diagnosis.regime.value for run in self.runs)
        parts = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in counts.most_common())
        return f"{len(self.runs)} runs: {parts}."

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was lost in reading, and caveats; each sentence once."""
        return tuple(dict.fromkeys([*self.skipped, *(w for run in self.runs for w in run.warnings)]))

    @property
    def decided(self) -> bool:
        """Whether anything could be said of any run."""
        return any(run.diagnosis.regime is not Regime.UNDECIDED for run in self.runs)

    def told(self) -> Report:
        """The result in sections, from which text and page are made."""
        from lrscope.views.diagnosis.sections import report

        return report(self.source, self.runs, self.reason, self.warnings)

    def to_dict(self) -> dict[str, Any]:
        """The document that ``lrscope diagnose --json`` prints, schema ``lrscope.diagnosis/1``."""
        from lrscope.views.diagnosis.document import diagnosis_document

        return diagnosis_document(
            self.source, self.runs, self.regime, self.advice, self.reason, self.warnings
        )

    def __repr__(self) -> str:
        return f"<DiagnosisResult of {self.source}: {self.regime.value}, {self.advice.value}>"

    def _drawn(self) -> Figure:
        """The curves (at most six runs) with their segments coloured by verdict."""
        from lrscope.views.diagnosis.figure import draw

        return draw(self.runs)


def diagnose(
    source: Any,
    *,
    metric: str | None = None,
    pattern: str | None = None,
    goal: Literal["min", "max"] | None = None,
    epoch_steps: float | None = None,
    plain_sgd: bool | None = None,
    percent: float = 1.0,
    false_cuts: float = 0.05,
    processes: int | None = None,
    accumulation: int | None = None,
) -> DiagnosisResult:
    """What state is training in, what would help, and how sure is that?

    Parameters
    ----------
    source : path or object
        A log of any known format or a folder of logs; or numbers (list, array, Series, DataFrame), a
        LossCurve, a LoggedRun, a peer's history object.
    metric : str, optional
        The curve to judge; in console output it is read wherever its name appears. Case, blanks, `_`, `-` and `/`
        do not matter. Default: by its name, a validation loss before a training loss.
    pattern : str, optional
        How to read the lines of console output: a regular expression with named groups, as of a scan
        (``"it=(?P<step>\\d+) .* obj=(?P<loss>\\S+)"``). Default: what is recognised.
    goal : {"min", "max"}, optional
        Whether less or more of it is better. Default: by its name.
    epoch_steps : float, optional
        Steps in an epoch. Default: as logged.
    plain_sgd : bool, optional
        Whether the optimiser is gradient descent without momentum. Default: seen from the norms, if logged.
    percent, false_cuts : float
        For `patience`: the descent per report to be seen, in per cent of the improvement, and the share of
        wrong cuts allowed.
    processes, accumulation : int, optional
        For `check_stepping`: processes in the run, and micro-batches in an optimiser step.

    Returns
    -------
    DiagnosisResult
        Always; where too few points tell, its regime is UNDECIDED and the reason says how many would do.

    Raises
    ------
    UsageError
        If `source` cannot be read, holds no curve to judge, or an argument is wrong.

    Examples
    --------
    >>> result = diagnose([2.0 * 0.97**k + 1 for k in range(60)])
    >>> result.regime.value
    'descending'
    """
    asked = Asked(metric, goal, epoch_steps, plain_sgd, percent, false_cuts, processes, accumulation)
    is_path = isinstance(source, str | os.PathLike)
    if pattern is not None and not is_path:
        raise UsageError("pattern says how to read a file of console output; the source given is no path.")
    logged = read(source, metric=metric, pattern=pattern) if is_path else from_object(source)
    runs, skipped = [], []
    for run in logged:
        try:
            runs.append(examine(run, _for_run(asked, run)))
        except UsageError as error:
            if len(logged) == 1:
                raise
            skipped.append(f"{run.name} was left out: {error.message}")
    if not runs:
        raise UsageError(f"None of the {len(logged)} runs could be judged. {skipped[0]}")
    return DiagnosisResult(os.fspath(source) if is_path else type(source).__name__, runs, skipped)


def _for_run(asked: Asked, run: LoggedRun) -> Asked:
    """What is asked of this run: the metric as it spells it, and the better side where its own `best` tells it.

    A run that logged nothing but norms that are not finite is judged by those: it has diverged.
    """
    curves = run.curves
    metric = asked.metric or choose_metric(curves)
    if metric is None:
        lost = (n for n in curves if "norm" in plain_words(n) and not np.isfinite(curves[n].loss).any())
        return replace(asked, metric=next(lost, None))
    if asked.metric is not None and metric not in curves:
        metric = next((name for name in curves if same_name(name, metric)), metric)
    if asked.goal is None and direction(metric) is None:
        return replace(asked, metric=metric, goal=followed_by_best(metric, curves))
    return asked if asked.metric is None else replace(asked, metric=metric)


def patience(source: Any, *, percent: float = 1.0, false_cuts: float = 0.05, **options: Any) -> Patience:
    """How long should a plateau rule wait on this curve? Reckoned from its own noise, with settings to paste.

    Arguments as of `diagnose`; of a log with several runs, the first counts.
    """
    return diagnose(source, percent=percent, false_cuts=false_cuts, **options).runs[0].patience


def backtest(source: Any, **options: Any) -> dict[str, tuple[Replay, ...]]:
    """Where would each plateau rule have cut the rate? By name of each run; arguments as of `diagnose`."""
    out: dict[str, tuple[Replay, ...]] = {}
    for run in diagnose(source, **options).runs:
        name, k = run.run.name, 2
        while name in out:
            name, k = f"{run.run.name} ({k})", k + 1
        out[name] = run.replays
    return out


def check_stepping(
    source: Any, *, processes: int | None = None, accumulation: int | None = None, **options: Any
) -> tuple[Finding, ...]:
    """Is the schedule stepped as it was meant? Read from the logged rate; arguments as of `diagnose`.

    Raises
    ------
    UsageError
        If the log holds no learning rate.
    """
    run = diagnose(source, processes=processes, accumulation=accumulation, **options).runs[0]
    if run.stepping is None:
        raise UsageError(f"{run.run.name} holds no learning rate per step: log it, and look again.")
    return run.stepping
