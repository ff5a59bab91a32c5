"""What came out of the tournament.

    python benchmarks/control/table.py FOLDER [--ours gap-held-out+avg] [--tasks ...] [--seeds ...] [--json FILE]

An entrant is a method with the last weights, or, with "+avg", with averaged ones. Regret is how many percent an
entrant's final loss lies above the best final loss of any entrant from any start on the same task, optimiser and
seed (on at least 0.05, so that losses near zero make no regret of nothing). "train" is the loss on the points
trained on, "test" on points that nothing has looked at.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

FLOOR = 0.05
CAP = 100.0
CLOSE = 5.0

Cell = tuple[str, str, int]  # task, optimiser, seed
Results = dict[str, dict[tuple[Cell, float], float]]  # entrant, then cell and start: final loss


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--ours", nargs="+", default=["gap+avg", "gap-held-out+avg", "gap-held-out-finish+avg"]
    )
    parser.add_argument("--tasks", nargs="+", default=[])
    parser.add_argument("--seeds", nargs="+", type=int, default=[])
    parser.add_argument(
        "--complete",
        action="store_true",
        help="only seeds with as many runs as the fullest seed of the same task",
    )
    parser.add_argument("--by-task", action="store_true", help="median and worst regret by task, too")
    parser.add_argument("--json", type=Path, help="where to write the same as JSON")
    wanted = parser.parse_args()
    lines = (wanted.folder / "runs.jsonl").read_text().splitlines()
    runs = [json.loads(line) for line in lines if line.endswith("}")]
    runs = [r for r in runs if not wanted.tasks or r["task"] in wanted.tasks]
    runs = [r for r in runs if not wanted.seeds or r["seed"] in wanted.seeds]
    if wanted.complete:
        runs = complete(runs)
    summary: dict[str, Any] = {"runs": len(runs)}
    for points in ("train", "test"):
        results = collect(runs, points)
        best = best_of(results)
        regrets = {name: regrets_of(found, best) for name, found in results.items()}
        summary[points] = {
            "regret": show_regrets(points, regrets),
            "wins": show_wins(points, results, [o for o in wanted.ours if o in results]),
        }
        if wanted.by_task:
            show_tasks(points, regrets, wanted.ours)
    if wanted.json:
        wanted.json.write_text(json.dumps(summary, indent=1) + "\n")


def complete(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without seeds on which some entrant is still to come: the best of few is no yardstick."""
    seen = Counter((r["task"], r["optimizer"], r["seed"]) for r in runs)
    full = {cell[:2]: max(n for other, n in seen.items() if other[:2] == cell[:2]) for cell in seen}
    return [r for r in runs if seen[r["task"], r["optimizer"], r["seed"]] == full[r["task"], r["optimizer"]]]


def collect(runs: Iterable[dict[str, Any]], points: str) -> Results:
    """Final losses by entrant. What has no start counts for every start."""
    results: Results = defaultdict(dict)
    runs = list(runs)
    starts = sorted({r["start"] for r in runs})
    everywhere = {
        m for m in {r["method"] for r in runs} if {r["start"] for r in runs if r["method"] == m} == {1}
    }
    for r in runs:
        cell = (r["task"], r["optimizer"], r["seed"])
        for start in starts if r["method"] in everywhere else [r["start"]]:
            results[r["method"]][cell, start] = r[points]
            results[r["method"] + "+avg"][cell, start] = r[points + "_avg"]
    return results


def best_of(results: Results) -> dict[Cell, float]:
    best: dict[Cell, float] = {}
    for found in results.values():
        for (cell, _), loss in found.items():
            best[cell] = min(loss, best.get(cell, np.inf))
    return best


def regrets_of(found: dict[tuple[Cell, float], float], best: dict[Cell, float]) -> dict[Any, float]:
    return {
        (cell, start): 100 * (loss - best[cell]) / max(best[cell], FLOOR)
        for (cell, start), loss in found.items()
    }


