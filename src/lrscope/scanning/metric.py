"""Which of the metrics that a program reports is the one to judge by, and whether less of it is better."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Literal

Goal = Literal["min", "max"]

_VALIDATION = re.compile(r"(^|[_\-/. ])(val|valid|validation|eval|dev|test)([_\-/. ]|$)", re.IGNORECASE)
_LOSS = re.compile(
    r"loss|nll|bpb|bpc|perplexity|ppl|error|err\b|mse|rmse|mae|logloss|objective|cost", re.IGNORECASE
)
_MORE_IS_BETTER = re.compile(
    r"(^|[_\-/. ])(acc|accuracy|auc|auroc|auprc|ap|map|f1|f1_score|score|r2|bleu|rouge\w*|reward|return|iou|miou|dice|"
    r"precision|recall|psnr|ssim|elbo|likelihood|log_likelihood|top[15]\w*)([_\-/. @\d]|$)|accuracy",
    re.IGNORECASE,
)
_BOOKKEEPING = re.compile(
    r"(^|[_\-/. ])(lr|learning_rate|step|steps|iter|iteration|epoch|epochs|time|ms|seconds|sec|s|eta|elapsed|tokens|"
    r"samples|batch|grad_norm|gnorm|norm|mem|memory|speed|throughput|it/s|mfu|progress|percent)([_\-/. ]|$)",
    re.IGNORECASE,
)


def choose_metric(names: Collection[str]) -> str | None:
    """The metric to judge by when the user named none: a validation loss before a training loss before anything
    else that is no bookkeeping (learning rate, time, gradient norm). None where there is none to choose.

    A validation loss comes first because a rate is chosen for what it does on data not trained on.
    """

    def rank(name: str) -> tuple[int, int, str]:
        validation = bool(_VALIDATION.search(name))
        if _BOOKKEEPING.search(name) and not _LOSS.search(name):
            return (9, len(name), name)
        if _LOSS.search(name) and not _MORE_IS_BETTER.search(name):
            plain = 0 if "loss" in name.lower() else 1
            return ((0 if validation else 2) + plain, len(name), name)
        if _MORE_IS_BETTER.search(name):
            return (4 if validation else 5, len(name), name)
        return (6, len(name), name)

    best = min(names, key=rank, default=None)
    return None if best is None or rank(best)[0] == 9 else best


def infer_goal(name: str) -> Goal:
    """ "max" for accuracies, scores and their like, "min" for everything else."""
    return "max" if _MORE_IS_BETTER.search(name) and not _LOSS.search(name) else "min"
