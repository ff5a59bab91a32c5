"""Which of several rates would help, from short branches of one run.

From one state of training, branches are run at several rates on the same batches, each is cooled down, and
each is evaluated on the same held-out batches. Here the losses become a verdict; `lrscope.torch.probe` runs
the branches.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lrscope.errors import UsageError
from lrscope.statistics.estimate import Estimate
from lrscope.statistics.student import student_quantile


@dataclass(frozen=True)
class Branch:
    """One rate that was tried.

    Parameters
    ----------
    factor : float
        The rate as a multiple of the present one.
    loss : float
        Mean loss over evaluation batches and repetitions; NaN or inf where it diverged.
    change : Estimate
        Relative to keeping the rate: -0.021 is 2.1 % lower. NaN where it diverged.
    """

    factor: float
    loss: float
    change: Estimate


@dataclass(frozen=True)
class BranchVerdict:
    """What short branches say about the rate.

    Parameters
    ----------
    advice : str
        ``"lower"``, ``"raise"``, ``"keep"`` or ``"undecided"``.
    factor : float
        By how much: the factor of the branch that is advised, 1 to keep.
    branches : tuple of Branch
        By rising factor.
    steps : int
        What it cost, in training steps.
    reason : str
        One sentence for a person.
    """

    advice: str
    factor: float
    branches: tuple[Branch, ...]
    steps: int
    reason: str

    def __str__(self) -> str:
        return self.reason


def judge_branches(
    factors: ArrayLike, losses: ArrayLike, steps: int, level: float = 0.95, least: float = 0.002
) -> BranchVerdict:
    """Compare branches with the one that kept the rate.

    The change of a branch is the mean of d_rb = L_rb(factor) - L_rb(1) over repetitions r (other training
    batches) and evaluation batches b, over the mean of L(1). Its standard error joins the two sources of
    chance,

        se^2 = var_b(mean_r d_rb) / B + var_r(mean_b d_rb) / R,

    the second where there is more than one repetition. Null hypothesis: no change. The interval is Student's
    with B - 1 or, where repetitions have the larger share of the error, R - 1 degrees of freedom, and is
    corrected for the number of branches (Bonferroni). A branch is advised when its interval lies below
    -`least`; "keep" when all others lie above `least` or diverged.

    Parameters
    ----------
    factors : array, shape (F,)
        Rates as multiples of the present one; 1 is among them.
    losses : array, shape (F, R, B)
        Loss of each branch, repetition and evaluation batch. Not finite: diverged.
    steps : int
        What they cost.
    level : float
        Coverage of the intervals together.
    least : float
        The smallest relative change that counts.

    Raises
    ------
    UsageError
        If the shapes do not fit, 1 is missing from the factors, or there are fewer than two evaluation
        batches.
    """
    factor = np.asarray(factors, dtype=float)
    loss = np.asarray(losses, dtype=float)
    if loss.ndim != 3 or loss.shape[0] != factor.size or loss.shape[2] < 2:
        raise UsageError(
            f"losses must have shape (factors, repetitions, evaluation batches) with at least 2 batches; "
            f"got {loss.shape} for {factor.size} factors."
        )
    same = np.flatnonzero(np.isclose(factor, 1.0))
    if same.size != 1 or np.any(~(factor > 0)):
        raise UsageError(f"factors must be positive and hold 1 once; got {factor.tolist()}.")
    kept = loss[same[0]]
    order = np.argsort(factor)
    branches = tuple(
        Branch(float(factor[i]), float(loss[i].mean()), _change(loss[i], kept, level, factor.size - 1))
        for i in order
    )
    advice, best = _advise(branches, least)
    return BranchVerdict(
        advice, best.factor, branches, steps, _sentence(advice, best, branches, steps, level)
    )


def _change(loss: NDArray[np.float64], kept: NDArray[np.float64], level: float, others: int) -> Estimate:
    method = "paired t interval over evaluation batches and repetitions, Bonferroni"
    difference = loss - kept
    scale = abs(float(kept.mean()))
    if not np.isfinite(difference).all() or scale == 0.0:
        return Estimate(math.nan, math.nan, math.nan, level, method)
    repetitions, batches = difference.shape
    of_batches = float(difference.mean(axis=0).var(ddof=1)) / batches
    of_training = float(difference.mean(axis=1).var(ddof=1)) / repetitions if repetitions > 1 else 0.0
    freedom = batches - 1 if of_batches >= of_training else repetitions - 1
    alpha = (1.0 - level) / max(others, 1)
    half = student_quantile(1.0 - alpha / 2.0, freedom) * math.sqrt(of_batches + of_training) / scale
    value = float(difference.mean()) / scale
    return Estimate(value, value - half, value + half, level, method)


def _advise(branches: tuple[Branch, ...], least: float) -> tuple[str, Branch]:
    present = next(b for b in branches if math.isclose(b.factor, 1.0))
    others = [b for b in branches if b is not present]
    if not math.isfinite(present.loss):
        lower = [b for b in others if b.factor < 1 and math.isfinite(b.loss)]
        return ("lower", min(lower, key=lambda b: b.loss)) if lower else ("undecided", present)
    better = [b for b in others if b.change.high < -least]
    if better:
        best = min(better, key=lambda b: b.change.value)
        return ("lower" if best.factor < 1 else "raise"), best
    if all(not math.isfinite(b.loss) or b.change.low > least for b in others):
        return "keep", present
    return "undecided", present


def _sentence(advice: str, best: Branch, branches: tuple[Branch, ...], steps: int, level: float) -> str:
    cost = f"cost {steps} steps"
    if advice in ("lower", "raise"):
        verb = "lowering" if advice == "lower" else "raising"
        if not math.isfinite(best.change.value):
            return (
                f"{verb} helps: at the present rate training diverges, at {best.factor:.3g} x it not; {cost}"
            )
        return f"{verb} helps: {_percent(best.change)} at {best.factor:.3g} x the rate, {cost}"
    tried = ", ".join(
        f"{_percent(b.change)} at {b.factor:.3g} x"
        if math.isfinite(b.change.value)
        else f"diverged at {b.factor:.3g} x"
        for b in branches
        if not math.isclose(b.factor, 1.0)
    )
    if advice == "keep":
        return f"keep the rate: {tried}, {cost}"
    return f"no difference that {level:.0%} intervals can tell from chance: {tried}, {cost}"


def _percent(change: Estimate) -> str:
    return f"{100 * change.value:+.1f} % +/- {50 * (change.high - change.low):.1f}"
