"""How often do interval, band and cliff hold what they should? Replayed on published scans, one problem left
out at a time.

    python benchmarks/scan_replay/coverage.py FOLDER [--planner flow] [--budgets 1 2 4 8 16] [--judged test best train]

"lr" is the share of scans whose 90 % interval holds the rate that ends lowest; "near" the same for a rate that ends
within two standard deviations, over seeds, of the lowest (the best of one seed's table is partly chance). "band" is the
share of the rates in the stated band that truly end within the tolerance, "found" the share of the true band that it
holds. "cliff" is the share of cliffs, told from all runs to their end, that lie in the stated interval; a grid step is
allowed on each side, because the truth is known no better. "said" is the chance, as the answer states it, that the
named rate ends within the tolerance of the best, "good" how often it does. The lowest coverage over problems left out
says how much one problem makes.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from pathlib import Path

import numpy as np
from published import PublishedScan, load
from replay import drive

from lrscope.curves import Plan, Scan
from lrscope.search.planners.flow import FlowPlanner
from lrscope.search.planners.halving import HalvingPlanner
from lrscope.search.rate.cliff import estimate_cliff
from lrscope.search.rate.recommendation import Recommendation

PLANNERS = {"flow": FlowPlanner, "halving": HalvingPlanner}


def main() -> int:
    """Read the arguments, replay, print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--planner", default="flow", choices=PLANNERS)
    parser.add_argument("--budgets", nargs="+", type=float, default=[1, 2, 4, 8, 16])
    parser.add_argument(
        "--judged", nargs="+", default=["test", "best", "train"], choices=["test", "best", "train"]
    )
    given = parser.parse_args()
    if not any(given.folder.glob("*.npz")):
        print(
            f"No published scans (*.npz) in {given.folder}; give the folder that holds them.", file=sys.stderr
        )
        return 2
    scans = [scan for judged in given.judged for scan in load(given.folder, judged)]
    heads = ("lr", "near", "lowest left out", "width", "band", "found", "cliff", "said", "good")
    print("budget", *(f"{head:>16}" for head in heads))
    for budget in given.budgets:
        rows = [(scan, facts(scan, drive(PLANNERS[given.planner](), scan, budget)[0])) for scan in scans]
        problems = sorted({scan.name.partition("/")[0] for scan in scans})
        left_out = [
            _mean(row["lr"] for scan, row in rows if not scan.name.startswith(problem))
            for problem in problems
        ]
        means = {k: _mean(row[k] for _, row in rows) for k in ("lr", "near", *heads[4:])}
        widths = [row["width"] for _, row in rows if row["width"] is not None]
        cells = [means["lr"], means["near"], min(left_out)]
        print(
            f"{budget:6g}",
            *(f"{c:16.0%}" for c in cells),
            f"{statistics.median(widths):16.2f}",
            *(f"{means[k]:16.0%}" for k in heads[4:]),
            flush=True,
        )
    return 0


def facts(scan: PublishedScan, answer: Recommendation) -> dict[str, float | None]:
    """What of one answer is true; None where there is nothing to say."""
    best = float(np.nanmin(scan.final))
    at_best = scan.rates[int(np.nanargmin(scan.final))]
    allowed = best + 0.05 * (scan.start - best)
    good = [r for r, v in zip(scan.rates, scan.final, strict=True) if math.isfinite(v) and v <= allowed]
    near = [
        r
        for r, v in zip(scan.rates, scan.final, strict=True)
        if math.isfinite(v) and v <= best + 2 * scan.noise
    ]
    found: dict[str, float | None] = dict.fromkeys(
        ("lr", "near", "width", "band", "found", "cliff", "said", "good")
    )
    found["said"] = answer.chance
    if answer.lr is not None:
        found["lr"] = float(answer.lr.low <= at_best <= answer.lr.high)
        found["near"] = float(any(answer.lr.low <= r <= answer.lr.high for r in near))
        found["good"] = None if answer.chance is None else float(answer.lr.value in good)
        found["width"] = math.log10(answer.lr.high / answer.lr.low)
    if answer.band is not None:
        # Only the stretch about the best rate counts: elsewhere a rate may be as good by chance.
        inside = [r for r in scan.rates if answer.band.low <= r <= answer.band.high]
        found["band"] = len(set(inside) & set(good)) / len(inside) if inside else None
        found["found"] = len(set(inside) & set(good)) / len(good)
    truth = estimate_cliff(_whole(scan))
    if truth is not None and answer.cliff is not None:
        step = scan.rates[1] / scan.rates[0]
        found["cliff"] = float(answer.cliff.low / step <= truth.value <= answer.cliff.high * step)
    return found


def _whole(scan: PublishedScan) -> Scan:
    plan = Plan(rates=scan.rates, horizon=scan.horizon, metric="epoch_loss", goal="min")
    return Scan(plan, tuple(scan.runs[r].at(scan.horizon, scan.horizon) for r in scan.rates))


def _mean(values: object) -> float:
    known = [v for v in values if v is not None]  # type: ignore[attr-defined]
    return statistics.fmean(known) if known else math.nan


if __name__ == "__main__":
    sys.exit(main())
