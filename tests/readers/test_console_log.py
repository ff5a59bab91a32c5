"""Files of console output."""

from __future__ import annotations

import pytest

from lrscope.errors import UsageError
from lrscope.readers import read


@pytest.mark.parametrize(
    ("text", "metric", "expected"),
    [
        (
            "Loading data ...\nstep 10: loss 2.5, time 12ms\nstep 20: loss 2.0, time 12ms\n"
            "step 30: loss nan, time 11ms\n",
            "loss",
            [(10, 2.5), (20, 2.0)],
        ),
        (
            "{'loss': 0.5, 'epoch': 0.1, 'step': 1}\n{'loss': 0.25, 'epoch': 0.2, 'step': 2}\n",
            "loss",
            [(1, 0.5), (2, 0.25)],
        ),
        ("Iteration 1, loss = 0.5\nIteration 2, loss = 0.25\n", "loss", [(1, 0.5), (2, 0.25)]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_printed_lines(tmp_path, text, metric, expected, encoding):
    """What a program printed to a file is read as it is while the program runs; PowerShell's UTF-16 too."""
    path = tmp_path / "train-3.log"
    path.write_bytes(text.encode(encoding))
    (run,) = read(path)
    curve = run.curves[metric]
    assert (run.format, run.name) == ("console", "train-3")
    assert list(zip(curve.step.tolist(), curve.loss.tolist(), strict=True))[:2] == expected


def test_a_learning_rate_among_the_numbers_goes_with_the_losses(tmp_path):
    """A printed rate becomes the rate in use at each step."""
    path = tmp_path / "a.log"
    path.write_text(
        "".join(f"step {k}: loss {3 - k / 10:.2f}, lr {0.1 if k < 3 else 0.01}\n" for k in range(1, 6))
    )
    (run,) = read(path)
    rates = run.curves["loss"].lr
    assert rates is not None
    assert rates.tolist() == [0.1, 0.1, 0.01, 0.01, 0.01]


def test_one_number_in_a_text_is_no_curve(tmp_path):
    """A sentence with a loss in it does not make a text a log."""
    path = tmp_path / "notes.txt"
    path.write_text("Yesterday we saw\nstep 10: loss 2.5\nand went home.\n")
    with pytest.raises(UsageError, match="in more than one of its lines"):
        read(path)
