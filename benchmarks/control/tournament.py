"""Trains every task under every method from every start, and goes on where it stopped.

    python benchmarks/control/tournament.py FOLDER [--methods ...] [--tasks ...] [--seeds 0 1 2] [--starts ...]
    python benchmarks/control/table.py FOLDER

A start is a multiple of the best constant rate of its task and optimiser, which is found first: on spare points,
with seeds that are used for nothing else. FOLDER/rates.json keeps those, FOLDER/runs.jsonl each finished run.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import sys
import time
from pathlib import Path
from typing import Any

import torch
from methods import OPPONENTS, Method
from ours import OURS
from tasks import CELLS, FIRST_RATE
from training import train

METHODS = OPPONENTS | OURS
STARTS = [0.1, 0.3, 1.0, 3.0, 10.0]
SEARCH_SEEDS = [100, 101]
STEP = 10**0.25

Job = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), metavar="NAME")
    parser.add_argument(
        "--tasks", nargs="+", default=[], metavar="TASK", help="'long', or 'characters/adamw'"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--starts", nargs="+", type=float, default=STARTS)
    parser.add_argument("--jobs", type=int, default=1)
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    wanted.folder.mkdir(parents=True, exist_ok=True)
    cells = [c for c in CELLS if not wanted.tasks or c[0] in wanted.tasks or "/".join(c) in wanted.tasks]
    with multiprocessing.get_context("spawn").Pool(wanted.jobs, torch.set_num_threads, (1,)) as pool:
        rates = best_rates(pool, wanted.folder / "rates.json", cells)
        jobs = [
            {"task": task, "optimizer": optimizer, "method": name, "start": start, "seed": seed}
            for seed in wanted.seeds
            for task, optimizer in cells
            for name in wanted.methods
            if optimizer in METHODS[name].optimizers
            for start in (wanted.starts if METHODS[name].starts else [1.0])
        ]
        finish(pool, wanted.folder / "runs.jsonl", [j | {"lr": rate_of(j, rates)} for j in jobs])


def rate_of(job: Job, rates: dict[str, float]) -> float:
    return job["start"] * rates[f"{job['task']}/{job['optimizer']}"]


def run(job: Job) -> Job:
    method = METHODS[job["method"]] if job["method"] != "search" else Method
    return job | train(job["task"], job["optimizer"], method, job["lr"], job["seed"])


def finish(pool: Any, path: Path, jobs: list[Job]) -> None:
    """Do what is not done yet; a line each, so that nothing is lost."""
    done = {identity(j) for j in read(path)}
    left = [job for job in jobs if identity(job) not in done]
    print(f"{len(jobs) - len(left)} runs are done, {len(left)} are to do.", file=sys.stderr)
    began = time.time()
    with path.open("a") as file:
        for number, result in enumerate(pool.imap_unordered(run, left), 1):
            file.write(json.dumps(result) + "\n")
            file.flush()
            if number % 20 == 0:
                rest = (time.time() - began) / number * (len(left) - number) / 60
                print(f"{number} of {len(left)}, {rest:.0f} minutes to go", file=sys.stderr)


def read(path: Path) -> list[Job]:
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def identity(job: Job) -> tuple[Any, ...]:
    return job["task"], job["optimizer"], job["method"], job["start"], job["seed"]


def best_rates(pool: Any, path: Path, cells: list[tuple[str, str]]) -> dict[str, float]:
    """The best constant rate of each cell, four rates to the decade, by mean spare loss over the search seeds."""
    rates: dict[str, float] = json.loads(path.read_text()) if path.exists() else {}
    for task, optimizer in cells:
        name = f"{task}/{optimizer}"
        if name in rates:
            continue
        found: dict[int, float] = {}
        ahead = [-4, -2, 0, 2, 4]
        while ahead:
            jobs = [
                {"task": task, "optimizer": optimizer, "method": "search", "seed": seed}
                | {"lr": FIRST_RATE[optimizer] * STEP**power, "start": power}
                for power in ahead
                for seed in SEARCH_SEEDS
            ]
            for job in pool.map(run, jobs):
                spare = job["spare"] if math.isfinite(job["spare"]) else 1e9
                found[job["start"]] = found.get(job["start"], 0.0) + spare / len(SEARCH_SEEDS)
            best = min(found, key=found.__getitem__)
            ahead = [p for p in (best - 2, best + 2, best - 1, best + 1) if p not in found]
            # outwards first; the steps between only around a best that lies inside
            outer = [p for p in ahead if abs(p - best) == 2]
            ahead = outer or ahead
        rates[name] = FIRST_RATE[optimizer] * STEP**best
        path.write_text(json.dumps(rates, indent=1) + "\n")
        print(f"{name}: best constant rate {rates[name]:.4g}", file=sys.stderr)
    return rates


if __name__ == "__main__":
    main()