def show_regrets(points: str, regrets: dict[str, dict[Any, float]]) -> dict[str, dict[str, float]]:
    starts = sorted({start for found in regrets.values() for _, start in found})
    rows: dict[str, dict[str, float]] = {}
    for name, found in regrets.items():
        values = np.array(list(found.values()))
        rows[name] = {
            f"x{s:g}": float(np.median([v for (_, at), v in found.items() if at == s] or [np.nan]))
            for s in starts
        } | {
            "median": float(np.median(values)),
            "mean": float(np.minimum(values, CAP).mean()),
            "p90": float(np.quantile(np.minimum(values, 1e6), 0.9)),
            "worst": float(min(values.max(), 1e6)),
            "within": float(100 * (values <= CLOSE).mean()),
            "runs": float(len(values)),
        }
    heads = [*(f"x{s:g}" for s in starts), "median", "mean", "p90", "worst", "within", "runs"]
    print(f"\nRegret in percent, {points} loss: median by start; over all median, mean (capped at 100), ...")
    print(f"{'':24}" + "".join(f"{h:>8}" for h in heads))
    for name, row in sorted(rows.items(), key=lambda item: item[1]["median"]):
        print(
            f"{name:24}"
            + "".join(f"{row[h]:8.{0 if h in ('worst', 'runs', 'within', 'p90') else 1}f}" for h in heads)
        )
    return {name: {k: round(v, 2) for k, v in row.items()} for name, row in rows.items()}


def show_wins(points: str, results: Results, ours: list[str]) -> dict[str, dict[str, list[float]]]:
    """Share of runs that beat a rival from the same start, and from the rival's own best start."""
    print(
        f"\nWins in percent, {points} loss: from the same start / against the rival's best start of its cell"
    )
    print(f"{'':24}" + "".join(f"{name:>24}" for name in ours))
    table: dict[str, dict[str, list[float]]] = defaultdict(dict)
    for rival, theirs in sorted(results.items()):
        cells = []
        for name in ours:
            same, own = wins(results[name], theirs)
            table[name][rival] = [round(same, 1), round(own, 1)]
            cells.append(f"{same:.0f} / {own:.0f}")
        print(f"{rival:24}" + "".join(f"{c:>24}" for c in cells))
    return dict(table)


def wins(ours: dict[Any, float], theirs: dict[Any, float]) -> tuple[float, float]:
    def share(pairs: list[tuple[float, float]]) -> float:
        return 100 * float(np.mean([0.5 * (a < b) + 0.5 * (a <= b) for a, b in pairs])) if pairs else np.nan

    by_start: dict[Any, dict[float, list[float]]] = defaultdict(lambda: defaultdict(list))
    for (cell, start), loss in theirs.items():
        by_start[cell[:2]][start].append(min(loss, 1e9))
    chosen = {task: min(starts, key=lambda s: float(np.mean(starts[s]))) for task, starts in by_start.items()}
    same = [(loss, theirs[key]) for key, loss in ours.items() if key in theirs]
    own = [
        (loss, theirs[cell, chosen[cell[:2]]])
        for (cell, _), loss in ours.items()
        if cell[:2] in chosen and (cell, chosen[cell[:2]]) in theirs
    ]
    return share(same), share(own)


def show_tasks(points: str, regrets: dict[str, dict[Any, float]], ours: list[str]) -> None:
    rivals = ("cosine", "schedule-free", "plateau")
    names = [n for n in [*ours, *rivals] if n in regrets]
    print(f"\nRegret in percent by task, {points} loss: median / worst")
    print(f"{'':24}" + "".join(f"{name:>22}" for name in names))
    tasks = sorted({cell[:2] for found in regrets.values() for cell, _ in found})
    for task in tasks:
        row = ""
        for name in names:
            values = [v for (cell, _), v in regrets[name].items() if cell[:2] == task]
            text = f"{np.median(values):.1f} / {min(max(values), 1e6):.0f}" if values else "-"
            row += f"{text:>22}"
        print(f"{'/'.join(task):24}{row}")


if __name__ == "__main__":
    main()
