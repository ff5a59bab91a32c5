# ruff: noqa: E501 - what programs print is quoted whole
"""Kinds of output in which it is not plain what a number counts, which curve it belongs to, or whether it is a metric."""

import pytest

from lrscope.curves import Point
from lrscope.readers.console import Parser


def read(text: str) -> tuple[list[Point], Parser]:
    parser = Parser()
    return parser.feed(text.encode()) + parser.finish(), parser


def curve(text: str, name: str) -> list[tuple[int, float]]:
    return [(step, value) for step, metric, value in read(text)[0] if metric == name]


@pytest.mark.parametrize("name", ["val/loss", "val-loss", "val.loss", "val_loss", "eval-logloss", "test/auc"])
@pytest.mark.parametrize(
    "line", ["step {}: {} {}\n", "[{}]\t{}:{}\ttrain-logloss:0.4\n", "iter {} | {} = {}\n"]
)
def test_a_name_of_held_out_data_keeps_its_line_s_counter(line: str, name: str) -> None:
    """The phase within a metric's own name says nothing about the line: the counter is that of training."""
    text = "".join(line.format(k, name, 0.5 - k / 100) for k in (10, 20, 30))
    assert [step for step, _ in curve(text, name)] == [10, 20, 30]


def test_an_evaluation_that_says_training_s_step_stands_there() -> None:
    """Before or behind the counter, the word for the evaluation does not take the counter away."""
    text = "step 10 loss 0.9\nEvaluation: step 10 loss 0.8\nstep 20 loss 0.7\nstep 20: test loss 0.6\n"
    assert curve(text, "eval_loss") == [(10, 0.8)]
    assert curve(text, "test_loss") == [(20, 0.6)]


def test_a_counter_of_the_evaluation_s_own_is_not_training_s() -> None:
    """An evaluation's batches begin anew and have another total: they do not move the step."""
    text = "iter 100/500 loss 0.9\nTest: iter 10/40 loss 0.8\niter 200/500 loss 0.7\n"
    assert curve(text, "test_loss") == [(100, 0.8)]
    assert curve(text, "loss") == [(100, 0.9), (200, 0.7)]


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("eval: split train. loss {}. error 10%", "eval: split test . loss {}. error 12%"),
        ("Evaluating on train set: loss {}", "Evaluating on test set: loss {}"),
    ],
)
def test_an_evaluation_of_each_set_is_a_curve_of_its_own(train: str, test: str) -> None:
    """Under one head word, the set that is named next tells the curves apart."""
    text = "".join(f"{k}\n{train.format(0.5 / k)}\n{test.format(0.6 / k)}\n" for k in (1, 2, 3))
    assert [v for _, v in curve(text, "train_loss")] == [0.5, 0.25, 0.5 / 3]
    assert [v for _, v in curve(text, "test_loss")] == [0.6, 0.3, 0.6 / 3]


def test_a_line_without_the_counter_of_lines_with_the_same_names_is_an_evaluation() -> None:
    """Semantic segmentation's "Loss: 1.9, MeanIU: 0.1" after an epoch of batches: validation, in a curve of its own."""
    batches = "Epoch: [{0}/9] Iter:[{1}/20], lr: [0.01], Loss: {2}\n"
    text = "".join(
        "".join(batches.format(e, i, 3 - e / 10 - i / 100) for i in (0, 10))
        + f"Loss: {2 - e / 10}, MeanIU: {e / 10}, Best_mIoU: 0.9\n"
        for e in range(3)
    )
    assert curve(text, "val_loss") == [(10, 2.0), (30, 1.9), (50, 1.8)]
    assert curve(text, "val_meaniu") == [(10, 0.0), (30, 0.1), (50, 0.2)]
    assert len(curve(text, "loss")) == 6
    assert "val_loss, val_meaniu" in read(text)[1].summary().text()


@pytest.mark.parametrize(
    "said", ["loss is nan, stopping", "Loss is nan, stopping training", "ERROR: loss is inf"]
)
def test_a_message_is_no_metric(said: str) -> None:
    """It ends the loss that is printed otherwise, and makes no curve called "loss" beside it."""
    lines = "".join(f"iteration {k}/500 | lm loss: {9 - k / 100} | grad norm: 2.0 |\n" for k in (100, 200))
    points, _ = read(lines + said + "\n")
    assert {name for _, name, _ in points} == {"lm_loss", "grad_norm"}
    step, name, value = points[-1]
    assert (step > 200, name, value - value == 0) == (True, "lm_loss", False)


