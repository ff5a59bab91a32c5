"""Which of the metrics that a program reports is the one to judge by, and whether less of it is better."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Literal

Goal = Literal["min", "max"]

_B = r"(?:^|(?<=[_\-/. @:]))"  # a word begins: names are written train_loss, val/loss, "eval loss", test.acc
_E = r"(?=$|[_\-/. @:\d])"

_VALIDATION = re.compile(_B + r"(val|valid|validation|eval|evaluation|dev|test|holdout)" + _E, re.IGNORECASE)
_LOSS = re.compile(
    r"loss|perplexity|cross.?entropy|neg\w*likelihood|"
    + _B
    + r"(nll|bpb|bpc|ppl|error|err|mse|rmse|mae|mape|objective|cost|deviance|kl|fid|wer|cer|xent|ce)"
    + _E,
    re.IGNORECASE,
)
_MORE_IS_BETTER = re.compile(
    r"accuracy|"
    + _B
    + r"(acc|auc|auroc|auprc|ap|map|f1|score|r2|bleu|rouge\w*|reward|rewards|return|returns|iou|miou|dice|"
    r"precision|recall|psnr|ssim|elbo|likelihood|top[15]\w*|acc[15]|ndcg|mrr|kappa)" + _E,
    re.IGNORECASE,
)
_BOOKKEEPING = re.compile(
    _B + r"(lr|learning.?rate|step|steps|iter|iters|iteration|epoch|epochs|time|ms|seconds|sec|secs|"
    r"s|eta|elapsed|"
    r"tokens|samples|batch|batches|grad|grad.?norm|gnorm|norm|mem|memory|speed|throughput|it/s|mfu|progress|percent|"
    r"runtime|flos|seed|momentum|weight.?decay|per.?second|gpu|cpu|examples|dt)" + _E,
    re.IGNORECASE,
)
_WHOLE_LOSS = re.compile(
    r"^(?:(?:train|training|val|valid|validation|eval|evaluation|dev|test|holdout|total|overall|mean|avg|lm|model)"
    r"[_\-/. ]?)*loss(?:[_\-/. ](?:total|overall|all|mean|avg|epoch|step|train|val|valid|test|eval))*$",
    re.IGNORECASE,
)
_ABOUT_LOSS = re.compile(r"loss.?(scale|scaling|weight|time|coef)", re.IGNORECASE)


@lru_cache(maxsize=4096)
def is_loss(name: str) -> bool:
    """Whether a name is that of a loss or an error, of which less is better."""
    return bool(_LOSS.search(name)) and not _ABOUT_LOSS.search(name)


@lru_cache(maxsize=4096)
def is_validation(name: str) -> bool:
    """Whether a name says that it was measured on data not trained on."""
    return bool(_VALIDATION.search(name))


@lru_cache(maxsize=4096)
def is_bookkeeping(name: str) -> bool:
    """Whether a name is that of something that is reported but not aimed at: rate, time, gradient norm."""
    if _ABOUT_LOSS.search(name):
        return True
    return bool(_BOOKKEEPING.search(name)) and not _LOSS.search(name) and not _MORE_IS_BETTER.search(name)


def choose_metric(names: Collection[str]) -> str | None:
    """The metric to judge by when the user named none: a validation loss before a training loss before
    anything
    else that is no bookkeeping (learning rate, time, gradient norm). None where there is none to choose.

    A validation loss comes first because a rate is chosen for what it does on data not trained on. Where a loss
    is logged as a whole and by its parts (``total_loss``, ``loss_cls``, ``loss_box``), the whole comes first.

    Examples
    --------
    >>> choose_metric(["lr", "loss", "val_loss", "val_acc"])
    'val_loss'
    """

    def rank(name: str) -> tuple[int, bool, int, str]:
        part = not _WHOLE_LOSS.match(name)
        if is_bookkeeping(name):
            return (9, part, len(name), name)
        if is_loss(name):
            plain = 0 if "loss" in name.lower() else 1
            return ((0 if is_validation(name) else 2) + plain, part, len(name), name)
        if infer_goal(name) == "max":
            return (4 if is_validation(name) else 5, part, len(name), name)
        return (6, part, len(name), name)

    best = min(names, key=rank, default=None)
    return None if best is None or rank(best)[0] == 9 else best


@lru_cache(maxsize=4096)
def infer_goal(name: str) -> Goal:
    """ "max" for accuracies, scores and their like, "min" for everything else."""
    return (
        "max" if _MORE_IS_BETTER.search(name) and not re.search("loss|error", name, re.IGNORECASE) else "min"
    )
