"""The public functions on logs: `diagnose` says what state training is in, and the tools answer one question
each."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lrscope.diagnosis.backtest import Replay
from lrscope.diagnosis.base import Advice, Diagnosis, Regime
from lrscope.diagnosis.examine import Asked, Examined, examine
from lrscope.diagnosis.patience import Patience
from lrscope.diagnosis.stepping import Finding
from lrscope.errors import UsageError
from lrscope.readers import from_object, read

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["DiagnosisResult", "backtest", "check_stepping", "diagnose", "patience"]


class DiagnosisResult:
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

    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """Draw the curves (at most six runs) with their segments coloured by verdict; write them to a path.

        Needs matplotlib (``pip install 'lrscope[plot]'``).
        """
        from lrscope.views.diagnosis.figure import draw

        figure = draw(self.runs)
        if path is not None:
            figure.savefig(path)
        return figure

    def report(self, path: str | os.PathLike[str]) -> Path:
        """Write the report: one HTML file that opens without network."""
        from lrscope.views.diagnosis.sections import report
        from lrscope.views.shared.page import write

        return write(report(self.source, self.runs, self.reason, self.warnings), path)

    def to_dict(self) -> dict[str, Any]:
        """The document that ``lrscope diagnose --json`` prints, schema ``lrscope.diagnosis/1``."""
        from lrscope.views.diagnosis.document import diagnosis_document

        return diagnosis_document(
            self.source, self.runs, self.regime, self.advice, self.reason, self.warnings
        )

    def __str__(self) -> str:
        from lrscope.views.diagnosis.sections import report
        from lrscope.views.shared.text import render

        return render(report(self.source, self.runs, self.reason, self.warnings))

    def __repr__(self) -> str:
        return f"<DiagnosisResult of {self.source}: {self.regime.value}, {self.advice.value}>"


def diagnose(
    source: Any,
    *,
    metric: str | None = None,
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
        The curve to judge. Default: by its name, a validation loss before a training loss.
    goal : {"min", "max"}, optional
        Whether less or more of it is better. Default: by its name.
    epoch_steps : float, optional
        Steps in an epoch. Default: as logged.
    plain_sgd : bool, optional
        Whether the optimiser is gradient descent without momentum. Default: seen from the norms, if logged.
    percent, false_cuts : float
        For `patience`: the descent per report to be seen, in per cent of what was gained, and the share of
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
    logged = read(source) if is_path else from_object(source)
    runs, skipped = [], []
    for run in logged:
        try:
            runs.append(examine(run, asked))
        except UsageError as error:
            if len(logged) == 1:
                raise
            skipped.append(f"{run.name} was left out: {error.message}")
    if not runs:
        raise UsageError(f"None of the {len(logged)} runs could be judged. {skipped[0]}")
    return DiagnosisResult(os.fspath(source) if is_path else type(source).__name__, runs, skipped)


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
