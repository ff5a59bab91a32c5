"""Level or still falling? How often the diagnosis is right on courses whose continuation is known.

    python benchmarks/diagnosis/pace.py [--courses 3000] [--seed 0]

Courses: power laws (exponents .05 to .5), also after the steep descent of a random network, decays, shelves of a
twentieth to a quarter of the run before the descent goes on, descents that a cooling schedule ends, and courses
that have been level for half of their length or more. Noise of 0 to 30 % of the whole fall, normal or with heavy
tails (Student's t, 4 degrees), with memory 0.6, -0.4 or none; 30 to 100,000 points. Truth: a course *falls* where
the next doubling brings at least a tenth of what the last one brought, and is *level* where nothing came in the
latter half.

A level course *can be told* where somebody who knew the noise would tell it from the power law t^-1/2 that has
its earlier gains, with 5 % errors and 90 % power; the others are in too much noise for anybody.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lrscope.curves.curve import LossCurve
from lrscope.diagnosis.base import Advice, Regime
from lrscope.diagnosis.diagnose import diagnose_curves
from lrscope.statistics.pace import pace

Floats = NDArray[np.float64]
Course = Callable[[Floats], Floats]
COUNTS = (30, 100, 300, 1000, 10_000, 100_000)
NOISES = (0.0, 0.01, 0.03, 0.1, 0.3)
MEMORIES = (0.0, 0.0, 0.6, -0.4)
TOLD = 2.93  # standard errors: 5 % errors, 90 % power
BINS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.001)


@dataclass(frozen=True)
class Trial:
    """One course and what was said of it."""

    kind: str
    count: int
    noise: float
    falls: bool
    level: bool
    can_be_told: bool
    regime: Regime
    lower: bool
    confidence: float


def power(n: int, rng: np.random.Generator) -> Course:
    """``c + (t + t0)^-a``."""
    a, t0, c = (
        rng.choice([0.05, 0.1, 0.2, 0.35, 0.5]),
        rng.choice([0, 3, 0.02 * n]),
        rng.choice([0, 0.5, 2.0]),
    )
    return lambda t: c + (t + t0) ** -a


def random_start(n: int, rng: np.random.Generator) -> Course:
    """A power law after a steep first descent, as from the loss of a random network, one to three times as deep."""
    later, steps = power(n, rng), max(1.0, n * rng.choice([0.001, 0.003, 0.01]))
    depth = rng.choice([1.0, 3.0]) * float(later(np.array(1.0)) - later(np.array(float(n))))
    return lambda t: later(t) + depth * np.exp(-t / steps)


def decay(n: int, rng: np.random.Generator) -> Course:
    """An exponential that is not over: its next doubling brings more than a tenth of the last."""
    k, c = rng.uniform(0.5, 4.7), rng.choice([0.0, 0.5])
    return lambda t: c + np.exp(-k * t / n)


def shelf(n: int, rng: np.random.Generator) -> Course:
    """A power law that rests for the last part of the run and then goes on."""
    a, begin, end = rng.choice([0.1, 0.3, 0.5]), n * (1 - rng.uniform(0.05, 0.25)), 1.02 * n
    return lambda t: (
        np.where(t < begin, t, np.where(t < end, begin, np.maximum(t - (end - begin), begin))) ** -a
    )


def cooling(n: int, rng: np.random.Generator) -> Course:
    """A power law that comes down faster at its end, as with a rate that goes to nothing; then as before."""
    a, begin, more = rng.choice([0.1, 0.3]), n * (1 - rng.uniform(0.1, 0.4)), rng.uniform(0.1, 0.5)
    drop = more * (1 - float(n) ** -a)
    return lambda t: t**-a - drop * np.clip((t - begin) / (n - begin), 0, 1)


def level(n: int, rng: np.random.Generator) -> Course:
    """A descent of any shape that ended in the first half."""
    end, kind = n * rng.uniform(0.02, 0.5), rng.integers(4)
    if kind == 0:
        rate, c = rng.uniform(5, 8), rng.choice([0.1, 0.5, 2.0])
        return lambda t: c + np.exp(-rate * t / end)
    if kind == 1:
        a = rng.choice([0.1, 0.3, 0.5])
        return lambda t: np.minimum(t, end) ** -a
    if kind == 2:
        return lambda t: 1 - np.minimum(t, end) / end
    return lambda t: 1 - np.log1p(np.minimum(t, end)) / np.log1p(end)


MAKERS: dict[str, tuple[float, Callable[[int, np.random.Generator], Course]]] = {
    "power": (0.18, power),
    "random start": (0.1, random_start),
    "decay": (0.15, decay),
    "shelf": (0.12, shelf),
    "cooling": (0.1, cooling),
    "level": (0.35, level),
}


def noise(n: int, rng: np.random.Generator) -> tuple[Floats, float]:
    """Noise of standard deviation 1, and its memory of first order."""
    e = rng.normal(size=n) if rng.random() < 0.6 else rng.standard_t(4, size=n) / math.sqrt(2)
    memory = float(rng.choice(MEMORIES))
    if memory:
        out, last = np.empty(n), 0.0
        scale = math.sqrt(1 - memory**2)
        for i, v in enumerate(e.tolist()):
            last = memory * last + scale * v
            out[i] = last
        e = out
    return e, memory


def trial(rng: np.random.Generator) -> Trial:
    """Draw a course, log it to its half, and ask."""
    kind = str(rng.choice(list(MAKERS), p=[share for share, _ in MAKERS.values()]))
    n, size = int(rng.choice(COUNTS)), float(rng.choice(NOISES))
    t = np.arange(1, 2 * n + 1, dtype=np.float64)
    course = MAKERS[kind][1](n, rng)(t)
    whole, last = course[0] - course[n - 1], course[n // 2 - 1] - course[n - 1]
    coming = course[n - 1] - course[-1]
    e, memory = noise(n, rng)
    found = diagnose_curves(
        {"loss": LossCurve(t[:n].astype(int), course[:n] + size * whole * e, name="loss")}
    )
    told = kind == "level"
    if told and size:
        expected = pace(course[:n], t[:n]).expected
        late = np.log2(t[int(np.argmax(course[:n] - course[n - 1] <= 0.01 * whole)) : n])
        spread = size * whole * math.sqrt((1 + memory) / (1 - memory))
        told = expected > TOLD * spread / math.sqrt(float(np.square(late - late.mean()).sum()))
    falls = kind != "level" and coming >= 0.1 * last
    return Trial(
        kind,
        n,
        size,
        falls,
        kind == "level",
        told,
        found.regime,
        found.advice is Advice.LOWER,
        found.confidence,
    )


def share(trials: list[Trial], of: Callable[[Trial], bool]) -> float | None:
    """In per cent; None of none."""
    return round(100 * float(np.mean([of(t) for t in trials])), 1) if trials else None


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--courses", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rng = np.random.default_rng(asked.seed)
    trials = [trial(rng) for _ in range(asked.courses)]
    falling = [t for t in trials if t.falls]
    flat = [t for t in trials if t.level]
    told = [t for t in flat if t.can_be_told]
    named = {Regime.PLATEAU: "level", Regime.DESCENDING: "falling", Regime.UNDECIDED: "undecided"}
    table = {
        "lower_on_falling_%": share(falling, lambda t: t.lower),
        "level_called_so_%": share(flat, lambda t: t.regime is Regime.PLATEAU),
        "level_that_can_be_told_called_so_%": share(told, lambda t: t.regime is Regime.PLATEAU),
        "level_called_falling_%": share(flat, lambda t: t.regime is Regime.DESCENDING),
        "by_kind": {
            kind: {
                "courses": sum(t.kind == kind for t in trials),
                **{
                    name: share([t for t in trials if t.kind == kind], lambda t, r=regime: t.regime is r)
                    for regime, name in named.items()
                },
            }
            for kind in MAKERS
        },
        "by_points": {
            count: {
                "lower_on_falling": share([t for t in falling if t.count == count], lambda t: t.lower),
                "level_told": share(
                    [t for t in told if t.count == count], lambda t: t.regime is Regime.PLATEAU
                ),
            }
            for count in COUNTS
        },
        "by_noise": {
            size: {
                "lower_on_falling": share([t for t in falling if t.noise == size], lambda t: t.lower),
                "level_told": share(
                    [t for t in told if t.noise == size], lambda t: t.regime is Regime.PLATEAU
                ),
                "can_be_told": share([t for t in flat if t.noise == size], lambda t: t.can_be_told),
            }
            for size in NOISES
        },
        "reliability": reliability(trials),
    }
    print(json.dumps(table, indent=1))


def reliability(trials: list[Trial]) -> list[dict[str, float]]:
    """Of the verdicts level and falling: stated confidence against how often the truth is that. Level is right
    where the course does not fall, falling where it does.
    """
    said = [t for t in trials if t.regime in (Regime.PLATEAU, Regime.DESCENDING)]
    out = []
    for low, high in pairwise(BINS):
        held = [t for t in said if low <= t.confidence < high]
        if held:
            right = [t.falls if t.regime is Regime.DESCENDING else not t.falls for t in held]
            out.append(
                {
                    "verdicts": len(held),
                    "stated_%": round(100 * float(np.mean([t.confidence for t in held])), 1),
                    "true_%": round(100 * float(np.mean(right)), 1),
                }
            )
    return out


if __name__ == "__main__":
    main()