def test_a_message_alone_is_told_at_the_end() -> None:
    """A run that breaks down before its first line has nothing else to tell."""
    points, _ = read("loading data\nLoss is nan, stopping training\n")
    assert [(step, name) for step, name, _ in points] == [(1, "loss")]


def test_values_above_their_counter_belong_to_it() -> None:
    """A frame of names and values is one record, wherever in it the counter stands."""
    frame = "-----------\n| rollout/ | |\n|  ep_rew_mean | {} |\n| time/ | |\n|  total_timesteps | {} |\n| train/ | |\n|  loss | {} |\n-----------\n"
    text = "".join(frame.format(10 * k, 2048 * k, 1 / k) for k in (1, 2, 4))
    assert curve(text, "ep_rew_mean") == [(2048, 10), (4096, 20), (8192, 40)]
    assert curve(text, "loss") == [(2048, 1), (4096, 0.5), (8192, 0.25)]


def test_the_learning_iteration_counts_what_stands_under_it() -> None:
    """rsl_rl prints it as a heading; the timesteps below are told at the end of the same report."""
    block = "####\n     Learning iteration {}/1500\n\n   Value function loss: {}\n   Mean reward: {}\n----\n   Total timesteps: {}\n"
    text = "".join(block.format(k, 0.1 / (k + 1), -0.3 + k, 98304 * (k + 1)) for k in range(3))
    assert curve(text, "reward") == [(0, -0.3), (1, 0.7), (2, 1.7)]


def test_rows_that_begin_with_a_word_under_a_heading_with_a_bar() -> None:
    """A detector's evaluation: the row over all classes is read, those of single classes are not."""
    text = ""
    for e in range(3):
        text += "     Epoch   gpu_mem       box       obj       cls     total    labels  img_size\n"
        text += f"     {e}/9     2.73G   0.09   0.05   0.01   {0.15 - e / 100}        12       640: 100%|####| 54/54 [00:41<00:00,  1.31it/s]\n"
        text += "               Class      Images      Labels           P           R      mAP@.5  mAP@.5:.95: 100%|####| 27/27 [00:09<00:00]\n"
        text += f"                 all         427         900       0.5       0.48       {0.4 + e / 10:.1f}       0.22\n"
        text += "              person         400         800       0.9       0.98       0.99       0.92\n"
    assert [step for step, _ in curve(text, "total_loss")] == [0, 1, 2]
    assert curve(text, "map@.5") == [(0, 0.4), (1, 0.5), (2, 0.6)]
    assert [v for _, v in curve(text, "map@.5:.95")] == [0.22] * 3


def test_rows_that_begin_with_the_data_they_were_measured_on() -> None:
    """A row for training and one for validation under one heading are two curves."""
    text = "".join(
        f"Phase   Epoch   Loss   Acc\ntrain   {k}   {1 / k}   0.5\nval   {k}   {2 / k}   0.4\n"
        for k in (1, 2)
    )
    assert curve(text, "train_loss") == [(1, 1.0), (2, 0.5)]
    assert curve(text, "val_loss") == [(1, 2.0), (2, 1.0)]


def test_a_table_of_single_classes_is_no_curve() -> None:
    """What one class reaches is not what the model reaches."""
    text = "step 10 loss 0.5\n|  Class  |  IoU  |  Acc  |\n|  road  | 97.17 | 98.5 |\n|  car  | 79.53 | 87.2 |\nstep 20 loss 0.4\n"
    assert {name for _, name, _ in read(text)[0]} == {"loss"}


def test_an_evaluation_that_counts_itself_does_not_move_the_step() -> None:
    """mmsegmentation's "Iter(val) [500]" counts the evaluated images."""
    text = "".join(
        f"Iter [{k}/400]\tlr: 0.01, loss: {1 / k}\nIter(val) [500]\tmIoU: 0.6{k}\n" for k in (50, 100)
    )
    assert [step for step, _ in curve(text, "val_miou")] == [50, 100]
    assert [step for step, _ in curve(text, "loss")] == [50, 100]


