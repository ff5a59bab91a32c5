"""When to measure: as often as helps, as rarely as the cost asks.

Diagnosis looks at the latest 15 to 50 % of a run, so a run that is ten times as long needs measurements a tenth
as often. A cadence is therefore free to widen with the run, to `step / 64` steps, which leaves ten measurements in
its latest 15 %. Within that freedom it measures densely where that is cheap, as beside a large batch, and stretches
where it is dear, as on a small model whose steps take a third of a millisecond.
"""

from __future__ import annotations

from collections import deque
from statistics import median

_UNSEEN_FACTOR = (
    2.0  # beyond its own time, measuring empties caches for as long again: benchmarks/recorder.py
)
_REMEMBERED_COSTS = 9  # medians of so many: a first compilation or a pause for validation does not count


class Cadence:
    """At which steps to measure: at the multiples of `fixed`, or where that is None, by the cost.

    By the cost, measurements are `densest` steps apart at first, and later so far that they take a `share` of the run's
    time, but at least `per_run` of them come while a run doubles. Until the step `early` every 4th is measured (every
    `fixed`-th if that is fewer), for the average of weights changes fast at first.
    """

    def __init__(
        self, fixed: int | None, densest: int, share: float, per_run: int = 64, early: int = 0
    ) -> None:
        self.fixed = fixed
        self._densest = densest
        self._share = share
        self._per_run = per_run
        self._early = early
        self._costs: deque[float] = deque(maxlen=_REMEMBERED_COSTS)
        self._paces: deque[float] = deque(maxlen=_REMEMBERED_COSTS)
        self._next = 0
        self.go_on(0)

    def due(self, step: int) -> bool:
        """Whether this step, the one after the last that `passed` was called for, is to be measured."""
        return step >= self._next

    def passed(self, step: int, cost: float, pace: float) -> None:
        """A step that was due is done: what measuring cost, and how long a step takes, both in seconds."""
        if self.fixed is None and cost > 0 and pace > 0:
            self._costs.append(cost)
            self._paces.append(pace)
        self.go_on(step)

    def go_on(self, step: int) -> None:
        """Find the next step to measure after this one: the next multiple of the present spacing."""
        spacing = self.spacing(step)
        self._next = (step // spacing + 1) * spacing

    def spacing(self, step: int) -> int:
        """Steps between measurements, at this step of the run."""
        if step < self._early:
            return min(4, self.fixed or 4)
        if self.fixed is not None:
            return self.fixed
        if step < self._densest * self._per_run or not self._costs:
            return self._densest
        asked = _UNSEEN_FACTOR * median(self._costs) / (self._share * median(self._paces))
        return max(self._densest, min(int(asked) + 1, step // self._per_run))
