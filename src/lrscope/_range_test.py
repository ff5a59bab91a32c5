"""The public function on finders' histories: `read_ramp` shows what every rule says of a ramp that somebody ran."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from lrscope.errors import UsageError
from lrscope.readers import LoggedRun, from_object, read
from lrscope.search.range_test.audit import Reading, audit
from lrscope.search.range_test.ramp_curve import FEWEST, climb
from lrscope.vocabulary import choose_metric

__all__ = ["RampResult", "read_ramp"]


class RampResult:
    """What the rules say of one ramp, or of several that climbed through the same rates.

    Attributes
    ----------
    source : str
        What was read: the path, or the kind of object.
    metric : str
        The losses that were read.
    ramps : int
        How many ramps there were.
    readings : tuple of Reading
        One a rule: `rule`, `lr` (an Estimate), and `alone`, the rates that it names on each ramp by itself.
    warnings : tuple of str
        Caveats, a sentence each.
    """

    def __init__(
        self, source: str, metric: str, ramps: int, readings: Sequence[Reading], warnings: Sequence[str]
    ) -> None:
        self.source = source
        self.metric = metric
        self.ramps = ramps
        self.readings = tuple(readings)
        self.warnings = tuple(warnings)

    def to_dict(self) -> dict[str, Any]:
        """The document that ``lrscope ramp --json`` prints, schema ``lrscope.ramp/1``."""
        from lrscope.views.range_test.document import reading_document

        return reading_document(self.source, self.metric, self.ramps, self.readings, self.warnings)

    def __str__(self) -> str:
        from lrscope.views.range_test.sections import reading_report
        from lrscope.views.shared.text import render

        return render(reading_report(self.source, self.metric, self.ramps, self.readings, self.warnings))

    def __repr__(self) -> str:
        found = ", ".join(f"{one.rule} {one.lr.value:g}" for one in self.readings)
        return f"<RampResult of {self.source}: {found}>"


def read_ramp(source: Any, *, metric: str | None = None) -> RampResult:
    """What does each rule say of this ramp, and how firmly?

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
        If no losses with a climbing rate are found, or too few.

    Examples
    --------
    >>> lr = [1e-4 * 10 ** (k / 20) for k in range(81)]
    >>> loss = [1 / (1 + 30 * r) + r**3 for r in lr]
    >>> read_ramp({"lr": lr, "loss": loss}).readings[0].rule
    'lost / 10'
    """
    several = isinstance(source, list | tuple) and bool(source) and not isinstance(source[0], int | float)
    runs: list[LoggedRun] = []
    for one in source if several else [source]:
        runs += read(one) if isinstance(one, str | os.PathLike) else from_object(one)
    names = {name for run in runs for name, curve in run.curves.items() if len(curve) >= FEWEST}
    chosen = metric or choose_metric(names)
    ramps = [_rising(run, chosen) for run in runs if chosen is not None and chosen in run.curves]
    found = [one for one in ramps if one is not None]
    if chosen is None or not found:
        raise UsageError(
            f"No ramp was found: it takes at least {FEWEST} losses with a learning rate that climbs from one to the "
            "next, under the names lr and loss."
        )
    longest = max(found, key=lambda one: one[0].size)[0]
    climbs = []
    for lr, loss in found:
        if not np.allclose(lr, longest[: lr.size], rtol=0.05):
            raise UsageError("The ramps climb through different rates: read them one by one.")
        # What a finder that stopped early did not come to any more had been lost.
        one = climb(longest, np.concatenate([loss, np.full(longest.size - loss.size, math.nan)]))
        if one is not None:
            climbs.append(one)
    if not climbs:
        raise UsageError(f"Training was lost before {FEWEST} losses had come, so no rate can be read off.")
    return RampResult(
        os.fspath(source) if isinstance(source, str | os.PathLike) else type(source).__name__,
        chosen,
        len(climbs),
        audit(climbs),
        _caveats(runs, len(climbs)),
    )


def _rising(run: LoggedRun, metric: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Rates and losses of the stretch over which the rate climbs; None where it does not."""
    curve = run.curves[metric]
    if curve.lr is None:
        return None
    lr, loss = np.asarray(curve.lr), np.asarray(curve.loss)
    known = np.isfinite(lr) & (lr > 0)
    lr, loss = lr[known], loss[known]
    if lr.size < FEWEST or not np.all(np.diff(lr) > 0):
        return None
    # Rules speak of decades, and the smoother of even spacing; a linear ramp is put on a log grid.
    even = np.geomspace(lr[0], lr[-1], lr.size)
    if not np.allclose(lr, even, rtol=0.05):
        loss, lr = np.interp(np.log(even), np.log(lr), loss), even
    return lr, loss


def _caveats(runs: Sequence[LoggedRun], count: int) -> tuple[str, ...]:
    said = list(dict.fromkeys(text for run in runs for text in run.warnings))
    if count == 1:
        said.append(
            "One ramp: the intervals know the noise of batches, not what another seed would have said."
        )
    said.append("A ramp cannot know how long you will train: none of these is an interval for the best rate.")
    return tuple(said)
