"""Which of the metrics that a program reports is the one to judge by, and which way it is better."""

from __future__ import annotations

from collections.abc import Collection

from lrscope.vocabulary.kinds import Goal, Kind, Phase, Role
from lrscope.vocabulary.meaning import Meaning, meaning

_NEVER_JUDGED = frozenset(Kind) - {Kind.LOSS, Kind.SCORE, Kind.UNKNOWN}


def kind(name: str) -> Kind:
    """What a name stands for."""
    return meaning(name).kind


def direction(name: str) -> Goal | None:
    """Which way a metric is better; None where its name does not say."""
    return meaning(name).goal


def goal_of(name: str) -> Goal:
    """Which way a metric is taken to be better: by its name, and less where that does not say."""
    return direction(name) or "min"


def phase(name: str) -> Phase | None:
    """Which data a metric was measured on; None where its name does not say."""
    return meaning(name).phase


def is_loss(name: str) -> bool:
    """Whether a name is that of a loss or an error, of which less is better."""
    return meaning(name).kind is Kind.LOSS


def is_validation(name: str) -> bool:
    """Whether a name says that it was measured on data not trained on."""
    return meaning(name).phase in ("validation", "test")


def is_rate(name: str) -> bool:
    """Whether a name is that of the learning rate."""
    return meaning(name).kind is Kind.RATE


def is_return(name: str) -> bool:
    """Whether a name is that of what reinforcement learning aims at: a reward, a return, a success rate."""
    return meaning(name).role is Role.RETURN and meaning(name).kind is Kind.SCORE


def is_bookkeeping(name: str) -> bool:
    """Whether a name is that of something reported but not aimed at: rate, counter, time, gradient norm."""
    return meaning(name).kind in _NEVER_JUDGED


def learning_rate(names: Collection[str]) -> str | None:
    """The name that is the learning rate's; of several (parameter groups) the plainest one, None for none."""
    return min((n for n in names if is_rate(n)), key=lambda n: (len(n), n), default=None)


def choose_metric(names: Collection[str]) -> str | None:
    """The metric to judge by when the user named none. None where there is none to choose.

    A validation loss comes before any other loss, then a validation score, any other score, a name that is not known.
    A validation loss comes first because a rate is chosen for what it does on data not trained on. Where a loss is
    logged as a whole and by its parts (``total_loss``, ``loss_cls``, ``loss_box``), the whole comes first.

    Where a reward or a return is among the names, it comes before every loss: in reinforcement learning the losses of
    actor and critic need not fall while the agent learns. The same holds for the losses of two players (``loss_d``,
    ``loss_g``), which come after everything else that has a direction. A detector's mAP comes before the parts of its
    loss and before any loss on the training data: it is measured on held-out data.

    Examples
    --------
    >>> choose_metric(["lr", "loss", "val_loss", "val_acc"])
    'val_loss'
    >>> choose_metric(["rollout/ep_rew_mean", "train/value_loss", "train/loss"])
    'rollout/ep_rew_mean'
    """
    read = {name: meaning(name) for name in names if not is_bookkeeping(name)}
    return min(read, key=lambda name: _rank(name, read[name]), default=None)


def stand_ins(names: Collection[str], wanted: str | None) -> set[str]:
    """The metrics that can tell how a run does until `wanted` is reported: all; of rewards only other rewards."""
    rewarded = wanted is not None and is_return(wanted)
    return {name for name in names if is_return(name) or not rewarded}


def _rank(name: str, what: Meaning) -> tuple[int, bool, int, int, str]:
    seen = what.phase in ("validation", "test")
    if what.kind is Kind.UNKNOWN:
        tier = 10 if what.summary else 8 if seen else 9
    elif what.kind is Kind.SCORE:
        if what.role is Role.RETURN:
            tier = 0 if seen else 1
        else:
            tier = 2 if what.role is Role.DETECTION else 6 if seen else 7
    elif what.role is Role.GAME:
        tier = 8
    else:
        tier = (2 if seen else 4) + ("loss" not in name.lower())
    part = 1 if what.role is Role.DETECTION else 2 * what.part
    return (tier, what.summary, part, len(name), name)
