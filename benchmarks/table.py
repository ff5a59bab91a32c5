"""Prints a benchmark's figures as a table for people, then as one line of JSON for machines."""

import json
import platform
from collections.abc import Sequence


def show(name: str, head: Sequence[str], rows: Sequence[Sequence[object]], **figures: object) -> None:
    """Print `rows` under `head`, then the named `figures` as JSON."""
    cells = [
        [str(c) for c in head],
        *[[f"{c:.4g}" if isinstance(c, float) else str(c) for c in row] for row in rows],
    ]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    print(f"{name}  (Python {platform.python_version()}, {platform.machine()})\n")
    for i, row in enumerate(cells):
        print(
            "  ".join(
                c.ljust(w) if j == 0 else c.rjust(w) for j, (c, w) in enumerate(zip(row, widths, strict=True))
            )
        )
        if i == 0:
            print("  ".join("-" * w for w in widths))
    print("\n" + json.dumps({"benchmark": name, **figures}))
