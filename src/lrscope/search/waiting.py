"""What is found out about runs that wait: how many fit side by side, and whether they can wait at all.

A suspended program keeps what it holds, and the clock on the wall goes on for it. So one that ends or dies as soon as
it is resumed may owe that to the wait; and one that is trained elsewhere has gone on in spite of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from lrscope.config import RunKey
from lrscope.search.ledger import Ledger
from lrscope.training.source.base import Progress, Status
from lrscope.training.store.base import Decision

SOON_REPORTS = 2
"""Reports after being resumed within which an end, or a failure, may be owed to the wait."""

FLOOD_RATIO = 5.0
"""How many times as fast as at work a run has to report on being resumed, to have gone on while it was suspended."""

FLOOD_STEPS = 20
"""Steps that it has to report at once for that."""

FLOODED_RUNS = 2
"""Runs that have to do so."""

KNOWN_SLICES = 4
"""Slices of undisturbed work from which the usual pace is known."""


class Waits:
    """What is known of runs that wait. Mutable; fed with what each slice brings.

    Attributes
    ----------
    fit : int or None
        Runs that have been seen to live side by side; None while nothing speaks against any number.
    ever : bool
        Whether they can wait at all.
    since : dict of RunKey to int
        The step at which a run was resumed.
    """

    def __init__(self, decisions: Sequence[Decision] = ()) -> None:
        self.fit: int | None = min((d.detail["fit"] for d in decisions if "fit" in d.detail), default=None)
        self.ever = not any(d.detail.get("waits") is False for d in decisions)
        self.since: dict[RunKey, int] = {}
        self._suspects: dict[RunKey, int] = {}  # where a run ended that is tried again
        self._floods: dict[RunKey, int] = {}  # steps that came at once
        self._first: set[RunKey] = set()
        self._pace = 0.0
        self._slices = 0

    def at_once(self, jobs: int) -> int:
        """How many runs may train side by side."""
        return jobs if self.fit is None else max(1, min(jobs, self.fit))

    def limit(self, jobs: int) -> int | None:
        """How many may wait beside them; None where nothing speaks against any number."""
        return None if self.fit is None else max(0, self.fit - self.at_once(jobs))

    def crowded(self, ledger: Ledger, key: RunKey, beside: int, jobs: int, reason: str | None) -> None:
        """A run failed for want of a resource while others were there: from now on no more live than these."""
        were = "1 other run was" if beside == 1 else f"{beside} other runs were"
        self._keep(
            ledger, key, beside, jobs, f"A run failed while {were} there ({reason}). It is tried again."
        )

    def found_out(self, ledger: Ledger, key: RunKey, step: int, jobs: int) -> bool:
        """Whether this run has just shown, standing at `step`, that runs of this program cannot wait at all."""
        if not self.ever:
            return False
        ended = self._suspects.get(key)
        if ended is not None and key not in self.since and step > ended + SOON_REPORTS:
            why = (
                f"A run that was suspended ended at step {ended} as soon as it went on, and came further without the "
                "wait: the clock goes on for a suspended program (a time limit, a heartbeat)."
            )
        elif len(self._floods) >= FLOODED_RUNS and key in self._floods:
            why = (
                f"Runs go on training while they are suspended (one reported {self._floods[key]} steps at once when it "
                "went on): the training is in a process that the program did not start itself."
            )
        else:
            return False
        self.ever = False
        self._keep(ledger, key, jobs, jobs, why)
        return True

    def _keep(self, ledger: Ledger, key: RunKey, fit: int, jobs: int, why: str) -> None:
        self.fit = fit
        limit = self.limit(jobs) or 0
        then = f"at most {limit} runs are kept waiting" if limit else "no run is kept waiting"
        ledger.note(
            f"{why} From now on {then}: a run that goes on later is started anew, which costs its time again.",
            key,
            fit=fit,
            waits=self.ever,
            warning=True,
        )

    def resumed(self, key: RunKey, step: int) -> None:
        """A run that had waited at `step` goes on."""
        self.since[key] = step
        self._first.add(key)

    def opened(self, key: RunKey) -> None:
        """A run begins anew: it has not waited."""
        self.since.pop(key, None)
        self._first.discard(key)

    def look(self, key: RunKey, before: int, progress: Progress) -> None:
        """Take note of what a slice brought to a run that stood at `before`."""
        steps, seconds = progress.step - before, max(progress.seconds, 0.01)
        if key not in self._first:
            if progress.status is Status.ADVANCING and steps > 0:
                self._pace = max(self._pace, steps / seconds)
                self._slices += 1
            return
        self._first.discard(key)
        known = self._slices >= KNOWN_SLICES
        if known and steps >= FLOOD_STEPS and steps / seconds > FLOOD_RATIO * self._pace:
            self._floods[key] = steps

    def ended_soon(self, key: RunKey, progress: Progress, horizon: int | None, reports: int) -> bool:
        """Whether an end or a failure, short of a full run, may be owed to the wait before it; asked once a run.

        `reports` are those since the run was resumed.
        """
        over = progress.status in (Status.ENDED, Status.FAILED)
        short = horizon is not None and progress.step < horizon
        if not (
            over and short and key in self.since and key not in self._suspects and reports <= SOON_REPORTS
        ):
            return False
        self._suspects[key] = progress.step
        return True
