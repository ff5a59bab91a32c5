"""How good are the rates that a planner names, for how many full runs? Replayed on published scans.

    python benchmarks/scan_replay/run.py FOLDER [--json FILE] [--repeats 10] [--judged test best train]

FOLDER holds the published curves as `.npz` files. Regret is (final of the named rate - best) / (start - best), in
per cent, over problems and optimisers; "in noise" is the share of them in which the named rate ends within two
standard deviations (over seeds) of the best. "interval" is the share of them whose interval holds the best rate
of the grid, "width" its median width in decades. Ours is deterministic; the others are averaged over
`--repeats` seeds (0 leaves them out).
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from pathlib import Path

import numpy as np
from baselines import BASELINES
from published import PublishedScan, load
from replay import drive

from lrscope.scanning.planner.full_grid import FullGridPlanner
from lrscope.scanning.planner.halving import HalvingPlanner

OURS = {
    "halving": (HalvingPlanner, (0.25, 0.5, 1, 2, 4, 8, 16)),
    "full grid": (FullGridPlanner, (1, 2, 4, 8, 16)),
}
BUDGETS = (1, 2, 4, 8)


def main() -> int:
    """Read the arguments, replay, print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", type=Path, dest="target")
    parser.add_argument("--repeats", type=int, default=10)
    ways = ["test", "best", "train"]
    parser.add_argument("--judged", nargs="+", default=ways, choices=ways)
    given = parser.parse_args()
    if not any(given.folder.glob("*.npz")):
        print(
            f"No published scans (*.npz) in {given.folder}; give the folder that holds them.", file=sys.stderr
        )
        return 2
    rows = []
    heads = f"{'mean':>8}{'median':>8}{'worst':>8}{'in noise':>10}{'interval':>10}{'width':>7}"
    print(f"{'judged':7}{'method':24}{'budget':>7}{heads}")
    for judged in given.judged:
        scans = load(given.folder, judged)
        for name, (planner, budgets) in OURS.items():
            for budget in budgets:
                rows.append(_ours(judged, name, planner(), scans, budget))
                _show(rows[-1])
        for name, method in BASELINES.items() if given.repeats else ():
            for budget in BUDGETS:
                named = [[method(scan, budget, seed) for seed in range(given.repeats)] for scan in scans]
                rows.append(_row(judged, name, budget, scans, named))
                _show(rows[-1])
    if given.target:
        given.target.write_text(json.dumps({"schema": "lrscope.scan_replay/1", "rows": rows}, indent=1))
    return 0


def _ours(judged: str, name: str, planner, scans: list[PublishedScan], budget: float) -> dict:  # noqa: ANN001
    named, held, widths = [], 0, []
    for scan in scans:
        answer, spent, _ = drive(planner, scan, budget)
        assert spent <= budget + 1e-9
        named.append([answer.lr.value if answer.lr else None])
        best = scan.rates[int(np.nanargmin(scan.final))]
        if answer.lr is not None:
            held += answer.lr.low <= best <= answer.lr.high
            widths.append(math.log10(answer.lr.high / answer.lr.low))
    return {
        **_row(judged, name, budget, scans, named),
        "interval_holds_best": held / len(scans),
        "interval_width": statistics.median(widths) if widths else None,
    }


def _row(judged: str, name: str, budget: float, scans: list[PublishedScan], named: list[list]) -> dict:
    mean = [
        statistics.fmean(scan.regret(lr) for lr in rates) for scan, rates in zip(scans, named, strict=True)
    ]
    noise = [
        statistics.fmean(scan.within_noise(lr) for lr in rates)
        for scan, rates in zip(scans, named, strict=True)
    ]
    return {
        "judged": judged,
        "method": name,
        "budget": budget,
        "mean": statistics.fmean(mean),
        "median": statistics.median(mean),
        "worst": max(mean),
        "in_noise": statistics.fmean(noise),
        "scans": len(scans),
    }


def _show(row: dict) -> None:
    held = f"{row['interval_holds_best']:.0%}" if "interval_holds_best" in row else ""
    width = f"{row['interval_width']:.1f}" if row.get("interval_width") is not None else ""
    figures = "".join(f"{100 * row[key]:8.1f}" for key in ("mean", "median", "worst"))
    print(
        f"{row['judged']:7}{row['method']:24}{row['budget']:7g}{figures}{row['in_noise']:10.0%}{held:>10}{width:>7}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
