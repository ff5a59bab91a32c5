"""All rules on one set of ramps, each with the spread that other seeds and other batches would have given it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lrscope.search.range_test.ramp_curve import RampCurve, line, mean_ramp
from lrscope.search.range_test.rules import RULES, Rule
from lrscope.statistics.estimate import Estimate

BOOTSTRAP_DRAWS = 200
"""Bootstrap draws: ends of a 90 % interval then rest on ten draws each, and take a tenth of a second."""


@dataclass(frozen=True, slots=True)
class RuleReading:
    """What one rule says of the same ramps.

    Parameters
    ----------
    rule : str
        Its name.
    lr : Estimate
        The rate that it names on the mean of all ramps. The interval is that of the rule's own answer under other seeds
        and batches; how far the rule is from the best rate is another matter, which no ramp can tell.
    alone : tuple of float
        The rates that it names on each ramp by itself, ascending.
    """

    rule: str
    lr: Estimate
    alone: tuple[float, ...]


def read_all(
    ramps: Sequence[RampCurve],
    *,
    rules: Mapping[str, Rule] = RULES,
    level: float = 0.9,
    draws: int = BOOTSTRAP_DRAWS,
    seed: int = 0,
) -> tuple[RuleReading, ...]:
    """Read the mean of the ramps by every rule, with bootstrap intervals.

    A draw takes as many ramps as there are, with replacement; gives each its smooth line, moved away from their mean by
    ``sqrt(R / (R - 1))`` because R ramps scatter that much less about their own mean than about the truth; adds
    the ramp's own residuals with random signs (Wu, Annals of Statistics 14, 1986), which keeps noise that grows with
    the rate where it is; and smooths the mean anew. From a single ramp the interval knows the noise of batches only.

    Parameters
    ----------
    ramps : sequence of RampCurve
        At least one; they share their rates.
    rules : mapping
        By name.
    level : float, default 0.9
        Of the intervals.
    draws : int
        Bootstrap draws.
    seed : int
        Of the draws: the same ramps always give the same intervals.
    """
    whole = mean_ramp(ramps)
    x = whole.log_lr
    value = {name: rule(x, line(whole)[0]) for name, rule in rules.items()}
    lines = np.array([line(c)[0] for c in ramps])
    single = {name: sorted(rule(x, one) for one in lines) for name, rule in rules.items()}
    left = np.array([c.loss for c in ramps]) - lines
    count = len(ramps)
    if count > 1:
        middle = lines.mean(axis=0)
        lines = middle + (lines - middle) * np.sqrt(count / (count - 1))
    rng = np.random.default_rng(seed)
    drawn: dict[str, list[float]] = {name: [] for name in rules}
    for _ in range(draws):
        chosen = rng.integers(count, size=count)
        signs = rng.choice((-1.0, 1.0), size=(count, x.size))
        again = (lines[chosen] + signs * left[chosen]).mean(axis=0)
        again_line = line(RampCurve(x, again, whole.lost, whole.start))[0]
        for name, rule in rules.items():
            drawn[name].append(rule(x, again_line))
    method = (
        "bootstrap over ramps and the noise of batches"
        if count > 1
        else "bootstrap over the noise of batches"
    )
    return tuple(
        RuleReading(
            name,
            _estimate(value[name], drawn[name], level, method),
            tuple(_rate(v) for v in single[name]),
        )
        for name in rules
    )


def _estimate(value: float, drawn: Sequence[float], level: float, method: str) -> Estimate:
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(_rate(value), _rate(min(low, value)), _rate(max(high, value)), level, method)


def _rate(log_lr: float) -> float:
    return float(f"{10.0**log_lr:.4g}")
