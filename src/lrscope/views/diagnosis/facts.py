"""A diagnosed run as plain facts for text, figure, page and document: they draw these and compute nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lrscope.diagnosis.backtest import Replay, what_came
from lrscope.diagnosis.base import Advice, Diagnosis, Regime
from lrscope.diagnosis.examine import Examined
from lrscope.statistics.estimate import Estimate
from lrscope.views.shared.curves import LOG_SPAN, CurveFacts, Window, curve_facts, padded

NAMES: Mapping[Regime, str] = {
    Regime.TOO_SLOW: "too slow",
    Regime.DESCENDING: "descending",
    Regime.PLATEAU: "plateau",
    Regime.ZIGZAG: "zig-zag",
    Regime.DIVERGING: "diverging",
    Regime.UNDECIDED: "undecided",
}

COLOURS: Mapping[Regime, str] = {  # Okabe and Ito's, told apart in every common kind of colour vision
    Regime.DESCENDING: "#009e73",
    Regime.PLATEAU: "#e69f00",
    Regime.DIVERGING: "#c1272d",
    Regime.TOO_SLOW: "#0072b2",
    Regime.ZIGZAG: "#a05195",
    Regime.UNDECIDED: "#8a94a0",
}

CUT_COLOURS: Mapping[bool | None, str] = {
    True: COLOURS[Regime.DESCENDING],
    False: COLOURS[Regime.DIVERGING],
    None: COLOURS[Regime.UNDECIDED],
}
"""Of a rule's first cut: in time, too early or late, and where that cannot be judged."""

ADVICE: Mapping[Advice, str] = {
    Advice.RAISE: "raise the learning rate",
    Advice.KEEP: "keep the learning rate",
    Advice.LOWER: "lower the learning rate",
    Advice.STOP: "stop training",
    Advice.UNDECIDED: "no advice",
}


@dataclass(frozen=True, slots=True)
class RuleFacts:
    """What one plateau rule would have done. `verdict` is two or three words on its first cut; `good` None where the
    curve never improved, so that no cut can be judged."""

    replay: Replay
    verdict: str
    good: bool | None

    @property
    def name(self) -> str:
        """The rule's name."""
        return self.replay.rule

    @property
    def cut(self) -> int | None:
        """The step of its first cut; None where it would never have cut."""
        return self.replay.cuts[0] if self.replay.cuts else None


@dataclass(frozen=True, slots=True)
class DiagnosisFacts:
    """One run: what was said of it, and what a picture of it shows.

    `noise` is the scatter of a single point about the curve's course, None where unknown; `last` the level that the
    gain that is left counts from, None where too few points tell.
    """

    run: Examined
    curve: CurveFacts
    window: Window
    noise: float | None
    last: float | None
    rules: tuple[RuleFacts, ...]

    @property
    def found(self) -> Diagnosis:
        """The diagnosis."""
        return self.run.diagnosis

    @property
    def name(self) -> str:
        """The run's name."""
        return self.run.run.name

    @property
    def points(self) -> int:
        """Points of the judged curve."""
        return len(self.run.curve)

    @property
    def expected(self) -> Estimate | None:
        """Where the metric would stand after as many steps again at this pace; None where too few points tell."""
        gain = self.found.gain_left
        if gain is None or self.last is None:
            return None
        down = -1.0 if self.run.goal == "min" else 1.0
        low, high = sorted(self.last + down * v for v in (gain.low, gain.high))
        return Estimate(self.last + down * gain.value, low, high, gain.level, gain.method)


def collect(run: Examined) -> DiagnosisFacts:
    """A run → facts."""
    segments, noise = run.diagnosis.segments, run.diagnosis.evidence.get("noise", math.nan)
    improved = what_came(run.reports[0], run.goal).improved
    last = segments[-1] if segments else None
    return DiagnosisFacts(
        run=run,
        curve=curve_facts(run.curve, run.goal),
        window=_window(run),
        noise=noise if math.isfinite(noise) else None,
        last=None if last is None else last.level + last.slope * (last.stop - last.start) / 2,
        rules=tuple(RuleFacts(replay, *_judged(replay, improved)) for replay in run.replays),
    )


def _judged(replay: Replay, improved: bool) -> tuple[str, bool | None]:
    if not improved:
        return "cannot be judged", None
    if replay.premature:
        return "too early", False
    if replay.missed:
        return "missed it", False
    if replay.late:
        return "late", False
    return ("in time" if replay.cuts else "rightly never"), True


def _window(run: Examined) -> Window:
    """What the picture shows: all but a stray half per cent, so that one spike does not squash the rest."""
    loss = run.curve.loss[np.isfinite(run.curve.loss)]
    if not loss.size:
        return Window(0.0, 1.0, False, None)
    low, high = (float(v) for v in np.quantile(loss, [0.005, 0.995] if loss.size > 200 else [0.0, 1.0]))
    start = float(np.median(loss[:3]))
    return padded(low, high, low > 0 and run.goal == "min" and high > LOG_SPAN * low, start)