def test_a_clock_in_front_of_a_table() -> None:
    """Header and rows are read as they are without it (spaCy in a cluster's log)."""
    text = (
        "03/04-09:10:11.100 E    #       LOSS NER  ENTS_F  SCORE\n"
        "03/04-09:10:11.100 ---  ------  --------  ------  ------\n"
        "03/04-10:01:12.200   0       0     92000.0    6.00    0.06\n"
        "03/04-10:10:12.200   0     800     72092.0   41.41    0.41\n"
    )
    assert curve(text, "score") == [(0, 0.06), (800, 0.41)]


def test_a_digit_may_be_part_of_a_name() -> None:
    """BLEU-1 and BLEU-4 are names; the number behind them is the value."""
    text = "".join(f"Epoch {k} - Validation BLEU: BLEU-1 {50 + k}.5, BLEU-4 {10 + k}.5\n" for k in (1, 2))
    assert curve(text, "validation_bleu-1") == [(1, 51.5), (2, 52.5)]
    assert curve(text, "validation_bleu-4") == [(1, 11.5), (2, 12.5)]


def test_a_hyphen_between_a_counter_and_its_number() -> None:
    """Behind a counter's name it is no part of the name."""
    assert curve("Epoch-1 loss 0.5\nEpoch-2 loss 0.4\n", "loss") == [(1, 0.5), (2, 0.4)]


def test_numbers_before_their_names() -> None:
    """Darknet says "0.5 avg, 0.001 rate": the loss and the learning rate."""
    text = "".join(
        f"{k}: {60 / k}.1, {60 / k}2 avg, 0.00{k}000 rate, 6.5 seconds, {64 * k} images\n" for k in (1, 2, 3)
    )
    assert [step for step, _ in curve(text, "loss")] == [1, 2, 3]
    assert curve(text, "lr") == [(1, 0.001), (2, 0.002), (3, 0.003)]


def test_short_names_of_llm_c() -> None:
    """s counts, trl is the training loss and tel the loss on held-out data."""
    text = "s:0 tel:11.0\ns:0 trl:10.9 lr:0.00001 norm:1.1\ns:10 tel:8.0\ns:10 trl:7.9 lr:0.0001 norm:1.0\n"
    assert curve(text, "tel") == [(0, 11.0), (10, 8.0)]
    assert curve(text, "trl") == [(0, 10.9), (10, 7.9)]


def test_the_first_of_three_counts_is_the_iteration() -> None:
    """Tesseract: learning iteration, training iteration and samples, between slashes."""
    text = "".join(
        f"At iteration {k}/{2 * k}/{3 * k}, Mean rms=0.1%, char train={9 - k / 100}%, skip ratio=0%\n"
        for k in (100, 200)
    )
    assert curve(text, "char_train") == [(100, 8.0), (200, 7.0)]


def test_progress_in_per_cent_counts_where_nothing_else_does() -> None:
    """A line each tenth of a second is no step; the share of the run that is done is, in thousandths."""
    text = "".join(
        f"\rProgress: {p:5.1f}% words/sec/thread: 6000 lr: 0.1 avg.loss: {5 - p / 50}"
        for p in (0.4, 41.3, 100)
    )
    points, parser = read(text + "\n")
    assert [step for step, name, _ in points if name == "avg.loss"] == [4, 413, 1000]
    assert parser.total == 1000


def test_a_later_stage_adds_its_total() -> None:
    """Head first, then all of it: "Epoch 3/5", later "Epoch 3/40", are 45 epochs."""
    text = "".join(f"Epoch {e}/{n} - loss: {1 / e}\n" for n in (5, 40) for e in range(1, min(n, 7) + 1))
    assert read(text)[1].total == 45


def test_seconds_in_a_name_are_only_those_at_a_word_s_end() -> None:
    """test/success_rate and val/sisnr are metrics, it/s is none."""
    text = "".join(
        f"epoch {k} test/success_rate {k / 10} eval/speed_error {k / 5} samples/s 500\n" for k in (1, 2)
    )
    assert curve(text, "test/success_rate") == [(1, 0.1), (2, 0.2)]
    assert len(curve(text, "eval/speed_error")) == 2
    assert not curve(text, "samples/s")
