"""What the recorder costs, as a share of a training step, in one run on one machine.

    python benchmarks/recorder.py [--rounds N] [--optimizer Adam]

Models of 5 thousand, 100 thousand and 1 million parameters. Plain and recorded steps alternate in blocks, so
that both see the same machine; told is the median of the ratios of neighbouring blocks, by the process's own
time. At its defaults the recorder spaces its measurements by their price, the more freely the longer the run:
so it is told from step 500 on, and from step 10,000 on (of the largest model, 2,000).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import lrscope

SIZES = {"5 k": (32, 52, 2, 64), "100 k": (64, 280, 2, 64), "1 M": (256, 640, 3, 64)}
BLOCK = 32  # two rounds of the gap, eight of the update
WARM = 96  # past the start, where the gap is measured more often


def network(inputs: int, width: int, layers: int) -> nn.Module:
    parts: list[nn.Module] = []
    for _ in range(layers):
        parts += [nn.Linear(inputs, width), nn.ReLU()]
        inputs = width
    return nn.Sequential(*parts, nn.Linear(inputs, 10))


class Training:
    def __init__(
        self, size: tuple[int, int, int, int], kind: str, path: Path | None, **settings: Any
    ) -> None:
        torch.manual_seed(0)
        inputs, width, layers, batch = size
        self.model = network(inputs, width, layers)
        self.optimizer = getattr(torch.optim, kind)(self.model.parameters(), lr=1e-3)
        self.loss_fn = nn.CrossEntropyLoss()
        self.x, self.y = torch.randn(batch, inputs), torch.randint(10, (batch,))
        if path is not None:
            self.recorder = lrscope.torch.Recorder(
                self.optimizer, self.model, path, loss_fn=self.loss_fn, **settings
            )

    def block(self, steps: int) -> float:
        begun = time.process_time()
        for _ in range(steps):
            self.optimizer.zero_grad()
            self.loss_fn(self.model(self.x), self.y).backward()
            self.optimizer.step()
        return (time.process_time() - begun) / steps


def main() -> None:
    parser = argparse.ArgumentParser(description="What the recorder costs.")
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--optimizer", default="Adam")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    variants: dict[str, tuple[int, dict[str, Any]]] = {
        "defaults, early": (500, {}),
        "defaults, later": (10_000, {}),
        "every 4, gap 16": (500, {"every": 4, "gap_every": 16}),
        "every 16, gap 64": (500, {"every": 16, "gap_every": 64}),
    }
    print(f"{'':8}{'plain step':>12}{'plain again':>14}" + "".join(f"{name:>20}" for name in variants))
    with tempfile.TemporaryDirectory() as folder:
        for name, size in SIZES.items():
            plain = [Training(size, arguments.optimizer, None) for _ in range(2)]
            for training in plain:
                training.block(WARM)
            recorded = []
            for i, (warm, settings) in enumerate(variants.values()):
                path = Path(folder) / f"{name}-{i}.jsonl"
                recorded.append(Training(size, arguments.optimizer, path, **settings))
                recorded[-1].block(min(warm, 2_000) if name == "1 M" else warm)
            times = np.array(
                [[t.block(2 * BLOCK) for t in (*plain, *recorded)] for _ in range(arguments.rounds)]
            )
            ratios = np.median(times[:, 1:] / times[:, :1], axis=0) - 1
            print(
                f"{name:8}{np.median(times[:, 0]) * 1e6:9.0f} us"
                + "".join(f"{r:{14 if i == 0 else 20}.1%}" for i, r in enumerate(ratios))
            )


if __name__ == "__main__":
    main()
