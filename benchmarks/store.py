"""How many points a second the results file takes, and gives back.

    python benchmarks/store.py [--points 500000]

Points are written as the session writes them: in batches, each on record when `append` returns. A plain
list of the same points in a pickle shows what the disk and the interpreter can do at most.
"""

import argparse
import pickle
import tempfile
import time
from pathlib import Path

from table import show

from lrscope.config import at_rate
from lrscope.training.store.base import Points
from lrscope.training.store.sqlite import SqliteStore


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", type=int, default=500_000)
    total = parser.parse_args().points
    rows: list[list[object]] = []
    figures: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        for batch in (20, 1_000, 10_000):
            path = Path(folder) / f"{batch}.sqlite"
            count = min(total, batch * 2_000) // batch * batch
            batches = [
                Points(at_rate(0.1, 0), [(step, "loss", 1.0 / step) for step in range(first, first + batch)])
                for first in range(1, count + 1, batch)
            ]
            store = SqliteStore(path)
            start = time.perf_counter()
            for points in batches:
                store.append([points])
            written = time.perf_counter() - start
            store.close()
            store = SqliteStore(path)
            start = time.perf_counter()
            ledger = store.read()
            read = time.perf_counter() - start
            store.close()
            assert len(ledger.runs[0].curves["loss"]) == count
            start = time.perf_counter()
            (Path(folder) / "plain").write_bytes(pickle.dumps(batches))
            plain = time.perf_counter() - start
            rows.append(
                [
                    f"batches of {batch}",
                    count,
                    round(count / written),
                    round(count / read),
                    f"{written / plain:.1f}",
                ]
            )
            figures[f"written_per_second_in_batches_of_{batch}"] = count / written
            figures[f"read_per_second_in_batches_of_{batch}"] = count / read
    show("store", ["", "points", "written a second", "read a second", "times a pickle's"], rows, **figures)


if __name__ == "__main__":
    main()
