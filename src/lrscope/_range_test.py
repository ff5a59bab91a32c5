"""The public functions on range tests: `range_test` runs one, `read_range_test` reads one that somebody logged."""

from __future__ import annotations

import html
import math
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from lrscope._progress import observer_of
from lrscope.curves import Plan
from lrscope.errors import UsageError
from lrscope.readers import LoggedRun, from_object, read
from lrscope.search.assemble import assemble, fixed_config, source_of
from lrscope.search.outcome import Outcome
from lrscope.search.progress import Observer
from lrscope.search.range_test.answer import RangeTestAnswer, answer_of
from lrscope.search.range_test.planner import RangeTestPlanner
from lrscope.search.range_test.ramp_curve import FEWEST_RAMP_LOSSES, ramp_curve
from lrscope.search.range_test.readings import RuleReading
from lrscope.search.range_test.result import RangeTest
from lrscope.statistics.estimate import Estimate
from lrscope.training.engine.base import Engine
from lrscope.training.source.base import Source
from lrscope.training.source.function.ramp import Ramp, RampSource
from lrscope.vocabulary import choose_metric, goal_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lrscope.views.shared.sections import Report

__all__ = ["RangeTestResult", "range_test", "read_range_test"]

INTERVAL_LEVEL = 0.9
"""Nominal coverage of intervals."""

