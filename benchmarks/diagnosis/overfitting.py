"""Overfitting: how often it is claimed of level validation losses, and how soon it is seen where it is.

    python benchmarks/diagnosis/overfitting.py [--runs 200] [--seed 0]

A validation loss comes down by 1 and then stays level, or rises from a quarter to a half of the run on, by 0.5, 1
or 2 over a whole run; 30 to 150 evaluations, noise of 0.3 to 10 % of the fall, memory 0 or 0.5. It is looked at
after every evaluation. A false claim is one at any look; *seen* is a claim within a fifth of the run.
"""

from __future__ import annotations

import argparse
import json
import math

import numpy as np
from numpy.typing import NDArray

from lrscope.diagnosis.overfitting import find_rise

COUNTS, NOISES, MEMORIES = (30, 60, 150), (0.003, 0.01, 0.03, 0.1), (0.0, 0.5)
SOON = 0.2  # of the run


def noise(count: int, memory: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Noise of standard deviation 1 with memory of first order."""
    e = rng.normal(size=count)
    for i in range(1, count):
        e[i] = memory * e[i - 1] + math.sqrt(1 - memory**2) * e[i]
    return e


def first_claim(y: NDArray[np.float64], begin: int) -> int | None:
    """Evaluations seen when overfitting is first claimed, from `begin` on."""
    return next((seen for seen in range(begin, y.size + 1) if find_rise(y[:seen]) is not None), None)


def main() -> None:
    """Print false claims and what is seen, in per cent, for each setting and on average."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200, help="of each length, over all noises and memories")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rng = np.random.default_rng(asked.seed)
    each = max(1, asked.runs // (len(NOISES) * len(MEMORIES)))
    rows = []
    for count in COUNTS:
        at = np.arange(count)
        for size in NOISES:
            for memory in MEMORIES:
                false = soon = 0
                for _ in range(each):
                    level = 0.4 + np.exp(-at / (count * rng.uniform(0.03, 0.1)))
                    false += first_claim(level + size * noise(count, memory, rng), 8) is not None
                    begin = int(count * rng.uniform(0.25, 0.5))
                    rise = rng.choice([0.5, 1.0, 2.0]) / count * np.maximum(at - begin, 0)
                    course = 0.4 + np.exp(-at / (begin / 5)) + rise
                    hit = first_claim(course + size * noise(count, memory, rng), begin + 1)
                    soon += hit is not None and hit - begin <= SOON * count
                rows.append(
                    {
                        "evaluations": count,
                        "noise": size,
                        "memory": memory,
                        "false_%": round(100 * false / each, 1),
                        "seen_%": round(100 * soon / each, 1),
                    }
                )
    quiet = [r for r in rows if r["noise"] <= 0.01]
    print(
        json.dumps(
            {
                "rows": rows,
                "false_%": round(float(np.mean([r["false_%"] for r in rows])), 1),
                "seen_%": round(float(np.mean([r["seen_%"] for r in rows])), 1),
                "seen_at_noise_up_to_1_%": round(float(np.mean([r["seen_%"] for r in quiet])), 1),
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
