"""A diagnosed run as plain facts for text, figure, page and document: they draw these and compute nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lrscope.diagnosis.backtest import Replay, what_came
from lrscope.diagnosis.base import Advice, Diagnosis, Regime, Segment
from lrscope.diagnosis.examine import Examined
from lrscope.diagnosis.patience import Patience
from lrscope.diagnosis.stepping import Finding
from lrscope.views.scan.facts import CurveFacts, Window
from lrscope.views.shared import numbers, reading

_LOG_FROM = 8.0  # values that span more than this factor, all positive, are drawn on a log axis

NAMES: Mapping[Regime, str] = {
    Regime.TOO_SLOW: "too slow",
    Regime.DESCENDING: "descending",
    Regime.PLATEAU: "plateau",
    Regime.ZIGZAG: "zig-zag",
    Regime.DIVERGING: "diverging",
    Regime.UNDECIDED: "undecided",
}

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
        curve=CurveFacts(
            curve, reading.end_level(curve.step, curve.loss, run.goal), reading.noisy(curve.loss)
        ),
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


def answer_line(diagnosis: Diagnosis) -> str:
    """The verdict in one line: regime, advice, how sure."""
    words = NAMES[diagnosis.regime]
    line = f"{words[0].upper()}{words[1:]}: {ADVICE[diagnosis.advice]}"
    if diagnosis.regime is Regime.UNDECIDED:
        return line
    return f"{line}   ({numbers.share(diagnosis.confidence)} sure, steps {_span(diagnosis)})"


def gain_words(diagnosis: Diagnosis) -> str:
    """What is left to gain with its interval, and how long until another 1 %; empty where unknown."""
    gain, pace = diagnosis.gain_left, diagnosis.steps_per_percent
    if gain is None:
        return ""
    words = "Left to gain if it goes on as long again at this pace: " + numbers.value(gain.value, 3)
    if math.isfinite(gain.low) and math.isfinite(gain.high):
        low, high = numbers.value(gain.low, 3), numbers.value(gain.high, 3)
        words += f" ({numbers.share(gain.level)}: {low} to {high})"
    words += f" in {diagnosis.metric}."
    if pace is None:
        return words
    if not math.isfinite(pace):
        return f"{words} At this pace another 1 % never comes."
    return (
        f"{words} Another 1 % of what was gained takes about {numbers.plural(max(1, round(pace)), 'step')}."
    )


def patience_lines(patience: Patience) -> tuple[tuple[str, str], ...]:
    """(library, setting to paste); none without a patience."""
    found = (("PyTorch", patience.torch), ("Keras", patience.keras), ("optax", patience.optax))
    return tuple((name, words) for name, words in found if words)


def stepping_words(findings: Sequence[Finding] | None) -> tuple[str, ...]:
    """A sentence a finding; one sentence where nothing is amiss, none where no rate was logged."""
    if findings is None:
        return ()
    return tuple(f.reason for f in findings) or ("Nothing is amiss in how the rate was stepped.",)


def rule_words(rule: RuleFacts) -> tuple[str, str]:
    """(where it would have cut, how much was still to come then)."""
    if not rule.cuts:
        return "never", numbers.MISSING
    more = f" (+{len(rule.cuts) - 1} more)" if len(rule.cuts) > 1 else ""
    left = numbers.MISSING if rule.left is None else numbers.share(max(0.0, rule.left))
    return numbers.count(rule.cuts[0]) + more, left


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


def _span(diagnosis: Diagnosis) -> str:
    first, last = diagnosis.span
    return f"{numbers.count(first)} to {numbers.count(last)}"


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _window(run: Examined) -> Window:
    """What the picture shows: all but a stray half per cent, so that one spike does not squash the rest."""
    loss = run.curve.loss[np.isfinite(run.curve.loss)]
    if not loss.size:
        return Window(0.0, 1.0, False, None)
    low, high = (float(v) for v in np.quantile(loss, [0.005, 0.995] if loss.size > 200 else [0.0, 1.0]))
    start = float(np.median(loss[:3]))
    if low > 0 and run.goal == "min" and high > _LOG_FROM * low:
        factor = (high / low) ** 0.06
        return Window(low / factor, high * factor, True, start)
    pad = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
    return Window(low - pad, high + pad, False, start)
