"""A diagnosed run as plain facts for text, figure, page and document: they draw these and compute nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lrscope.diagnosis.backtest import Replay, what_came
from lrscope.diagnosis.base import Advice, Diagnosis, Regime, Segment
from lrscope.diagnosis.examine import Examined
from lrscope.diagnosis.patience import Patience
from lrscope.diagnosis.stepping import Finding
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
    """What one plateau rule would have done. `left` is the share still to come at its first cut, None
    without one; `verdict` two or three words; `good` None where the curve never improved, so that no cut can
    be judged."""

    name: str
    cuts: tuple[int, ...]
    raises: tuple[int, ...]
    left: float | None
    delay: float | None
    verdict: str
    good: bool | None
    factor: float
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DiagnosisFacts:
    """One run. `noise` is the scatter of a single point about the curve's course, None where unknown;
    `last` the level that `gain` (what is left, negative where it gets worse) counts from; `grew` whether more
    is better."""

    name: str
    format: str
    metric: str
    goal: str
    curve: CurveFacts
    window: Window
    diagnosis: Diagnosis
    segments: tuple[Segment, ...]
    noise: float | None
    last: float | None
    patience: Patience
    rules: tuple[RuleFacts, ...]
    reports: str
    stepping: tuple[Finding, ...] | None
    warnings: tuple[str, ...]

    @property
    def points(self) -> int:
        """Points of the judged curve."""
        return len(self.curve.curve)

    @property
    def expected(self) -> Estimate | None:
        """Where the metric would stand after as many steps again at this pace; None where too few points tell."""
        gain = self.diagnosis.gain_left
        if gain is None or self.last is None:
            return None
        down = -1.0 if self.goal == "min" else 1.0
        low, high = sorted(self.last + down * v for v in (gain.low, gain.high))
        return Estimate(self.last + down * gain.value, low, high, gain.level, gain.method)


def collect(run: Examined) -> DiagnosisFacts:
    """A run → facts."""
    diagnosis, curve = run.diagnosis, run.curve
    noise = diagnosis.evidence.get("noise", math.nan)
    improved = what_came(run.reports[0], run.goal).improved
    last = diagnosis.segments[-1] if diagnosis.segments else None
    return DiagnosisFacts(
        name=run.run.name,
        format=run.run.format,
        metric=diagnosis.metric,
        goal=run.goal,
        curve=curve_facts(curve, run.goal),
        window=_window(run),
        diagnosis=diagnosis,
        segments=diagnosis.segments,
        noise=noise if math.isfinite(noise) else None,
        last=None if last is None else last.level + last.slope * (last.stop - last.start) / 2,
        patience=run.patience,
        rules=tuple(
            RuleFacts(
                r.rule,
                r.cuts,
                r.raises,
                _known(r.left_at_cut),
                _known(r.delay),
                *_judged(r, improved),
                r.final_factor,
                r.notes,
            )
            for r in run.replays
        ),
        reports=run.reports[1],
        stepping=run.stepping,
        warnings=run.warnings,
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


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _window(run: Examined) -> Window:
    """What the picture shows: all but a stray half per cent, so that one spike does not squash the rest."""
    loss = run.curve.loss[np.isfinite(run.curve.loss)]
    if not loss.size:
        return Window(0.0, 1.0, False, None)
    low, high = (float(v) for v in np.quantile(loss, [0.005, 0.995] if loss.size > 200 else [0.0, 1.0]))
    start = float(np.median(loss[:3]))
    return padded(low, high, low > 0 and run.goal == "min" and high > LOG_SPAN * low, start)
