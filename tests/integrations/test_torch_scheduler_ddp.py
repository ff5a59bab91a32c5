"""Two processes on one processor: all decide alike."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra `torch`")
pytestmark = [pytest.mark.torch, pytest.mark.slow]

PROGRAM = """
import json, sys
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
import lrscope

rank, port, way = int(sys.argv[1]), sys.argv[2], sys.argv[3]
torch.set_num_threads(1)
torch.distributed.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
torch.manual_seed(0)
model = DistributedDataParallel(nn.Sequential(nn.Linear(6, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Linear(12, 3)))
optimizer = torch.optim.SGD(model.parameters(), 0.02)
loss_fn = nn.CrossEntropyLoss()
generator = torch.Generator().manual_seed(rank)

def batch(count=16):
    x = torch.randn(count, 6, generator=generator)
    return x, (x[:, :3] + 0.5 * torch.randn(count, 3, generator=generator)).argmax(dim=1)

held_out = [batch() for _ in range(4)] if way == "held out" else None
scheduler = lrscope.torch.GapScheduler(optimizer, model, loss_fn, held_out=held_out, warmup=8, record=sys.argv[4])
rates = []
for step in range(200):
    x, y = batch()
    if step == 120 and rank == 1:
        x = x * float("nan")
    optimizer.zero_grad()
    loss = loss_fn(model(x), y)
    loss.backward()
    optimizer.step()
    scheduler.step(loss)
    rates.append(scheduler.lr)
scheduler.close()
weights = torch.cat([p.detach().reshape(-1) for p in model.parameters()]).tolist()
print(json.dumps({"rates": rates, "actions": [str(d.action) for d in scheduler.decisions], "weights": weights}))
torch.distributed.destroy_process_group()
"""


@pytest.mark.parametrize("way", ["captured", "held out"])
def test_two_processes_decide_alike(way, tmp_path):
    """Each sees other batches, one of them a broken one; rates, decisions and weights are identical, and one
    process alone writes the record."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    program = tmp_path / "train.py"
    program.write_text(PROGRAM)
    records = [tmp_path / f"record{rank}.jsonl" for rank in (0, 1)]
    both = [
        subprocess.Popen(
            [sys.executable, str(program), str(rank), port, way, str(records[rank])],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
        )
        for rank in (0, 1)
    ]
    try:
        first, second = (json.loads(process.communicate(timeout=120)[0]) for process in both)
    finally:
        for process in both:
            process.kill()
    assert first == second
    assert "raise" in first["actions"]
    assert "roll_back" in first["actions"]
    assert all(w == w for w in first["weights"])
    assert [record.exists() for record in records] == [True, False]
