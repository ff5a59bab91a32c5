"""How alike are two runs when they have had as much of their rate? By plain rate times steps, and by the sum of rates.

    python benchmarks/scan_corpus/collapse.py FALLING

FALLING holds scans made with `make.py --falling`. Runs below the best rate are compared with those at 2.5 and 6.3 times
their rate, where these have come to the same rate times steps, or to the same sum of the rates that they used. Printed
is the median difference of their batch losses (mean over the last fifth of the steps so far), as a share of what
training gains, by the share of its steps that the slower run has done; positive where the faster run stands higher.
"""

from __future__ import annotations

import statistics
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "scan_replay"))
from published import PublishedScan, load

DONE = (0.05, 0.1, 0.2, 0.4, 0.7, 1.0)
FASTER = (2, 4)
"""Grid steps: five to a factor of ten."""


def differences(scan: PublishedScan, done: float) -> list[tuple[float, float]]:
    """Faster less slower, by rate times steps and by summed rates, for each pair of runs."""
    best = int(np.nanargmin(scan.final))
    gain = scan.start - float(scan.final[best])
    slowest = scan.runs[scan.rates[0]]
    summed = np.cumsum(slowest.curves["lr"].loss) / slowest.lr
    step = int(done * scan.horizon)
    found = []
    for i in range(max(0, best - 8), best + 1):
        for apart in FASTER:
            if i + apart > best + 1 or i + apart >= len(scan.rates):
                continue
            slow, fast = scan.rates[i], scan.rates[i + apart]
            plain = int(step * slow / fast)
            by_sum = int(np.searchsorted(summed, summed[step - 1] * slow / fast)) + 1
            here, *there = (_level(scan, lr, at) for lr, at in ((slow, step), (fast, plain), (fast, by_sum)))
            if np.isfinite([here, *there]).all():
                found.append(((there[0] - here) / gain, (there[1] - here) / gain))
    return found


def _level(scan: PublishedScan, lr: float, step: int) -> float:
    """Mean batch loss over the last fifth of the steps so far; NaN for fewer than eight steps."""
    loss = scan.runs[lr].curves["loss"].loss
    return float(loss[int(0.8 * step) : step].mean()) if 8 <= step <= len(loss) else np.nan


def main() -> int:
    """Compare, and print a line for each share of the steps."""
    scans = load(Path(sys.argv[1]), "test") if len(sys.argv) == 2 else []
    scans = [scan for scan in scans if "lr" in scan.runs[scan.rates[0]].curves]
    if not scans:
        print("Name a folder with scans that make.py --falling has made.", file=sys.stderr)
        return 2
    found: dict[float, list[tuple[float, float]]] = defaultdict(list)
    for scan in scans:
        for done in DONE:
            found[done] += differences(scan, done)
    print(f"{'done':>6} {'pairs':>6} {'rate x steps':>24} {'summed rates':>24}")
    for done, pairs in found.items():
        columns = [
            f"{statistics.median(values):+10.3f} (size {statistics.median(map(abs, values)):.3f})"
            for values in zip(*pairs, strict=True)
        ]
        print(f"{done:6.0%} {len(pairs):6d} {columns[0]:>24} {columns[1]:>24}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
