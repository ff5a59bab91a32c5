"""How good are the rates that each method names, for how many full runs? Replayed on published scans.

    python benchmarks/scan_replay/run.py FOLDER [--ours NAME…] [--against NAME…] [--repeats 20]
                                                [--judged test best train] [--budgets N…] [--cache FILE] [--json FILE]

FOLDER holds the published curves as `.npz` files. Regret is (final of the named rate - best) / (start - best), in
per cent, over problems and optimisers; "in noise" is the share of them in which the named rate ends within two
standard deviations (over seeds) of the best. "interval" is the share of them whose interval holds the best rate
of the grid, "width" its median width in decades. Ours is deterministic; the others are averaged over seeds, so
"worst" is the worst scan's mean, and "unlucky" the 95th percentile over scans and seeds.

`--cache` keeps what the others named (JSON lines), so that the table can be made again for new planners in a minute.
`--against` without a name leaves the others out.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import math
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from baselines import BASELINES
from published import PublishedScan, load
from replay import drive

from lrscope.search.planners.base import Planner

sys.path.append(str(Path(__file__).resolve().parents[1]))
from cache import Cache

OURS = {
    "halving": "lrscope.search.planners.halving:HalvingPlanner",
    "flow": "lrscope.search.planners.flow:FlowPlanner",
    "grid": "lrscope.search.planners.grid:FullGridPlanner",
}
BUDGETS = (0.1, 0.25, 0.5, 1, 2, 4, 8, 16)


def main() -> int:
    """Read the arguments, replay, print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--ours", nargs="*", default=list(OURS), choices=OURS)
    parser.add_argument("--against", nargs="*", default=list(BASELINES), choices=BASELINES)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--judged", nargs="+", default=["test"], choices=["test", "best", "train"])
    parser.add_argument("--budgets", nargs="+", type=float, default=list(BUDGETS))
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--json", type=Path, dest="target")
    given = parser.parse_args()
    if not any(given.folder.glob("*.npz")):
        print(
            f"No published scans (*.npz) in {given.folder}; give the folder that holds them.", file=sys.stderr
        )
        return 2
    heads = f"{'mean':>8}{'median':>8}{'worst':>8}{'unlucky':>9}{'in noise':>10}{'interval':>10}{'width':>7}"
    print(f"{'judged':7}{'method':24}{'budget':>7}{heads}")
    rows = []
    for judged in given.judged:
        scans = load(given.folder, judged)
        for row in (*_all_ours(judged, scans, given), *_all_others(judged, scans, given)):
            rows.append(row)
            _show(row)
    if given.target:
        given.target.write_text(json.dumps({"schema": "lrscope.scan_replay/2", "rows": rows}, indent=1))
    return 0


def _all_ours(judged: str, scans: list[PublishedScan], given: argparse.Namespace) -> Iterator[dict]:
    for name in given.ours:
        module, _, cls = OURS[name].partition(":")
        if importlib.util.find_spec(module) is None:
            print(f"{name} is not in this version.", file=sys.stderr)
            continue
        planner = getattr(importlib.import_module(module), cls)
        for budget in given.budgets:
            if budget >= 1 or name != "grid":
                yield _ours(judged, name, planner(), scans, budget)


def _ours(judged: str, name: str, planner: Planner, scans: list[PublishedScan], budget: float) -> dict:
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


def _all_others(judged: str, scans: list[PublishedScan], given: argparse.Namespace) -> Iterator[dict]:
    cache = Cache(given.cache)
    for name in given.against:
        baseline = BASELINES[name]
        if baseline.needs and importlib.util.find_spec(baseline.needs) is None:
            print(f"{name} needs {baseline.needs}, which is not installed.", file=sys.stderr)
            continue
        named: dict[float, list[list[float]]] = {budget: [] for budget in given.budgets}
        for scan in scans:
            found = []
            for seed in range(min(given.repeats, baseline.repeats)):
                key = [name, scan.name, judged, scan.horizon, seed, *given.budgets]
                one = cache.get(key)
                if one is None:
                    one = list(baseline.method(scan, given.budgets, seed).values())
                    cache.put(key, one)
                found.append(one)
            for place, budget in enumerate(given.budgets):
                named[budget].append([one[place] for one in found])
        for budget in given.budgets:
            yield _row(judged, name, budget, scans, named[budget])


def _row(judged: str, name: str, budget: float, scans: list[PublishedScan], named: list[list]) -> dict:
    regrets = [[scan.regret(lr) for lr in rates] for scan, rates in zip(scans, named, strict=True)]
    noise = [
        statistics.fmean(scan.within_noise(lr) for lr in rates)
        for scan, rates in zip(scans, named, strict=True)
    ]
    means = [statistics.fmean(one) for one in regrets]
    return {
        "judged": judged,
        "method": name,
        "budget": budget,
        "mean": statistics.fmean(means),
        "median": statistics.median(means),
        "worst": max(means),
        "unlucky": float(np.quantile([r for one in regrets for r in one], 0.95)),
        "in_noise": statistics.fmean(noise),
        "scans": len(scans),
        "repeats": len(named[0]),
    }


def _show(row: dict) -> None:
    held = f"{row['interval_holds_best']:.0%}" if "interval_holds_best" in row else ""
    width = f"{row['interval_width']:.1f}" if row.get("interval_width") is not None else ""
    figures = "".join(f"{100 * row[key]:8.1f}" for key in ("mean", "median", "worst"))
    print(
        f"{row['judged']:7}{row['method']:24}{row['budget']:7g}{figures}{100 * row['unlucky']:9.1f}"
        f"{row['in_noise']:10.0%}{held:>10}{width:>7}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
