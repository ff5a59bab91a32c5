"""Does the branch probe say what long continuations say?

    python benchmarks/probe.py [--checkpoints N] [--seeds N] [--json FILE]

Small real tasks (digits by logistic regression with a tenth of the labels wrong, digits by an MLP,
characters by an MLP over five characters of Python's own documentation) × SGD, momentum 0.9, Adam. Training
runs at constant rates of 0.1 to 10 times the best one; at several of its steps the probe is asked. The truth
is where training gets to from there: at a third of the rate, at the rate and at three times the rate, `LONG`
steps on the same batches, twice with other batches, then cooled over a tenth of them, because that is
how training ends. A verdict agrees when what it advises does better than keeping the rate ("keep": when
neither other rate does better by 1 %). A second truth, without the cooling, is told beside it.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

import lrscope

FACTORS = (1 / 3, 1.0, 3.0)
LONG = 400
BATCH = 32
CLEAR = 0.01  # relative difference of final losses below which it does not matter which rate is taken


@dataclass
class Task:
    name: str
    inputs: Tensor
    targets: Tensor
    model: Callable[[], nn.Module]

    def batches(self, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            rows = torch.randint(len(self.targets), (BATCH,), generator=generator)
            yield self.inputs[rows], self.targets[rows]


def tasks() -> list[Task]:
    digits = load_digits()
    x = torch.tensor(digits.data, dtype=torch.float32) / 16.0
    y = torch.tensor(digits.target)
    generator = torch.Generator().manual_seed(1)
    noisy = torch.where(
        torch.rand(len(y), generator=generator) < 0.1, torch.randint(10, (len(y),), generator=generator), y
    )
    import pydoc_data.topics

    text = "".join(pydoc_data.topics.topics.values())[:60_000].lower()
    letters = sorted(set(text))
    codes = torch.tensor([letters.index(c) for c in text])
    context = torch.stack([codes[i : len(codes) - 5 + i] for i in range(5)], dim=1)

    def mlp() -> nn.Module:
        return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))

    def characters() -> nn.Module:
        return nn.Sequential(
            nn.Embedding(len(letters), 8),
            nn.Flatten(),
            nn.Linear(40, 48),
            nn.Tanh(),
            nn.Linear(48, len(letters)),
        )

    return [
        Task("digits, logistic", x, noisy, lambda: nn.Linear(64, 10)),
        Task("digits, MLP", x, y, mlp),
        Task("characters", context, codes[5:], characters),
    ]


OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "SGD": torch.optim.SGD,
    "momentum": lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9),
    "Adam": torch.optim.Adam,
}
LOSS = nn.CrossEntropyLoss()


@torch.no_grad()
def whole_loss(task: Task, model: nn.Module) -> float:
    rows = slice(None, None, max(1, len(task.targets) // 8000))
    return float(LOSS(model(task.inputs[rows]), task.targets[rows]))


def train(task: Task, model: nn.Module, optimizer: Any, batches: Iterator[Any], rates: list[float]) -> None:
    for rate in rates:
        x, y = next(batches)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        LOSS(model(x), y).backward()
        optimizer.step()


def best_rate(task: Task, kind: str, steps: int = 400) -> float:
    """The best of rates a factor of three apart, by the loss after a short run."""
    found = {}
    for rate in 10.0 ** np.arange(-3.5, 1.1, 0.5):
        torch.manual_seed(7)
        model = task.model()
        optimizer = OPTIMIZERS[kind](model.parameters(), lr=float(rate))
        train(task, model, optimizer, task.batches(torch.Generator().manual_seed(7)), [float(rate)] * steps)
        loss = whole_loss(task, model)
        found[float(rate)] = loss if math.isfinite(loss) else math.inf
    return min(found, key=lambda rate: found[rate])


def truth(task: Task, kind: str, model: nn.Module, optimizer: Any, rate: float, seed: int) -> dict[str, Any]:
    """Mean final losses of long continuations at each factor, as they are and cooled."""
    plain, cooled = {}, {}
    for factor in FACTORS:
        ends, ends_cooled = [], []
        for again in range(2):
            other = copy.deepcopy(model)
            mine = OPTIMIZERS[kind](other.parameters(), lr=rate)
            mine.load_state_dict(copy.deepcopy(optimizer.state_dict()))
            batches = task.batches(torch.Generator().manual_seed(1000 * seed + again))
            train(task, other, mine, batches, [rate * factor] * LONG)
            ends.append(whole_loss(task, other))
            tail = LONG // 10
            cooling = [rate * factor * (1 - (i + 1) / (tail + 1)) for i in range(tail)]
            train(task, other, mine, batches, cooling)
            ends_cooled.append(whole_loss(task, other))
        plain[factor], cooled[factor] = float(np.mean(ends)), float(np.mean(ends_cooled))
    return {"plain": plain, "cooled": cooled}


def agrees(advice: str, factor: float, final: dict[float, float]) -> bool | None:
    """Whether the advice is borne out; None where the rates end within a hundredth of each other."""
    value = {f: (v if math.isfinite(v) else math.inf) for f, v in final.items()}
    kept = value[1.0]
    if advice == "keep":
        return all(v >= kept * (1 - CLEAR) for v in value.values())
    there = value[min(value, key=lambda f: abs(math.log(f / factor)))]
    if kept == there or abs(there - kept) <= CLEAR * kept:
        return None
    return there < kept


def checkpoints(
    seeds: int, count: int, cells: str
) -> Iterator[tuple[str, Task, str, nn.Module, Any, float, int]]:
    for task in tasks():
        for kind in OPTIMIZERS:
            if not re.search(cells, f"{task.name}, {kind}"):
                continue
            best = best_rate(task, kind)
            for seed in range(seeds):
                for multiple in (0.1, 0.3, 1.0, 3.0, 10.0):
                    torch.manual_seed(seed)
                    model = task.model()
                    rate = best * multiple
                    optimizer = OPTIMIZERS[kind](model.parameters(), lr=rate)
                    batches = task.batches(torch.Generator().manual_seed(seed))
                    for number in range(count):
                        train(task, model, optimizer, batches, [rate] * (150 if number == 0 else 450))
                        if not math.isfinite(whole_loss(task, model)):
                            break
                        yield f"{task.name}, {kind}, x{multiple:g}", task, kind, model, optimizer, rate, seed


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--checkpoints", type=int, default=2)
    parser.add_argument("--settings", default="[{}]", help="JSON list of settings of the probe to compare")
    parser.add_argument("--cells", default="", help="pattern of the tasks and optimisers to run")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    settings = json.loads(arguments.settings)
    rows = []
    begun = time.time()
    for number, (name, task, kind, model, optimizer, rate, seed) in enumerate(
        checkpoints(arguments.seeds, arguments.checkpoints, arguments.cells)
    ):
        final = truth(task, kind, model, optimizer, rate, seed + 31 * number)
        verdicts = []
        for setting in settings:
            stream = task.batches(torch.Generator().manual_seed(5000 + number))
            needed = setting.get("repeats", 2) * 100 + 60
            verdict = lrscope.torch.probe(
                model, optimizer, [next(stream) for _ in range(needed)], LOSS, **setting
            )
            verdicts.append(verdict)
        rows.append(
            {
                "name": name,
                "truth": {k: {f"{f:.3g}": x for f, x in v.items()} for k, v in final.items()},
                "verdicts": [
                    {
                        "advice": v.advice,
                        "factor": v.factor,
                        "steps": v.steps,
                        "changes": [
                            (b.factor, b.change.value, b.change.low, b.change.high) for b in v.branches
                        ],
                        **{k: agrees(v.advice, v.factor, final[k]) for k in final},
                    }
                    for v in verdicts
                ],
            }
        )
        if arguments.json is not None:
            arguments.json.write_text(json.dumps(rows))
    print(f"{len(rows)} checkpoints, {time.time() - begun:.0f} s")
    for index, setting in enumerate(settings):
        tell(setting, [row["verdicts"][index] for row in rows])


def tell(setting: dict[str, Any], verdicts: list[dict[str, Any]]) -> None:
    decided = [v for v in verdicts if v["advice"] != "undecided"]
    print(f"\n{setting or 'defaults'}: {len(decided)} of {len(verdicts)} decided")
    for kind in ("cooled", "plain"):
        for advice in ("lower", "raise", "keep", "all"):
            those = [v[kind] for v in decided if advice in (v["advice"], "all")]
            right, wrong = those.count(True), those.count(False)
            share = f"{right / (right + wrong):.0%}" if right + wrong else "-"
            either = those.count(None)
            print(f"  {kind:7} {advice:6} right {right:3}  wrong {wrong:3}  no matter {either:3}  {share}")


if __name__ == "__main__":
    main()
