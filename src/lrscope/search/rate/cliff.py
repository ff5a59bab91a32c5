"""Where training diverges: a watch over each run while it trains, and the cliff between the rates.

The two err on purpose in opposite ways. The watch ends a run for good, so it waits until nothing else can be
meant. What it lets pass is caught at the next rung, where such a run ranks last, and in the estimate of
the cliff, which compares runs with each other.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from lrscope.curves import Run, RunKey, RunState, Scan
from lrscope.search.rate.ranking import bad, common_metric, fresh, judge, judge_by, points, reading
from lrscope.statistics.estimate import Estimate
from lrscope.vocabulary import Goal, direction, is_bookkeeping, is_loss, is_return, is_validation

FAR_LOSS_RATIO = 10.0
"""A loss is far above its start when it has risen by this many times the largest of: its size at the
start, the scatter of its first points, and its improvement."""

START_POINTS = 8
"""Points that are read as the start of a curve."""

TRAINED_RUN_SHARE = 1 / 8
"""Share of a full run after which a run that trains is not expected to fall over the cliff any more."""

PATIENCE_POINTS = 10
"""Points in a row that must be far above before the question is asked whether the loss is coming back."""


class _FarStretch:
    """One metric: its start, its best, and the stretch of points far above the start that is going on."""

    __slots__ = (
        *("best", "count", "deep", "due", "far", "first", "half"),
        *("recent", "recent_square", "size", "square", "start", "total"),
    )

    def __init__(self) -> None:
        self.count = 0
        self.start = math.nan
        self.first: list[float] = []
        self.best = math.inf
        self.far = math.inf
        self.deep = -math.inf  # a best below this has outgrown the scale that `far` was made from
        self.begin()

    def begin(self) -> None:
        """Start a new stretch: `total` and `square` of all its points, `recent` of those since its half."""
        self.size, self.half, self.due = 0, PATIENCE_POINTS // 2, PATIENCE_POINTS
        self.total = self.square = self.recent = self.recent_square = 0.0

    def limit(self) -> None:
        """Set `far` anew. The lower half of the first points stands for the start: a blow-up may begin in
        them."""
        low = sorted(self.first)[: START_POINTS // 2]
        self.start = low[1]
        scale = max(max(abs(v) for v in low), low[-1] - low[0], self.start - self.best)
        self.far = self.start + FAR_LOSS_RATIO * scale if scale > 0 else math.inf
        self.deep = self.start - 2.0 * scale

    def above(self, value: float) -> bool:
        """Add a point that lies far above the start; whether it is now certain that the loss stays there.

        Asked at 10, 20, 40 … points: is the second half of the stretch lower than the first, by more than
        twice the standard error of their difference? A spike that comes back is; a blow-up or a new level is
        not.
        """
        risen = value - self.start
        self.size += 1
        self.total += risen
        self.square += risen * risen
        if self.size > self.half:
            self.recent += risen
            self.recent_square += risen * risen
        if self.size < self.due:
            return False
        n = self.size - self.half
        late, early = self.recent / n, (self.total - self.recent) / self.half
        spread = (self.recent_square / n - late * late) / n
        spread += ((self.square - self.recent_square) / self.half - early * early) / self.half
        if not late < early - 2.0 * math.sqrt(max(spread, 0.0)):
            return True
        self.half, self.due = self.size, 2 * self.size
        self.recent = self.recent_square = 0.0
        return False


class DivergenceWatch:
    """Tells when one run has diverged. Called with every point of it, in order; picklable; one instance a
    run.

    A run has diverged when a loss (or the metric that is judged) is not finite, or lies far above its start
    and is not coming back. "Far" is ten times the largest of: the loss's size at the start, the scatter of
    its first points, what it had gained. So the unit of the loss does not matter, and a constant added to it
    can only make the watch more patient. A warm-up bump, or a spike that comes back, is let go on. A metric
    of which more is better never diverges by falling, nor does one whose better side nobody said by rising. Where an
    agent learns by rewards, its losses may rise while it learns: only what is not finite tells there.

    A metric that is NaN before it was ever finite may simply not have been measured yet. It is excused
    once when it belongs to validation or comes before training (step 0), and always while another loss of the
    same step is finite.

    Parameters
    ----------
    metric : str or None
        The metric that is judged, where it is known; watched whatever its name.
    goal : {"min", "max"} or None
        Whether less or more of it is better; None lets its name decide.

    Examples
    --------
    >>> watch = DivergenceWatch()
    >>> watch(1, "loss", 2.3) is None
    True
    >>> watch(2, "loss", float("nan"))
    'loss became nan at step 2'
    """

    def __init__(self, metric: str | None = None, goal: Goal | None = None) -> None:
        self.metric = metric
        self.goal = goal
        self._seen: dict[str, _FarStretch | None] = {}
        self._finite_at = -1  # the last step at which some loss was finite
        self._excused: dict[str, int] = {}
        self._rewarded = metric is not None and is_return(metric)

    def __call__(self, step: int, metric: str, value: float) -> str | None:
        """The reason why the run has diverged, or None to let it go on."""
        try:
            seen = self._seen[metric]
        except KeyError:
            seen = self._seen[metric] = self._meet(metric)
        if seen is None:
            return None
        if value - value != 0.0:  # NaN or infinite
            return self._not_finite(seen, step, metric, value)
        self._finite_at = step
        seen.count += 1
        if seen.count <= START_POINTS:
            seen.first.append(value)
            seen.best = min(seen.best, value)
            if seen.count == START_POINTS and self._less_is_better(metric):
                seen.limit()
            return None
        if value <= seen.far:
            if value < seen.best:
                seen.best = value
                if value < seen.deep:
                    seen.limit()
            if seen.size:
                seen.begin()
            return None
        if seen.above(value):
            return (
                f"{metric} rose from {seen.start:.3g} to {value:.3g} by step {step} "
                f"and was not coming back after {seen.size} points"
            )
        return None

    def _meet(self, metric: str) -> _FarStretch | None:
        """What to keep of a metric met for the first time; None for one that says nothing of divergence."""
        self._rewarded = self._rewarded or is_return(metric)
        if metric == self.metric or is_loss(metric):
            return _FarStretch()
        alone = self.metric is None and not any(self._seen.values())
        plain = not is_bookkeeping(metric) and direction(metric) != "max"
        return _FarStretch() if alone and plain else None

    def _less_is_better(self, metric: str) -> bool:
        named = direction(metric)
        own = metric == self.metric or (self.metric is None and named is None)
        goal = self.goal if self.goal is not None and own else named
        return goal == "min" and (own or not self._rewarded)

    def _not_finite(self, seen: _FarStretch, step: int, metric: str, value: float) -> str | None:
        if math.isnan(value) and seen.count == 0:
            if self._finite_at == step:
                return None
            before = self._excused.get(metric)
            if (step == 0 or is_validation(metric)) and (before is None or self._finite_at >= before):
                self._excused[metric] = step
                return None
        return f"{metric} became {_spell(value)} at step {step}"


def _spell(value: float) -> str:
    return "nan" if math.isnan(value) else "infinite"


def estimate_cliff(scan: Scan) -> Estimate | None:
    """Between which rates training begins to diverge; None where it did not, or did everywhere.

    A run is on the far side when it diverged, or when it ended no better than it started (gained less than
    3 % of the most that any run gained) while a smaller rate, in no more steps, had gained 10 % more. It is on
    the near side when it gained 5 %. Runs between the two, and those that failed, say nothing. The cliff
    lies where the fewest runs stand on the wrong side of it, so one odd run does not move it; where several
    places contradict equally few, the interval holds them all. The value is the geometric middle of the
    interval, whose ends are the largest rate that trained and the smallest that did not.
    """
    trained, lost = sides(scan)
    rates = sorted({*trained, *lost})
    if not trained or not lost:
        return None
    wrong = []
    for place in range(len(rates) + 1):
        below, above = rates[:place], rates[place:]
        wrong.append(sum(lost.get(r, 0) for r in below) + sum(trained.get(r, 0) for r in above))
    least = min(wrong)
    places = [i for i, count in enumerate(wrong) if count == least and 0 < i < len(rates)]
    if not places or wrong[0] == least or wrong[-1] == least:
        return None
    low, high = rates[places[0] - 1], rates[places[-1]]
    odd = f", against {least} run{'s' if least > 1 else ''} on the wrong side" if least else ""
    return Estimate(
        value=math.sqrt(low * high),
        low=low,
        high=high,
        level=scan.plan.level,
        method=f"between the largest rate that trained and the smallest that did not{odd}",
    )


def stated_cliff(scan: Scan) -> Estimate | None:
    """The cliff as it is told, with an interval that allows for how short most runs were.

    A run that trained for a moment may still fall over the cliff, and one that rose for a moment may come back. So
    the interval reaches from a rate that trained for an eighth of a full run to one that diverged, or that had
    as long to train and did not, but no further than a decade beyond what the runs themselves say.
    """
    found, horizon = estimate_cliff(scan), scan.plan.horizon
    if found is None or horizon is None:
        return found
    long = TRAINED_RUN_SHARE * horizon
    trained = [r.lr for r in scan.runs if r.lr <= found.low and r.step >= long and not bad(r)]
    lost = [
        r.lr for r in scan.runs if r.lr >= found.high and (r.state is RunState.DIVERGED or r.step >= long)
    ]
    low = max(max(trained, default=0.0), found.low / 10)
    high = min(min(lost, default=math.inf), found.high * 10)
    return replace(found, low=low, high=high, method=f"{found.method}, allowing for how short they were")


def sides(scan: Scan) -> tuple[dict[float, int], dict[float, int]]:
    """How many runs at each rate trained, and how many diverged or ended no better than they started."""
    trained: dict[float, int] = {}
    lost: dict[float, int] = {}
    starts: dict[str, float] = {}

    known: dict[tuple[RunKey, int], float | None] = {}

    def gain(run: Run, step: int) -> float | None:
        at = (run.key, min(step, run.step))
        if at not in known:
            known[at] = _gain(scan, run, step, starts)
        return known[at]

    gains = {run.key: found for run in scan.runs if (found := gain(run, run.step)) is not None}
    most = max(gains.values(), default=0.0)
    for run in scan.runs:
        if run.state is RunState.DIVERGED:
            lost[run.lr] = lost.get(run.lr, 0) + 1
        elif run.key in gains and most > 0:
            share = gains[run.key] / most
            if share > 0.05:
                trained[run.lr] = trained.get(run.lr, 0) + 1
            elif share < 0.03:
                smaller = [
                    gain(peer, run.step) or 0.0
                    for peer in scan.runs
                    if peer.lr < run.lr and gains.get(peer.key, 0.0) > 0.1 * most
                ]
                if max(smaller, default=0.0) / most > share + 0.1:
                    lost[run.lr] = lost.get(run.lr, 0) + 1
    return trained, lost


def start_value(scan: Scan, metric: str | None) -> float:
    """What a metric reads before anything is learned: the median first value of the lower half of the rates.

    The lower half, because at a high rate even the first reported value may have moved.
    """
    if metric is None:
        return math.nan
    first = []
    for run in sorted(scan.runs, key=lambda r: r.key):
        _, values = points(run, metric, run.step)
        finite = values[np.isfinite(values)]
        if finite.size:
            first.append(float(finite[0]))
    return float(np.median(first[: (len(first) + 1) // 2])) if first else math.nan


def _gain(scan: Scan, run: Run, step: int, starts: dict[str, float]) -> float | None:
    """By how much the judged metric (or, where this run has not reported it, the one that stands in) had
    improved by `step`; None where that cannot be told. `starts` remembers what each metric started from."""
    at = min(step, run.step)
    by = judge(scan)
    if by.metric is None or not fresh(run, by.metric, at):
        by = judge_by(scan.plan, common_metric([run], at, scan.plan))
    if by.metric is None:
        return None
    if by.metric not in starts:
        starts[by.metric] = start_value(scan, by.metric)
    now = reading(run, by, at)
    found = by.sign * starts[by.metric] - now
    return None if math.isnan(found) else found
