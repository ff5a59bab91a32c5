"""The one object that writes: it stamps, dedupes and stores everything that a search does and concludes.

The ledger is the memory of a search. Every ask is written before it is carried out, every point as it comes, where a
run stands when it rests, and the whole conclusion; so a search that was killed at any moment is continued by reading
what is there, and a report shows what was concluded when it was, whatever lrscope has learned since.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from lrscope.config import RunKey
from lrscope.curves import Point, RunState
from lrscope.search.legacy import modern, modern_answer
from lrscope.search.rate.recommendation import Recommendation
from lrscope.search.tracked_run import End, TrackedRun
from lrscope.training.store.base import Decision, Event, Points, Recorded, Settings, Store

CONCLUSION_KIND = "name"
"""Kind of the decision that a search ends with."""


class Ledger:
    """What a search knows, in memory and in its store.

    Events are gathered until `flush` writes them in one transaction; what is asked for is flushed before it is carried
    out.

    Parameters
    ----------
    store : Store
        Read once, now; written by nobody else from then on.
    now : callable
        Seconds since the epoch, for stamps.

    Attributes
    ----------
    settings : dict
    runs : dict of RunKey to TrackedRun
        Where each run stands.
    decisions : list of Decision
        In the order in which they were made.
    untold : list of str
        Notes that nobody has been told yet.
    """

    def __init__(self, store: Store, *, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._now = now
        self._pending: list[Event] = []
        recorded = store.read()
        self.settings: dict[str, Any] = modern(recorded.settings)
        self.decisions: list[Decision] = list(recorded.decisions)
        self.runs: dict[RunKey, TrackedRun] = {run.key: TrackedRun.of(run) for run in recorded.runs}
        self.untold: list[str] = []
        self._numbered = max((run.id for run in recorded.runs), default=0)
        for decision in self.decisions:
            if decision.key in self.runs and decision.detail.get("end"):
                end = decision.detail
                self.runs[decision.key].end = End(RunState(end["state"]), end["step"], end["reason"])

    @property
    def where(self) -> str | None:
        """The folder that it writes to, for people; None where it writes nothing to disk."""
        path = getattr(self._store, "path", None)
        return None if path is None else str(path.parent)

    def set(self, **values: Any) -> None:
        """Write down settings (JSON values), in place of those of the same names."""
        self.settings.update(values)
        self._pending.append(Settings(values))

    def track(self, key: RunKey) -> TrackedRun:
        """The run with this key, a new one where it was never asked for."""
        if key not in self.runs:
            self._numbered += 1
            self.runs[key] = TrackedRun(key, id=self._numbered)
        return self.runs[key]

    def decide(self, kind: str, reason: str, key: RunKey | None = None, /, **detail: Any) -> None:
        """Stamp and write down a decision; `detail` holds JSON values."""
        decision = Decision(kind, reason, key, detail, self._now())
        self.decisions.append(decision)
        self._pending.append(decision)

    def note(self, text: str, key: RunKey | None = None, /, **detail: Any) -> None:
        """Tell the user something, once in the life of the search."""
        if not any(d.kind == "note" and d.reason == text for d in self.decisions):
            self.untold.append(text)
            self.decide("note", text, key, **detail)

    def absorb(self, run: TrackedRun, points: Iterable[Point], step: int) -> None:
        """Take what a live run reports: what is new is written down, what it does again is compared."""
        before = run.mismatch
        fresh = run.absorb(points, step)
        if fresh:
            self._pending.append(Points(run.key, fresh))
        if run.mismatch is not None and before is None:
            m = run.mismatch
            self.decide(
                "mismatch",
                f"The run at lr {run.key.lr:g}, seed {run.key.seed} does not reproduce: {m.metric} at step {m.step} "
                f"was {m.first:g}, and {m.again:g} when it was trained again.",
                run.key,
                metric=m.metric,
                step=m.step,
                first=repr(m.first),
                again=repr(m.again),
            )

    def conclude(self, answer: Recommendation) -> None:
        """Write down the answer, whole."""
        lr = None if answer.lr is None else answer.lr.value
        self.decide(CONCLUSION_KIND, answer.reason, lr=lr, recommendation=answer.to_dict())

    def flush(self) -> None:
        """Write what was gathered, and where runs stand that have moved, in one transaction.

        Raises
        ------
        StoreError
            If it cannot be written; what was written earlier is kept.
        """
        events, self._pending = self._pending, []
        events.extend(run.change() for run in self.runs.values() if run.dirty)
        if events:
            self._store.append(events)

    def take_notes(self) -> tuple[str, ...]:
        """What is to be told now."""
        told, self.untold = tuple(self.untold), []
        return told


def has_ended(decisions: Sequence[Decision]) -> bool:
    """Whether a search came to its conclusion after the last thing that was asked for."""
    kinds = [d.kind for d in decisions if d.kind in ("advance", "horizon", CONCLUSION_KIND)]
    return bool(kinds) and kinds[-1] == CONCLUSION_KIND


def conclusion(recorded: Recorded) -> Mapping[str, Any] | None:
    """The answer as it was written down at the end; None where there is none."""
    if not has_ended(recorded.decisions):
        return None
    last = next(d for d in reversed(recorded.decisions) if d.kind == CONCLUSION_KIND)
    return modern_answer(last.detail.get("recommendation"))
