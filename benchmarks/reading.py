"""How long reading takes: 100,000 points of each format, and TensorBoard's own reader beside ours.

    python benchmarks/reading.py [--points N] [--json]

The bar: at most 0.5 s for CSV and JSON lines, at most 5 s for 20 MB of console output, and no slower than
TensorBoard's own reader (where `tensorboard` is installed; told to keep all points, which by default it does not).
Best of five in one process, in turns. What is counted is processor time: all readers keep one core busy and wait for
nothing, so on a quiet machine it is the wall time, and on a busy one it is what the wall time would be.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import random
import struct
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from lrscope.readers import read
from lrscope.readers.tensorboard import masked_crc

BAR_SECONDS = 0.5
CONSOLE_BAR_SECONDS = 5.0
CONSOLE_BYTES = 20_000_000
REPEATS = 5


def losses(n: int) -> list[float]:
    """A falling curve with noise."""
    noise = random.Random(0)
    return [2.0 / math.sqrt(1 + k / 100) + noise.gauss(0, 0.05) for k in range(n)]


def write_csv(path: Path, values: list[float]) -> None:
    """A column each for epoch, step, loss and rate."""
    rows = (f"{k // 1000},{k},{v!r},{0.1 * 0.99999**k!r}\n" for k, v in enumerate(values))
    path.write_text("epoch,step,loss,lr\n" + "".join(rows))


def write_sparse_csv(path: Path, values: list[float]) -> None:
    """As Lightning does: the rate and the loss in rows of their own."""
    rows = (f",0.1,{k},\n{k // 1000},,{k},{v!r}\n" for k, v in enumerate(values))
    path.write_text("epoch,lr-SGD,step,train_loss\n" + "".join(rows))


def write_jsonl(path: Path, values: list[float]) -> None:
    """Rows of the same keys."""
    path.write_text(
        "".join(json.dumps({"step": k, "loss": v, "lr": 0.1}) + "\n" for k, v in enumerate(values))
    )


def write_uneven_jsonl(path: Path, values: list[float]) -> None:
    """Rows of different keys: every tenth has a validation loss, and a text."""
    rows: list[dict[str, Any]] = [{"step": k, "loss": v, "lr": 0.1} for k, v in enumerate(values)]
    for row in rows[::10]:
        row.update(val_loss=row["loss"], note="evaluated")
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_console(path: Path, values: list[float]) -> int:
    """What an image classifier prints each batch, `CONSOLE_BYTES` of it; gives the number of lines."""
    size = count = 0
    with path.open("w") as file:
        while size < CONSOLE_BYTES:
            epoch, batch = divmod(count, 1000)
            loss = values[count % len(values)]
            clock = f"2026-01-02 10:{batch // 60:02d}:{batch % 60:02d},{count % 1000:03d}"
            size += file.write(
                f"{clock} INFO Epoch: [{epoch}][{batch}/1000]\tTime 0.{count % 900 + 100} (0.11)"
                f"\tLoss {loss:.4f} (3.9120)\tAcc@1 {50 + loss:.2f}\tLr: {0.1 * 0.9999**count:.6g}\n"
            )
            count += 1
    return count


def write_events(path: Path, values: list[float]) -> None:
    """One simple_value an event, framed as TFRecords."""

    def crc(data: bytes) -> bytes:
        return struct.pack("<I", int(masked_crc(np.frombuffer(data, dtype=np.uint8)[None, :])[0]))

    def varint(k: int) -> bytes:
        out = b""
        while k > 0x7F:
            out, k = out + bytes([k & 0x7F | 0x80]), k >> 7
        return out + bytes([k])

    with path.open("wb") as file:
        heads: dict[int, bytes] = {}
        for k, v in enumerate(values):
            payload = b"\x09" + struct.pack("<d", 1.7e9 + k) + b"\x10" + varint(k)
            payload += b"\x2a\x13\x0a\x11\x0a\x0atrain/loss\x15" + struct.pack("<f", v)
            length = struct.pack("<Q", len(payload))
            heads.setdefault(len(payload), length + crc(length))
            file.write(heads[len(payload)] + payload + crc(payload))


def owners_reader(folder: Path) -> int:
    """Points that TensorBoard's own reader finds."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    accumulator.Reload()
    tags = accumulator.Tags()
    return sum(len(accumulator.Scalars(t)) for t in tags["scalars"]) + sum(
        len(accumulator.Tensors(t)) for t in tags["tensors"]
    )


def ours(path: Path) -> int:
    """Points of the longest curve that we find."""
    return max(len(curve) for run in read(path) for curve in run.curves.values())


def main() -> int:
    """Write the logs, read them in turns, print the best times."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--points", type=int, default=100_000)
    arguments.add_argument("--json", action="store_true")
    given = arguments.parse_args()
    values = losses(given.points)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "events").mkdir()
        write_csv(folder / "a.csv", values)
        write_sparse_csv(folder / "sparse.csv", values)
        write_jsonl(folder / "a.jsonl", values)
        write_uneven_jsonl(folder / "uneven.jsonl", values)
        write_events(folder / "events" / "events.out.tfevents.1700000000.host", values)
        cases: dict[str, Callable[[], int]] = {
            "csv": lambda: ours(folder / "a.csv"),
            "csv, sparse": lambda: ours(folder / "sparse.csv"),
            "jsonl": lambda: ours(folder / "a.jsonl"),
            "jsonl, uneven": lambda: ours(folder / "uneven.jsonl"),
            "tensorboard": lambda: ours(folder / "events"),
        }
        points = dict.fromkeys((*cases, "tensorboard, its own reader"), given.points)
        points["console, 20 MB"] = write_console(folder / "a.log", values)
        cases["console, 20 MB"] = lambda: ours(folder / "a.log")
        if importlib.util.find_spec("tensorboard") is not None:
            cases["tensorboard, its own reader"] = lambda: owners_reader(folder / "events")
        best = dict.fromkeys(cases, math.inf)
        for _ in range(REPEATS):
            for name, case in cases.items():
                start = time.process_time()
                found = case()
                best[name] = min(best[name], time.process_time() - start)
                if found != points[name]:
                    raise SystemExit(f"{name}: {found} points were read of {points[name]}")
    reached = all(best[name] <= BAR_SECONDS for name in best if name.startswith(("csv", "jsonl")))
    reached = reached and best["console, 20 MB"] <= CONSOLE_BAR_SECONDS
    own = best.get("tensorboard, its own reader")
    reached = reached and (own is None or best["tensorboard"] <= own)
    if given.json:
        print(json.dumps({"points": given.points, "seconds": best, "reached": reached}))
    else:
        for name, seconds in best.items():
            print(f"{name:28} {seconds:6.3f} s   {points[name] / seconds:10,.0f} points/s")
        if own is not None:
            print(f"its own reader takes {own / best['tensorboard']:.1f} times as long as ours")
        print("The bar is reached." if reached else "The bar is NOT reached.")
    return 0 if reached else 1


if __name__ == "__main__":
    raise SystemExit(main())
