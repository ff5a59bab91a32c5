"""A recurrent network that learns to write Python, from the sources that every Python brings along. PyTorch.

    lrscope scan --steps 300 --budget 3 examples/charmodel.py:train

This is the callback form: `train` is handed a run, takes its learning rate from it, and reports what it
measures. Inside `report` it may be made to wait for as long as lrscope looks at other learning rates.
"""

import sysconfig
from pathlib import Path

import torch
from torch import nn

STEPS, BATCH, LENGTH = 300, 16, 48
MODULES = [
    "argparse.py",
    "ast.py",
    "dataclasses.py",
    "datetime.py",
    "inspect.py",
    "tarfile.py",
    "threading.py",
]

library = Path(sysconfig.get_paths()["stdlib"])
text = b"\n".join((library / name).read_bytes() for name in MODULES if (library / name).exists())
characters = torch.tensor([min(c, 127) for c in text])  # ASCII; whatever is beyond it becomes one character
held_out, training = characters[: len(characters) // 10], characters[len(characters) // 10 :]


class CharacterModel(nn.Module):
    """Each character in, a guess at the next one out."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.embed = nn.Embedding(128, width)
        self.recur = nn.GRU(width, width, batch_first=True)
        self.guess = nn.Linear(width, 128)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores for the next character, (batch, length, 128), from characters (batch, length)."""
        return self.guess(self.recur(self.embed(x))[0])


def batch(
    source: torch.Tensor, generator: torch.Generator, size: int = BATCH
) -> tuple[torch.Tensor, torch.Tensor]:
    """Random excerpts, and the same moved on by one character."""
    starts = torch.randint(len(source) - LENGTH - 1, (size,), generator=generator)
    rows = torch.stack([source[s : s + LENGTH + 1] for s in starts])
    return rows[:, :-1], rows[:, 1:]


def loss_of(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Mean cross entropy, in nats a character."""
    return nn.functional.cross_entropy(model(x).flatten(0, 1), y.flatten())


def train(run) -> None:  # noqa: ANN001  (whatever has lr, seed and report will do)
    """Train with Adam at `run.lr`, reporting the loss of each batch, and of held-out text every 20 steps."""
    torch.manual_seed(run.seed)
    generator = torch.Generator().manual_seed(run.seed)
    held_x, held_y = batch(held_out, torch.Generator().manual_seed(0), size=64)
    model = CharacterModel()
    optimizer = torch.optim.Adam(model.parameters(), lr=run.lr)
    for step in range(1, STEPS + 1):
        loss = loss_of(model, *batch(training, generator))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        measured = {"loss": loss.item()}
        if step % 20 == 0:
            with torch.no_grad():
                measured["val_loss"] = loss_of(model, held_x, held_y).item()
        run.report(measured, step=step)  # all that belongs to a step in one go: it may have to wait in here
