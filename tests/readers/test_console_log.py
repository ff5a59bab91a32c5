"""Files of console output."""

from __future__ import annotations

import numpy as np
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


def test_printed_epochs_are_the_run_s_epochs(tmp_path):
    """Where a line tells the epoch beside the batch, the run knows how long an epoch is."""
    file = tmp_path / "a.log"
    file.write_text(
        "".join(f"Epoch: [{e}][{b}/100] Loss {3 - e / 10}\n" for e in range(3) for b in range(0, 100, 25))
    )
    (run,) = read(file)
    assert run.epoch is not None
    assert (run.epoch.step.tolist(), run.epoch.loss.tolist()) == ([0, 100, 200], [0, 1, 2])


@pytest.mark.parametrize(
    "line", ["Epoch {0}/8 - loss: {1}\n", "iter {0}: loss {1}\n", "Epoch: [{0}][50/100] Loss {1}\n"]
)
def test_a_counter_that_begins_again_where_the_loss_does_is_another_run(tmp_path, line):
    """Folds in one file: each is a run, with steps as its lines count them."""
    file = tmp_path / "folds.log"
    file.write_text(
        "".join(line.format(k, round(2 / k + fold / 100, 4)) for fold in range(3) for k in range(1, 9))
    )
    runs = read(file)
    assert [run.name for run in runs] == ["folds/1", "folds/2", "folds/3"]
    assert len({tuple(run.curves["loss"].step.tolist()) for run in runs}) == 1
    assert "3 runs or folds" in " ".join(runs[0].warnings)


def test_a_counter_that_begins_again_where_the_loss_goes_on_is_one_run(tmp_path):
    """A resumed run, or a next stage: its count goes on."""
    file = tmp_path / "a.log"
    losses = [2 / k for k in range(1, 17)]
    file.write_text("".join(f"Epoch {k % 8 + 1}/8 - loss: {loss}\n" for k, loss in enumerate(losses)))
    (run,) = read(file)
    assert run.curves["loss"].step.tolist() == list(range(1, 17))


def test_a_pattern_reads_a_file_that_nothing_else_would(tmp_path):
    """The option that the error names does read the log; so does --metric with a name on the line."""
    file = tmp_path / "odd.log"
    file.write_text("".join(f"at {k} zork={9 - k}.5 and blah 7\n" for k in range(1, 6)))
    with pytest.raises(UsageError) as refused:
        read(file)
    shown = str(refused.value)
    assert "5 x  at 1 zork=8.5 and blah 7" in shown
    assert "--metric zork" in shown
    assert read(file, metric="zork")[0].curves["zork"].loss.tolist() == [8.5, 7.5, 6.5, 5.5, 4.5]
    (run,) = read(file, pattern=r"at (?P<step>\d+) zork=(?P<zork>\S+)")
    assert run.curves["zork"].step.tolist() == [1, 2, 3, 4, 5]


def test_norms_alone_are_read(tmp_path):
    """Where a program prints no loss but the norm of its gradient, that is what the log holds; the run says so."""
    file = tmp_path / "a.log"
    line = "iteration {}/900 | learning rate: 3E-04 | global batch size: 8 | loss scale: 1.0 | grad norm: nan |\n"
    file.write_text("".join(line.format(k) for k in range(5)))
    (run,) = read(file)
    assert np.isnan(run.curves["grad_norm"].loss).all()
    assert "No loss was recognised in it: grad_norm was read instead." in run.warnings
