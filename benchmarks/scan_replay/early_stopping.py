"""How often would a run that is left early have won, and how much work does leaving it save?

    python benchmarks/scan_replay/early_stopping.py [FOLDER] [--synthetic 400] [--seed 0]

Two measurements. On synthetic scans, which are exchangeable by construction, the limit is calibrated on one half, and
the risk measured on the other: it has to keep what it states. On the published scans in FOLDER, which were not drawn
from one distribution by anybody, the limit is calibrated on all problems but one and used on that one. Work is counted
in steps of a full grid; diverged runs cost what they took in both.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from published import PublishedScan, load

from lrscope.curves import Plan, Run, Scan
from lrscope.search.rate.ranking import reading
from lrscope.search.rate.stopping import LIMITS, behind, looks
from lrscope.search.space import log_grid
from lrscope.statistics.sequential import conformal_limit
from lrscope.testing.curves import KnownTraining

sys.path.append(str(Path(__file__).resolve().parents[1]))
from table import show

RISKS = (0.1, 0.2)


class Whole:
    """A scan all of whose runs went to their end: cut at any step, and with its winner."""

    def __init__(self, plan: Plan, at, ends: dict[float, float]) -> None:  # noqa: ANN001
        self.plan = plan
        self.at = at
        self.winner = min((lr for lr in ends if math.isfinite(ends[lr])), key=lambda lr: (ends[lr], lr))
        self.keys = [(lr, plan.seeds[0]) for lr in plan.rates]

    def scan(self, step: int) -> Scan:
        """All runs at `step`."""
        return Scan(self.plan, tuple(self.at(lr, step) for lr in self.plan.rates))

    def score(self) -> float:
        """How far behind the winner was at its worst look."""
        far = [
            behind(self.scan(step), self.keys, step).get((self.winner, self.keys[0][1]))
            for step in looks(self.plan.horizon)
        ]
        return max((value for value in far if value is not None), default=0.0)

    def race(self, limit: float) -> tuple[bool, float]:
        """Whether the winner is left at that limit, and the work done as a share of the full grid's."""
        racing, done, lost = list(self.keys), dict.fromkeys(self.keys, 0), False
        for step in (*looks(self.plan.horizon), self.plan.horizon):
            scan = self.scan(step)
            for key in racing:
                done[key] = scan.run(key).step
            if step == self.plan.horizon:
                break
            far = behind(scan, racing, step)
            out = {key for key in racing if far.get(key, 0.0) > limit}
            lost = lost or (self.winner, self.keys[0][1]) in out
            racing = [key for key in racing if key not in out]
        full = sum(run.step for run in self.scan(self.plan.horizon).runs)
        return lost, sum(done.values()) / full


def published(scan: PublishedScan) -> Whole:
    """A published scan."""
    plan = Plan(
        rates=scan.rates, horizon=scan.horizon, metric="epoch_loss", goal="min",
        objective="best" if scan.objective == "best" else "last",
    )  # fmt: skip
    ends = dict(zip(scan.rates, scan.final.tolist(), strict=True))
    return Whole(plan, lambda lr, step: scan.runs[lr].at(step, scan.horizon), ends)


def synthetic(rng: np.random.Generator) -> Whole:
    """A scan of known truth, whose difficulty is drawn at random."""
    horizon = 512
    training = KnownTraining(
        horizon=horizon,
        needed=float(10 ** rng.uniform(-1.5, 1.0)),
        floor=float(10 ** rng.uniform(-1.0, 1.0)),
        cliff=float(10 ** rng.uniform(-0.5, 0.8)),
        noise=float(10 ** rng.uniform(-3.0, -0.7)),
    )
    plan = Plan(rates=log_grid(1e-3, 10.0, 4), horizon=horizon)
    seed = int(rng.integers(2**31))
    runs = {lr: training.run((lr, seed), None) for lr in plan.rates}
    plan = Plan(rates=plan.rates, horizon=horizon, seeds=(seed,))

    def at(lr: float, step: int) -> Run:
        return (
            training.run((lr, seed), step) if not runs[lr].state.final or runs[lr].step > step else runs[lr]
        )

    from lrscope.search.rate.ranking import judge

    by = judge(Scan(plan, tuple(runs.values())))
    return Whole(
        plan,
        at,
        {lr: reading(run, by, horizon) if run.state != "diverged" else math.inf for lr, run in runs.items()},
    )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--synthetic", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rows: list[list[object]] = []
    rng = np.random.default_rng(given.seed)
    drawn = [synthetic(rng) for _ in range(given.synthetic)]
    half = len(drawn) // 2
    scores = [one.score() for one in drawn[:half]]
    for risk in RISKS:
        limit = conformal_limit(scores, risk)
        raced = [one.race(limit) for one in drawn[half:]]
        rows.append([f"synthetic, {half} scans", risk, limit, *_figures(raced)])
    if given.folder is not None and any(given.folder.glob("*.npz")):
        rows += _published(given.folder)
    elif given.folder is not None:
        print(f"No published scans (*.npz) in {given.folder}.", file=sys.stderr)
    show("early stopping", ["scans", "risk stated", "limit", "winner left", "work done"], rows)
    return 0


def _published(folder: Path) -> list[list[object]]:
    """Each problem with a limit from the others; and the limits from all, which `search.rate.stopping` has."""
    ways = {
        judged: [(s.name, published(s)) for s in load(folder, judged)] for judged in ("test", "best", "train")
    }
    worst: dict[str, float] = defaultdict(float)
    for scans in ways.values():
        for name, one in scans:
            worst[name] = max(worst[name], one.score())
    rows: list[list[object]] = []
    for risk in RISKS:
        rows.append(
            [
                f"published, limit from all {len(worst)}",
                risk,
                conformal_limit(list(worst.values()), risk),
                "",
                "",
            ]
        )
        for judged, scans in ways.items():
            fixed = [one.race(LIMITS[risk]) for _, one in scans]
            rows.append([f"published, {judged}, as lrscope has it", risk, LIMITS[risk], *_figures(fixed)])
            raced, limits = [], []
            for name, one in scans:
                others = [v for other, v in worst.items() if other.split("/")[0] != name.split("/")[0]]
                limits.append(conformal_limit(others, risk))
                raced.append(one.race(limits[-1]))
            rows.append(
                [
                    f"published, {judged}, leave one problem out",
                    risk,
                    statistics.median(limits),
                    *_figures(raced),
                ]
            )
    return rows


def _figures(raced: list[tuple[bool, float]]) -> list[object]:
    lost = sum(one for one, _ in raced)
    return [f"{lost} of {len(raced)}", f"{statistics.fmean(work for _, work in raced):.0%}"]


if __name__ == "__main__":
    sys.exit(main())
