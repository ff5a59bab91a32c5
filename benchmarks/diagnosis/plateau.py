"""How good is the plateau trigger on published training curves? Premature, missed and late first cuts, rule
by rule.

    python benchmarks/diagnosis/plateau.py FOLDER [--beyond]

FOLDER holds the packed DeepOBS curves (one .npz a problem). Every run that kept all values finite and reached
half of the best improvement of its problem and optimiser counts; each epoch's mean training loss is what the
rules see, and PyTorch's, Keras's and optax's see the test loss, as they are used. The truth is what the
training loss did afterwards (`lrscope.diagnosis.backtest.what_came`), within the log; with --beyond, a curve that
still falls at its end is no flat one, as the diagnosis sees it.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from lrscope.curves.curve import LossCurve
from lrscope.diagnosis.backtest import Replay, backtest
from lrscope.diagnosis.plateau_rules import DlibPlateau, KerasPlateau, OurPlateau, TorchPlateau

Row = tuple[str, str, Replay, bool]
RHOS = (0.03, 0.04, 0.05, 0.06, 0.08)


def runs(folder: Path) -> list[tuple[str, str, LossCurve, LossCurve]]:
    """Problem, optimiser, training and test curve of each converging run."""
    found = []
    for path in sorted(folder.glob("*.npz")):
        data = np.load(path)
        for optimiser in ("adam", "sgd", "momentum"):
            train, test = data[f"{optimiser}_train"], data[f"{optimiser}_test"]
            good = np.isfinite(train).all(axis=1) & np.isfinite(test).all(axis=1)
            gain = train[:, 0] - train[:, -3:].mean(axis=1)
            best = gain[good].max()
            epoch = np.arange(train.shape[1])
            for i in np.flatnonzero(good & (gain > 0.5 * best)):
                found.append((path.stem, optimiser, LossCurve(epoch, train[i]), LossCurve(epoch, test[i])))
    return found


def figures(rows: list[tuple[Replay, bool]]) -> dict[str, float]:
    """Shares in per cent, delay as a share of the run."""
    flat = [r for r, is_flat in rows if is_flat]
    delays = [r.delay for r in flat if r.cuts]
    cut = [r for r, _ in rows if r.cuts]
    return {
        "runs": len(rows),
        "premature_%": 100 * float(np.mean([r.premature for r, _ in rows])),
        "premature_of_cuts_%": 100 * float(np.mean([r.premature for r in cut])) if cut else 0.0,
        "over_20_left_%": 100 * float(np.mean([r.left_at_cut > 0.2 for r, _ in rows])),
        "flat": len(flat),
        "missed_%": 100 * float(np.mean([r.missed for r in flat])) if flat else 0.0,
        "delay_median": float(np.median(delays)) if delays else float("nan"),
    }


def main() -> None:
    """Print the table, and leave-one-problem-out figures for the one setting that was looked at on these
    curves.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--beyond", action="store_true")
    asked = parser.parse_args()
    folder, beyond = asked.folder, asked.beyond
    if not list(folder.glob("*.npz")):
        sys.exit(f"No .npz files in {folder}: this benchmark needs the published curves and was not run.")
    peers = {
        "torch p=10": lambda: TorchPlateau(),
        "torch p=5": lambda: TorchPlateau(patience=5),
        "torch p=3": lambda: TorchPlateau(patience=3),
        "torch p=25": lambda: TorchPlateau(patience=25),
        "keras p=10": lambda: KerasPlateau(),
        "dlib p=10": lambda: DlibPlateau(patience=10),
    }
    ours = {f"lrscope rho={rho}": (lambda rho=rho: OurPlateau(rho=rho)) for rho in RHOS}
    rows: list[Row] = []
    for problem, optimiser, train, test in runs(folder):
        done = backtest(test, peers, judged_by=train, beyond=beyond) + backtest(train, ours, beyond=beyond)
        done += backtest(train, {"torch p=10, train loss": lambda: TorchPlateau()}, beyond=beyond)
        flat = any(r.missed or np.isfinite(r.delay) for r in done)
        rows += [(problem, optimiser, r, flat) for r in done]
    names = list(dict.fromkeys(r.rule for _, _, r, _ in rows))
    table = {name: figures([(r, f) for _, _, r, f in rows if r.rule == name]) for name in names}
    # The same weight for every problem and optimiser, whatever number of its runs converged.
    for name in names:
        cells = [
            figures([(r, f) for p, o, r, f in rows if r.rule == name and (p, o) == cell])
            for cell in dict.fromkeys((p, o) for p, o, _, _ in rows)
        ]
        table[name]["premature_mean_of_cells_%"] = float(np.mean([c["premature_%"] for c in cells]))
    problems = list(dict.fromkeys(p for p, _, _, _ in rows))
    left_out = {}
    for problem in problems:
        cost = {}
        for rho in RHOS:
            rest = figures([(r, f) for p, _, r, f in rows if p != problem and r.rule == f"lrscope rho={rho}"])
            # Each figure by its target; the worst of the three is what keeps a rule from reaching them all.
            cost[rho] = max(rest["premature_%"] / 15, rest["missed_%"] / 5, rest["delay_median"] / 0.05)
        chosen = min(cost, key=lambda k: cost[k])
        own = [(r, f) for p, _, r, f in rows if p == problem and r.rule == f"lrscope rho={chosen}"]
        left_out[problem] = {"chosen_rho": chosen, **figures(own)}
    print(json.dumps({"table": table, "leave_one_problem_out": left_out}, indent=1))


if __name__ == "__main__":
    main()
