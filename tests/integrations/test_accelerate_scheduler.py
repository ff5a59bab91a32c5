"""`lrscope.accelerate.GapScheduler` in real loops with Accelerate, in one process and in two."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("accelerate", reason="needs the extra `accelerate`")
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed

import lrscope

pytestmark = [pytest.mark.torch, pytest.mark.slow, pytest.mark.usefixtures("quiet_host")]


class Loop:
    """A training loop as Accelerate's users write it."""

    def __init__(self, lr: float = 0.003, accumulate: int = 1, record: Path | None = None) -> None:
        set_seed(1)
        self.accelerator = Accelerator(cpu=True, gradient_accumulation_steps=accumulate)
        generator = torch.Generator().manual_seed(3)
        x = torch.randn(800, 8, generator=generator)
        y = torch.tanh(x @ torch.randn(8, 1, generator=generator))
        y = y + 0.4 * torch.randn(800, 1, generator=generator)
        data = torch.utils.data.TensorDataset(x[:640], y[:640])
        net = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))
        self.loss_fn = torch.nn.MSELoss()
        self.model, self.optimizer, self.loader = self.accelerator.prepare(
            net,
            torch.optim.SGD(net.parameters(), lr=lr, momentum=0.5),
            torch.utils.data.DataLoader(data, batch_size=16),
        )
        spare = list(zip(x[640:].split(32), y[640:].split(32), strict=True))
        self.scheduler = lrscope.accelerate.GapScheduler(
            self.accelerator, self.optimizer, self.model, self.loss_fn, held_out=spare, record=record
        )
        self.rates: list[float] = []

    def epochs(self, count: int) -> None:
        for _ in range(count):
            for x, y in self.loader:
                with self.accelerator.accumulate(self.model):
                    self.rates.append(self.optimizer.param_groups[0]["lr"])
                    loss = self.loss_fn(self.model(x), y)
                    self.accelerator.backward(loss)
                    self.optimizer.step()
                    self.optimizer.zero_grad()
                    self.scheduler.step(loss)


def test_accumulated_batches_are_one_step_and_recorded(tmp_path: Path) -> None:
    """Four batches a step; the record is of steps."""
    loop = Loop(accumulate=4, record=tmp_path / "record.jsonl")
    loop.epochs(3)
    loop.scheduler.close()
    assert loop.scheduler.step_count == 30
    found = [json.loads(line) for line in (tmp_path / "record.jsonl").read_text().splitlines()][1:]
    assert [row["step"] for row in found] == list(range(1, 31))


def test_an_optimiser_that_was_not_prepared_is_refused() -> None:
    """The sentence names what was wanted."""
    net = torch.nn.Linear(2, 1)
    with pytest.raises(lrscope.UsageError, match=r"accelerator\.prepare returned; got a SGD"):
        lrscope.accelerate.GapScheduler(Accelerator(cpu=True), torch.optim.SGD(net.parameters(), lr=0.1), net)


def test_two_processes_decide_alike(tmp_path: Path) -> None:
    """With DistributedDataParallel on gloo, each process trains on its own half and all take the same rates."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = (
        "import json, sys; sys.path.insert(0, sys.argv[1])\n"
        "import torch; torch.set_num_threads(1)\n"
        "from test_accelerate_scheduler import Loop\n"
        "loop = Loop(); loop.epochs(6)\n"
        "assert loop.accelerator.num_processes == 2\n"
        "weights = [w.tolist() for w in loop.model.parameters()]\n"
        "print(json.dumps([loop.rates, weights]))\n"
        "torch.distributed.destroy_process_group()\n"
    )
    processes = []
    for rank in range(2):
        env: dict[str, Any] = {
            **os.environ,
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
            "WORLD_SIZE": "2",
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
            "PYTHONPATH": str(Path(lrscope.__file__).parents[1]),
            "ACCELERATE_USE_CPU": "true",
        }
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", program, str(Path(__file__).parent)],
                env=env,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    found = []
    for process in processes:
        out, err = process.communicate(timeout=200)
        assert process.returncode == 0, err
        found.append(json.loads(out.splitlines()[-1]))
    assert found[0] == found[1]
    assert len(set(found[0][0])) > 52  # the warm-up, and decisions
