"""The scan is ended in every rude way, at moments drawn at random, and has to lose nothing.

Each chain starts the command on one results folder, ends it after a random while by SIGKILL, SIGTERM or SIGINT,
and does so again until it comes to its own end. What is trained keeps its own side log, which is the truth that
the store is compared with. Moments are seeded, but a machine's speed moves what they hit: over the campaign they
cover starting up, the first run, the rungs, pauses, and the writing at the end.
"""

from __future__ import annotations

import json
import math
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

import lrscope
from lrscope.errors import StoreError
from lrscope.training.store.sqlite_read import read_store

GENERATOR = """
import math, os, time

def train(lr, seed):
    with open(os.environ["SIDE_LOG"], "a", buffering=1) as side:
        for step in range(1, 81):
            time.sleep(0.004)
            loss = 2.0 * math.exp(-lr * step) + 0.05 * lr * math.sin(step) if lr < 3 or step < 3 else math.nan
            side.write(f"{time.time()} {lr!r} {seed} {step} {loss!r}\\n")
            yield loss
"""

PROGRAM = """
import math, os, sys, time
lr, seed = float(sys.argv[1]), int(sys.argv[2])
with open(os.environ["SIDE_LOG"], "a", buffering=1) as side:
    for step in range(1, 41):
        time.sleep(0.01)
        loss = 2.0 * math.exp(-lr * step) + 0.05 * lr * math.sin(step) if lr < 3 or step < 3 else math.nan
        print(f"step {step}: loss {loss!r}", flush=True)
        side.write(f"{time.time()} {lr!r} {seed} {step} {loss!r}\\n")
"""

SAFE_AFTER = 0.5
"""Seconds after which a value that was reported is on disk, whatever happens to the process."""


@dataclass
class Bench:
    """A scan that can be started, ended and looked at."""

    folder: Path
    kind: str
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.out = self.folder / "out"
        self.side = self.folder / "side.log"
        (self.folder / "train.py").write_text(GENERATOR if self.kind == "function" else PROGRAM)
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(Path(lrscope.__file__).parent.parent),
            "PYTHONDONTWRITEBYTECODE": "1",
            "SIDE_LOG": str(self.side),
            "LRSCOPE_CAMPAIGN": self.mark,
        }

    def start(self) -> subprocess.Popen[str]:
        common = ["--low", "1e-4", "--per-decade", "2", "--budget", "3", "--json", "--out", str(self.out)]
        if self.kind == "function":
            what = ["--steps", "80", *common, "train.py:train"]
        else:
            what = [
                "--steps",
                "40",
                "--jobs",
                "2",
                *common,
                "--",
                sys.executable,
                "train.py",
                "{lr}",
                "{seed}",
            ]
        return subprocess.Popen(
            [sys.executable, "-m", "lrscope", "scan", *what],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def answer(self) -> dict[str, object]:
        """Let it come to its end; what it says, without what depends on time."""
        process = self.start()
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        return self.told(out)

    def told(self, out: str) -> dict[str, object]:
        document = json.loads(out)
        runs = [(r["lr"], r["seed"], r["state"], r["steps"], r["last"]) for r in document["runs"]]
        return {"recommendation": document["recommendation"], "band": document["band"], "runs": runs}

    def reported(self, before: float, since: float = 0.0) -> dict[tuple[float, int, int], float]:
        """What the source reported between two moments, by its own account; the first value for each step."""
        seen: dict[tuple[float, int, int], float] = {}
        for line in self.side.read_text().splitlines() if self.side.exists() else []:
            parts = line.split()
            if len(parts) == 5 and since < float(parts[0]) < before:
                seen.setdefault((float(parts[1]), int(parts[2]), int(parts[3])), float(parts[4]))
        return seen

    def stored(self) -> dict[tuple[float, int, int], float]:
        try:
            ledger = read_store(self.out / "scan.sqlite")
        except StoreError:  # ended before there was anything to write
            return {}
        asks = [(d.key, d.detail["batch"]) for d in ledger.decisions if d.kind == "advance"]
        assert len(asks) == len(set(asks)), "an ask was written twice"
        return {
            (run.lr, run.seed, step): loss
            for run in ledger.runs
            for curve in run.curves.values()
            for step, loss in zip(curve.step.tolist(), curve.loss.tolist(), strict=True)
        }

    def left_behind(self) -> list[str]:
        """Processes of this bench that still live, after a while in which they may go."""
        deadline = time.monotonic() + 10
        while True:
            found = []
            for process in psutil.process_iter():
                try:
                    if process.environ().get("LRSCOPE_CAMPAIGN") == self.mark:
                        found.append(f"{process.pid} {process.status()} {process.cmdline()}")
                except psutil.Error:
                    continue
            if not found or time.monotonic() > deadline:
                return found
            time.sleep(0.05)


def loss_at(lr: float, seed: int, step: int) -> float:
    """What both sources report."""
    return 2.0 * math.exp(-lr * step) + 0.05 * lr * math.sin(step) if lr < 3 or step < 3 else math.nan


def equal(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))


