"""Which metric is judged by when the user named none."""

from __future__ import annotations

import pytest

from lrscope.vocabulary import (
    choose_metric,
    direction,
    goal_of,
    is_bookkeeping,
    is_validation,
    learning_rate,
    stand_ins,
)


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["lr", "loss", "val_loss", "val_acc"], "val_loss"),
        (["loss_cls", "loss_box", "total_loss"], "total_loss"),
        (["val/box_loss", "val/loss", "loss"], "val/loss"),
        (["train/box_loss", "train/cls_loss"], "train/box_loss"),
        (["train/box_loss", "val/box_loss", "metrics/mAP50-95(B)"], "metrics/mAP50-95(B)"),
        (["box", "obj", "total_loss", "map@.5"], "map@.5"),
        (["val/loss", "mAP"], "val/loss"),
        (["train_loss", "mIoU"], "train_loss"),
        (["accuracy", "lr"], "accuracy"),
        (["accuracy", "val_accuracy"], "val_accuracy"),
        (["quux", "accuracy"], "accuracy"),
        (["quux", "lr"], "quux"),
        (["best_val_loss", "val_loss"], "val_loss"),
        (["best_acc"], "best_acc"),
        (["grad_norm", "entropy", "epoch", "lr"], None),
        (["time", "lr"], None),
        ([], None),
    ],
)
def test_the_whole_comes_before_its_parts(names: list[str], chosen: str | None):
    """Validation before training, a loss before a score before an unknown name, the whole loss before a part of it;
    a detector's mAP, measured on held-out data, between the two; never the time, the rate or a diagnostic."""
    assert choose_metric(names) == chosen


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (
            ["rollout/ep_rew_mean", "rollout/ep_len_mean", "train/loss", "train/value_loss"],
            "rollout/ep_rew_mean",
        ),
        (["eval/mean_reward", "rollout/ep_rew_mean", "train/actor_loss"], "eval/mean_reward"),
        (["charts/episodic_return", "losses/policy_loss"], "charts/episodic_return"),
        (["loss", "reward", "reward_std", "kl", "rewards/format/mean"], "reward"),
        (["loss", "eval_loss", "rewards/chosen", "rewards/margins", "rewards/accuracies"], "eval_loss"),
        (["reward_loss", "loss"], "loss"),
        (["policy_loss", "value_loss", "accuracy"], "accuracy"),
        (["policy_loss", "value_loss"], "value_loss"),
        (["loss_d", "loss_g", "fid"], "fid"),
    ],
)
def test_losses_of_agents_and_players_come_late(names: list[str], chosen: str):
    """A reward or a return comes before every loss, and losses of an agent's parts or of two players come after what
    says how well it goes. The reward that a preference loss gives to one answer is no return."""
    assert choose_metric(names) == chosen


def test_names_say_which_way_is_better():
    """A direction goes with a known loss or score; of another name nothing is said, and less is taken."""
    assert direction("ep_rew_mean") == direction("mcc") == direction("hits@10") == "max"
    assert direction("fid") == direction("perplexity") == "min"
    assert direction("quux") is None
    assert goal_of("quux") == "min"


def test_data_not_trained_on_is_told_by_any_of_its_words():
    """Validation, test, dev and held-out data count; a name without such a word speaks of training."""
    assert all(
        is_validation(n)
        for n in ("val_loss", "Test Acc", "dev/f1", "loss/eval", "valid_0's l2", "holdout_mse")
    )
    assert not any(is_validation(n) for n in ("loss", "train_loss", "latest", "validity", "learn"))


def test_what_is_reported_but_not_aimed_at():
    """Counters, rates, times, settings and diagnostics are never judged by; unknown names may be."""
    assert all(
        is_bookkeeping(n)
        for n in ("lr", "epoch", "step_time", "grad_norm", "loss_scale", "ep_len_mean", "mfu")
    )
    assert not any(is_bookkeeping(n) for n in ("loss", "quux", "delta", "fid"))


def test_a_loss_stands_in_for_no_reward():
    """Until a reward is reported only another reward tells how an agent does; for a loss anything may."""
    names = ["train/loss", "rollout/ep_rew_mean", "accuracy"]
    assert stand_ins(names, "eval/mean_reward") == {"rollout/ep_rew_mean"}
    assert stand_ins(names, "val_loss") == stand_ins(names, None) == set(names)


def test_of_several_rates_the_plainest_is_the_learning_rate():
    """Parameter groups have longer names; factors and bounds of a rate are no rates."""
    assert learning_rate(["lr-Adam/pg2", "lr-Adam", "loss"]) == "lr-Adam"
    assert learning_rate(["lr_decay", "min_lr", "loss"]) is None


def test_a_difference_and_a_remark_have_no_better_side():
    """Gaps, drops and spreads of a metric, and what only speaks of a counter, are not judged by."""
    for name in ("accuracy_gap", "loss_diff", "reward_std", "best_epoch", "steps_left", "loss_threshold"):
        assert direction(name) is None
        assert is_bookkeeping(name)


def test_a_clear_word_comes_before_a_short_one():
    """Abbreviations that may as well be a language or a part give way to a clearer word beside them."""
    assert direction("wer_ar") == "min"
    assert direction("fid_score") == "min"
    assert direction("objective/rlhf_reward") == "max"
