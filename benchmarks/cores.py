"""Whether two programs at `--jobs 2` keep two cores busy.

    python benchmarks/cores.py [--seconds 4]

Four programs that do nothing but compute, two at a time: bare, then as a scan. Each program writes down the
processor time that it has used; busy is their sum over twice the time by the clock. The whole scan counts,
from the start of the command to its answer.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from table import show

PROGRAM = """
import sys, time
rate, seconds = float(sys.argv[1]), float(sys.argv[2])
steps = 200
for k in range(1, steps + 1):
    while time.process_time() < seconds * k / steps:
        sum(range(1000))
    if k == steps:  # before the last line: a run that has reached its last step is not wanted any longer
        with open(sys.argv[3], "a") as used:
            print(time.process_time(), file=used)
    print(f"step {k}/{steps} loss {1 / (1 + rate * k):.6f}", flush=True)
"""
RANGE = ["--low", "0.001", "--high", "0.01", "--per-decade", "3"]
RATES = ["0.001", "0.002154", "0.004642", "0.01"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=4.0, help="processor time of each program")
    seconds = str(parser.parse_args().seconds)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program = folder / "busy.py"
        program.write_text(PROGRAM)

        start = time.perf_counter()
        with ThreadPoolExecutor(2) as pool:
            words = [[sys.executable, str(program), rate, seconds, str(folder / "bare")] for rate in RATES]
            list(pool.map(lambda w: subprocess.run(w, check=True, stdout=subprocess.DEVNULL), words))
        bare = time.perf_counter() - start

        command = [
            sys.executable,
            "-m",
            "lrscope",
            "scan",
            "--json",
            "--planner",
            "grid",
            "--jobs",
            "2",
            *RANGE,
        ]
        command += ["--budget", "4", "--out", str(folder / "scan"), "--"]
        command += [sys.executable, str(program), "{lr}", seconds, str(folder / "scanned")]
        start = time.perf_counter()
        done = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        scanned = time.perf_counter() - start
        assert [run["state"] for run in json.loads(done.stdout)["runs"]] == ["complete"] * 4

        used = {n: sum(map(float, (folder / n).read_text().split())) for n in ("bare", "scanned")}
    shares = {"bare": used["bare"] / (2 * bare), "scanned": used["scanned"] / (2 * scanned)}
    show(
        "cores",
        ["", "seconds", "processor seconds", "busy"],
        [
            ["bare, two at a time", bare, used["bare"], f"{100 * shares['bare']:.1f} %"],
            ["lrscope --jobs 2", scanned, used["scanned"], f"{100 * shares['scanned']:.1f} %"],
        ],
        busy_bare=shares["bare"],
        busy_scanned=shares["scanned"],
    )


if __name__ == "__main__":
    main()