Losses = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Rates and losses of one ramp as observed, shape (n,) each."""


class RangeTestResult:
    """What a range test found.

    Attributes
    ----------
    test : RangeTest
        Its ramps as observed, its answer, and of a test that lrscope ran, the outcome with runs and cost.
    """

    def __init__(self, test: RangeTest) -> None:
        self.test = test

    @property
    def answer(self) -> RangeTestAnswer:
        """The answer with its reason and its warnings."""
        return self.test.answer

    @property
    def ramps(self) -> Sequence[Losses]:
        """Rates and losses of each ramp, as observed."""
        return self.test.ramps

    @property
    def outcome(self) -> Outcome | None:
        """Runs, cost and decisions of a test that lrscope ran; None of one that was read."""
        return self.test.outcome

    @property
    def lr(self) -> Estimate | None:
        """The rate that the first rule names; None where none can be read off (`answer.reason` says why)."""
        return self.answer.lr

    @property
    def cliff(self) -> Estimate | None:
        """Where ramps had lost their improvement; None where most did not."""
        return self.answer.cliff

    @property
    def metric(self) -> str | None:
        """The losses that were read."""
        return self.answer.metric

    @property
    def readings(self) -> tuple[RuleReading, ...]:
        """One a rule: `rule`, `lr` (an Estimate), and `alone`, the rates that it names on each ramp by itself."""
        return self.answer.readings

    @property
    def warnings(self) -> tuple[str, ...]:
        """Every caveat, a sentence each."""
        return self.answer.warnings

    @property
    def finished(self) -> bool:
        """False where Ctrl-C ended the test before all ramps were run."""
        return self.outcome is None or self.outcome.finished

    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """Draw the losses against the rising rate, with what each rule says; write it where a path is given.

        Needs matplotlib (``pip install 'lrscope[plot]'``).
        """
        from lrscope.views.range_test.facts import collect
        from lrscope.views.range_test.figure import draw

        figure = draw(collect(self.test))
        if path is not None:
            figure.savefig(path)
        return figure

    def report(self, path: str | os.PathLike[str]) -> Path:
        """Write the report: one HTML file that opens without network."""
        from lrscope.views.shared.page import write

        return write(self.told(), path)

    def told(self) -> Report:
        """The result in sections, from which text and page are made."""
        from lrscope.views.range_test.sections import report

        return report(self.test)

    def to_dict(self) -> dict[str, Any]:
        """The document that ``lrscope range-test --json`` prints, schema ``lrscope.range-test/1``."""
        from lrscope.views.range_test.document import range_test_document
        from lrscope.views.range_test.facts import collect

        return range_test_document(collect(self.test))

    def __str__(self) -> str:
        return self._text()

    def __repr__(self) -> str:
        found = "nothing read off" if self.lr is None else f"lr={self.lr.value:g}"
        return f"<RangeTestResult of {self.test.name}: {found}, {len(self.ramps)} ramps>"

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self._text(width=110, encoding='utf-8'))}</pre>"

    def _text(self, **options: Any) -> str:
        from lrscope.views.shared.text import render

        return render(self.told(), **options)


def range_test(
    source: Callable[..., Any] | str | Source,
    *,
    low: float = 1e-5,
    high: float = 10.0,
    steps: int = 100,
    ramps: int = 5,
    metric: str | None = None,
    goal: Literal["min", "max"] | None = None,
    config: Mapping[str, Any] | None = None,
    jobs: int = 1,
    engine: Literal["serial", "processes", "ray"] | Engine | None = None,
    out: str | os.PathLike[str] | None = None,
    fresh: bool = False,
    progress: bool | Observer | None = None,
) -> RangeTestResult:
    """Run the learning-rate range test: short runs whose rate rises at every step.

    Parameters
    ----------
    source : callable, str or Source
        What is trained: a function that follows a changing rate (a generator ``lr = (yield loss) or lr``, a callback
        that reads ``run.lr`` at each step), or its place as ``"file.py:name"``.
    low, high : float
        Rates of the first and the last step.
    steps : int, default 100
        Steps of a ramp: what the finders take whose answer it is to give.
    ramps : int, default 5
        Ramps, each with a seed of its own: fewer leave the spread over seeds a guess.
    metric, goal, config, jobs, engine, out, fresh, progress
        As for `scan`. The metric is by default the loss that is reported most often.

    Raises
    ------
    UsageError
        If an argument is wrong, `SourceError` if the source cannot change its rate while it runs.
    InconclusiveError
        If all runs failed.
    StoreError
        If results cannot be written.

    Examples
    --------
    >>> def train(lr, seed):
    ...     w = 1.0
    ...     while True:
    ...         w -= lr * 2 * w
    ...         lr = (yield w * w) or lr
    >>> result = range_test(train, low=1e-3, high=10, ramps=1)
    >>> 0.01 < result.lr.value < 1
    True
    """
    for name, value in (("steps", steps), ("ramps", ramps), ("jobs", jobs)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise UsageError(f"{name} must be a whole number of at least 1, not {value!r}.")
    if goal not in ("min", "max", None):
        raise UsageError(f"goal must be 'min' or 'max', not {goal!r}.")
    fixed = fixed_config(config)
    trained = RampSource(source_of(source, parameters=("lr", *fixed)), Ramp(low, high, steps))
    plan = Plan((low, high), tuple(range(ramps)), steps, float(ramps), metric, goal, fixed=fixed)
    with ExitStack() as stack:
        observer = observer_of(progress, stack)
        session = stack.enter_context(
            assemble(
                trained,
                RangeTestPlanner(),
                plan,
                kind="range test",
                engine=engine,
                jobs=jobs,
                out=None if out is None else Path(out),
                fresh=fresh,
                observer=observer,
            )
        )
        return RangeTestResult(RangeTest.of(session.run()))


def read_range_test(source: Any, *, metric: str | None = None) -> RangeTestResult:
    """What does each rule say of a ramp that somebody ran, and how firmly?

    Parameters
    ----------
    source : path or object
        A log of any known format that holds the learning rate; fastai's Learner or Recorder after `lr_find`, the
        result of Lightning's, torch-lr-finder's finder, the `get_results()` of Ignite's; a mapping or data frame of
        columns ``lr`` and ``loss``. Or a list of such, taken for repetitions of one ramp with other seeds.
    metric : str, optional
        The loss to read. Default: a loss by its name.

    Raises
    ------
    UsageError
        If no losses with a rising rate are found, or too few.

    Examples
    --------
    >>> lr = [1e-4 * 10 ** (k / 20) for k in range(81)]
    >>> loss = [1 / (1 + 30 * r) + r**3 for r in lr]
    >>> read_range_test({"lr": lr, "loss": loss}).readings[0].rule
    'lost / 10'
    """
    several = isinstance(source, list | tuple) and bool(source) and not isinstance(source[0], int | float)
    runs: list[LoggedRun] = []
    for one in source if several else [source]:
        runs += read(one) if isinstance(one, str | os.PathLike) else from_object(one)
    names = {name for run in runs for name, curve in run.curves.items() if len(curve) >= FEWEST_RAMP_LOSSES}
    chosen = metric or choose_metric(names)
    logged = [_rising(run, chosen) for run in runs if chosen is not None and chosen in run.curves]
    found = [one for one in logged if one is not None]
    if chosen is None or not found:
        raise UsageError(
            f"No ramp was found. One needs at least {FEWEST_RAMP_LOSSES} losses, each at a higher rate than the "
            "one before, under the names lr and loss."
        )
    longest = max(found, key=lambda one: one[0].size)[0]
    curves = []
    for lr, loss in found:
        if not np.allclose(lr, longest[: lr.size], rtol=0.05):
            raise UsageError("The ramps go through different rates; read them one by one.")
        # What a finder that stopped early did not come to any more had been lost.
        one = ramp_curve(longest, np.concatenate([loss, np.full(longest.size - loss.size, math.nan)]))
        if one is not None:
            curves.append(one)
    if not curves:
        raise UsageError(
            f"Training diverged before {FEWEST_RAMP_LOSSES} losses had come, so no rate can be read off."
        )
    said = tuple(dict.fromkeys(text for run in runs for text in run.warnings))
    name = os.fspath(source) if isinstance(source, str | os.PathLike) else type(source).__name__
    answer = answer_of(curves, metric=chosen, goal=goal_of(chosen), level=INTERVAL_LEVEL, caveats=said)
    return RangeTestResult(RangeTest(name, answer, found, curves))


def _rising(run: LoggedRun, metric: str) -> Losses | None:
    """Rates and losses of the stretch over which the rate rises; None where it does not."""
    curve = run.curves[metric]
    if curve.lr is None:
        return None
    lr, loss = np.asarray(curve.lr), np.asarray(curve.loss)
    known = np.isfinite(lr) & (lr > 0)
    lr, loss = lr[known], loss[known]
    if lr.size < FEWEST_RAMP_LOSSES or not np.all(np.diff(lr) > 0):
        return None
    # Rules speak of decades, and the smoother of even spacing; a linear ramp is put on a log grid.
    even = np.geomspace(lr[0], lr[-1], lr.size)
    if not np.allclose(lr, even, rtol=0.05):
        loss, lr = np.interp(np.log(even), np.log(lr), loss), even
    return lr, loss
