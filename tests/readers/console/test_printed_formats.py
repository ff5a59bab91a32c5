# ruff: noqa: E501 - what programs print is quoted whole
"""What unchanged programs print gives the right names, values, steps and lengths."""

import sys
from pathlib import Path

import pytest

from lrscope.curves import Point
from lrscope.errors import UsageError
from lrscope.readers.console import Parser

sys.path.insert(0, str(Path(__file__).parent))
from printed_cases import ANY, CASES


def read(
    text: str | bytes, metric: str | None = None, pattern: str | None = None
) -> tuple[list[Point], Parser]:
    parser = Parser(metric, pattern)
    points = parser.feed(text if isinstance(text, bytes) else text.encode())
    return points + parser.finish(), parser


def plain(points: list[Point]) -> list[tuple[int, str, float | str]]:
    return [(step, name, value if value == value else "nan") for step, name, value in points]


@pytest.mark.parametrize(("name", "text", "points", "total"), CASES, ids=[c[0] for c in CASES])
def test_points_of_what_is_printed(
    name: str, text: str, points: list[tuple[int, str, float]], total: int | None
) -> None:
    """Exactly these points are read, with the program's own length where it says so."""
    found, parser = read(text)
    assert plain(found) == points
    assert parser.step == max((p[0] for p in points), default=parser.step)
    if total != ANY:
        assert parser.total == total


@pytest.mark.parametrize(("name", "text", "points", "total"), CASES, ids=[c[0] for c in CASES])
def test_the_same_points_byte_by_byte(
    name: str, text: str, points: list[tuple[int, str, float]], total: int | None
) -> None:
    """Every real format gives the same points when it arrives one byte at a time."""
    parser = Parser()
    found = [p for byte in text.encode() for p in parser.feed(bytes([byte]))]
    assert plain(found + parser.finish()) == points


@pytest.mark.parametrize(
    "text",
    [
        "lr=0.01, batch_size=64, epochs=10\n",
        "Namespace(batch_size=64, epochs=14, lr=1.0, loss_weight=0.5, mse=0.3)\n",
        "loss function: cross entropy\nloss_scale: 128.0\nlabel smoothing: 0.1\n",
        "2026-11-23 10:00:00 starting version 2.13.0\n",
        "number of parameters: 10.65M\ntokens per iteration will be: 16,384\n",
        "seed: 0\nmodel size 12.5 MB\n",
        "Epoch 00003: reducing learning rate to 1.0000e-03.\n",
        "Files already downloaded: 100%|####| 170498071/170498071 [00:02<00:00, 80MB/s]\n",
        "checkpoint saved to runs/exp-0.53/model-0.12.pt\n",
        "GPU 0: 40.5 GB\nepochs: 10\nsteps: 1000\nlearning_rate: 0.001\n",
        "Epoch 1: val_loss improved from inf to 0.61234, saving model to best.keras\n",
        "no numbers here\n\n\n",
    ],
)
def test_what_is_no_loss_is_not_taken_for_one(text: str) -> None:
    """Settings, dates, versions, sizes, counts and paths give no points."""
    found, _ = read(text)
    assert found == []


def test_settings_before_training_do_not_disturb_it() -> None:
    """A list of settings before the first loss changes neither its step nor its name."""
    settings = "lr: 0.1\nmomentum: 0.9\nbatch: 64\nmax_iters: 5000\nsteps: 1000\nepochs: 3\nl2: 0.01\n"
    assert read(settings + "step 10 loss 0.5\n")[0] == [(10, "loss", 0.5)]


def test_a_summary_is_no_point_but_stands_in_where_nothing_else_was_printed() -> None:
    """ "Final" and "best" values are left out of a curve; a program that prints only its end has that one point."""
    assert read("step 1 loss 0.5\nbest loss so far: 0.4\nFinal test loss: 0.45\n")[0] == [(1, "loss", 0.5)]
    assert read("training\nFinal test loss: 0.45\n")[0] == [(1, "final_test_loss", 0.45)]


def test_bare_numbers_are_a_loss_only_in_company() -> None:
    """A program that prints nothing but numbers prints its loss; a lone number before named losses is none."""
    assert read("2.5\n2.25\n2.0\n")[0] == [(1, "loss", 2.5), (2, "loss", 2.25), (3, "loss", 2.0)]
    assert read("60000\nloss: 0.5\nloss: 0.4\n")[0] == [(1, "loss", 0.5), (2, "loss", 0.4)]
    assert read("99 447.25\n199 300.5\n")[0] == [(99, "loss", 447.25), (199, "loss", 300.5)]


def test_a_bar_redrawn_counts_once_a_step() -> None:
    """The same step and value drawn again, as a terminal refreshes, gives no new point."""
    bar = "\r 40%|####      | 40/100 [00:01<00:02, loss=0.42]"
    assert read(bar * 50 + "\r 41%|####      | 41/100 [00:01<00:02, loss=0.41]\n")[0] == [
        (40, "loss", 0.42),
        (41, "loss", 0.41),
    ]


def test_an_old_validation_value_in_a_bar_is_not_repeated() -> None:
    """A bar that keeps showing the last epoch's validation loss gives that loss one point."""
    text = "".join(f"\rEpoch 1: | {i}/9 [00:01, loss=0.{i}, val_loss=0.7]" for i in range(1, 9)) + "\n"
    found, _ = read(text)
    assert [p for p in found if p[1] == "val_loss"] == [(1, "val_loss", 0.7)]
    assert len([p for p in found if p[1] == "loss"]) == 8