def chain(bench: Bench, expected: dict[str, object], seed: int, longest: float, kills: int) -> int:
    """End a scan again and again until it finishes; how often it was ended."""
    rng = random.Random(seed)
    ended = 0
    stored: dict[tuple[float, int, int], float] = {}
    while True:
        before, began = stored, time.time()
        process = bench.start()
        if ended < kills:
            wait = rng.uniform(0.0, longest)
            try:
                process.wait(wait)
            except subprocess.TimeoutExpired:
                number = rng.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
                moment = time.time()
                process.send_signal(number)
                out, err = process.communicate(timeout=60)
                ended += 1
                assert bench.left_behind() == []
                stored = bench.stored()
                assert before.keys() <= stored.keys()
                safe = bench.reported(moment - SAFE_AFTER, since=began)
                # A program prints on for a moment after the NaN that ended it; that is nobody's loss.
                nan_at = {k[:2]: k[2] for k in sorted(stored, reverse=True) if math.isnan(stored[k])}
                missing = {
                    k: v for k, v in safe.items() if k not in stored and k[2] < nan_at.get(k[:2], math.inf)
                }
                assert not missing, f"lost by {number!r} after {wait:.2f} s: {missing}"
                # Python itself, before our first line runs, ends with 1 and a traceback on Ctrl-C.
                unborn = (
                    process.returncode == 1 and "KeyboardInterrupt" in err and stored.keys() == before.keys()
                )
                # And where it was making a class at that moment, it ends itself by SIGINT after we have returned 130.
                if not unborn and process.returncode not in (0, -number, 130, -signal.SIGINT):
                    pytest.fail(f"{number!r} after {wait:.2f} s ended it with {process.returncode}: {err}")
                if process.returncode == 0:  # it was through already
                    assert bench.told(out) == expected
                continue
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert bench.told(out) == expected
        # Held against the formula, not the side log: a program may be suspended or ended right after it has
        # printed a value, before it has written it there.
        assert all(equal(value, loss_at(*key)) for key, value in bench.stored().items())
        # A clean end leaves one file of the database, whatever came before.
        assert sorted(p.name for p in bench.out.glob("scan.sqlite*")) == ["scan.sqlite"]
        assert bench.left_behind() == []
        return ended


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("terminal_signals")
@pytest.mark.parametrize(("kind", "kills"), [("function", 30), ("program", 22)])
def test_a_scan_that_is_ended_anywhere_loses_nothing(tmp_path, kind, kills):
    """Ended by SIGKILL, SIGTERM or Ctrl-C at many different moments and continued, a scan has every value on
    disk that was half a second old, has none twice, leaves no process behind, and ends with the answer of
    the undisturbed scan."""
    plain = Bench(tmp_path / "plain", kind)
    began = time.monotonic()
    expected = plain.answer()
    longest = 0.9 * (time.monotonic() - began)
    assert expected["recommendation"] is not None
    ended = number = 0
    while ended < kills:
        bench = Bench(tmp_path / f"chain-{number}", kind)
        ended += chain(bench, expected, seed=number, longest=longest, kills=min(6, kills - ended))
        number += 1