def test_another_loop_of_another_length_is_an_evaluation() -> None:
    """A second unnamed bar of another length within an epoch has its own names and moves no step."""
    text = "Epoch 1/2\n10/10 - loss: 0.5\n3/3 - loss: 0.7\nEpoch 2/2\n10/10 - loss: 0.4\n"
    found, parser = read(text)
    assert found == [(10, "loss", 0.5), (10, "eval_loss", 0.7), (20, "loss", 0.4)]
    assert parser.total == 20


def test_late_lines_never_move_a_step_back() -> None:
    """A line for an earlier step that repeats known metrics is left out; new metrics on it belong to the last step."""
    text = "step 10 loss 0.5\nstep 20 loss 0.4\nstep 30 loss 0.3\nstep 20 val_loss 0.6\nstep 20 loss 0.4\nstep 40 loss 0.2\n"
    assert read(text)[0] == [
        (10, "loss", 0.5), (20, "loss", 0.4), (30, "loss", 0.3), (30, "val_loss", 0.6), (40, "loss", 0.2),
    ]  # fmt: skip


def test_a_counter_that_starts_again_goes_on() -> None:
    """Steps within an epoch count on into the next epoch, and the summary says so."""
    text = "".join(f"epoch {e} step {s} loss {e}.{s}\n" for e in (1, 2, 3) for s in (10, 20, 30))
    found, parser = read(text)
    assert [p[0] for p in found] == list(range(10, 100, 10))
    assert "starts again" in parser.summary().text()


def test_steps_that_run_through_epochs_are_left_as_they_are() -> None:
    """A step beside an epoch that does not start again is taken as it stands, with its own total."""
    text = "".join(f"Epoch {s // 30 + 1}/3 step {s}/90 loss 0.{s}\n" for s in range(10, 91, 10))
    found, parser = read(text)
    assert [p[0] for p in found] == list(range(10, 91, 10))
    assert parser.total == 90


def test_a_first_epoch_longer_than_its_share_counts_for_itself() -> None:
    """Of 3 epochs with 600 steps in the whole run, none would hold 400: so 600 is the length of an epoch."""
    text = "".join(f"Epoch [1/3], Step [{s}/600], Loss: 0.{s}\n" for s in range(100, 600, 100))
    assert read("".join(text.splitlines(keepends=True)[:2]))[1].total is None
    assert read(text)[1].total == 1800


def test_the_metric_asked_for_is_believed_whatever_its_name() -> None:
    """`metric` finds its number under any spelling, also where it would be taken for bookkeeping."""
    assert read("speed 3\nspeed 2\n", metric="Speed")[0] == [(1, "speed", 3.0), (2, "speed", 2.0)]
    found, parser = read("step 1 Grad-Norm 0.5 loss 2\n", metric="grad norm")
    assert (1, "grad-norm", 0.5) in found
    assert parser.summary().metric("GRAD_NORM") == "grad-norm"


def test_a_pattern_reads_what_nothing_else_would() -> None:
    """Named groups are metrics, `step` and `total` count, one group without a name is the loss."""
    found, parser = read("@3/9~0.5\n@4/9~nan\n", pattern=r"@(?P<step>\d+)/(?P<total>\d+)~(?P<loss>\S+)")
    assert plain(found) == [(3, "loss", 0.5), (4, "loss", "nan")]
    assert parser.total == 9
    assert read("L 0.5\nother 3\nL 0.25\n", pattern=r"L (\S+)")[0] == [(1, "loss", 0.5), (2, "loss", 0.25)]


@pytest.mark.parametrize("pattern", ["loss (", "loss", r"(\d+) (\d+)", r"step (?P<step>\d+)"])
def test_an_unusable_pattern_is_refused_with_a_reason(pattern: str) -> None:
    """A pattern that does not compile or holds no metric is wrong use, said in one sentence."""
    with pytest.raises(UsageError, match="The pattern") as error:
        Parser(pattern=pattern)
    assert "\n" not in error.value.message


def test_the_summary_is_a_sentence_for_a_person() -> None:
    """It names the metrics, the counter, and what else was seen."""
    text = "iter 10: loss 2.31, val_loss 2.5, lr 0.1, time 12ms\n"
    summary = read(text)[1].summary()
    assert summary.text() == "Read loss and val_loss against the counter `iter`; also saw lr and time."
    assert summary.metrics == {"loss": 1, "val_loss": 1, "lr": 1}
    assert summary.example is not None
    assert summary.example.startswith("iter 10")
    assert "loss" in read("loss: 1.0\n")[1].summary().text()
    assert read("hello\n")[1].summary().text() == "No loss was recognised."


@pytest.mark.parametrize(
    "text", ["epoch 1: 0.5\nepoch 2: 0.4\n", "step 1/2 0.5\nstep 2/2 0.4\n", "Iter 1\t5e-1\nIter 2\t4e-1\n"]
)
def test_a_counter_and_one_number_without_a_name(text: str) -> None:
    """A counter at the head of a line and one fraction at its end are a step and its loss."""
    assert read(text)[0] == [(1, "loss", 0.5), (2, "loss", 0.4)]


@pytest.mark.parametrize(
    "text", ["epoch 1: 12.5 seconds\n", "step 100: 2.3s\n", "epoch 1 took 3.5\n", "Epoch 3: 17\n"]
)
def test_times_beside_a_counter_are_no_loss(text: str) -> None:
    """A number with a unit, another word before it, or without a fraction is not taken for a loss."""
    assert read(text)[0] == []
