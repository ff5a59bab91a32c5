"""A running average of weights that needs no horizon.

    a_t = a_(t-1) + (1 - (1 - 1/t)^p) (theta_t - a_(t-1))

The weight of theta_s in a_t grows as (s/t)^(p-1), so the average forgets the start at the pace at which the
run grows, and the mean age of what it holds is t/(p+1): a third of the run for p = 2. (Shamir and Zhang 2013,
"polynomial decay averaging", for the idea.)
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class PowerAverage:
    """The running average of a list of tensors; one copy of them is its state.

    Parameters
    ----------
    power : float
        p above; 2 unless told. More forgets faster.

    Attributes
    ----------
    values : list of tensors
        The average, in single precision at least: a small change is lost to half precision. Empty at the
        start.
    steps : int
        t, the steps that went in.
    """

    def __init__(self, power: float = 2.0) -> None:
        self.power = power
        self.values: list[Tensor] = []
        self.steps = 0

    @torch.no_grad()
    def update(self, weights: Sequence[Tensor], steps: int = 1) -> None:
        """Take in the weights after `steps` more steps.

        The caller leaves out weights that are not finite: an average that has taken in one NaN stays NaN.
        """
        self.steps += steps
        share = 1.0 - (1.0 - steps / self.steps) ** self.power
        weights = [w.detach() for w in weights]
        if len(self.values) != len(weights) or self.steps == steps:
            self.values = [w.to(_wide(w.dtype), copy=True) for w in weights]
            return
        wide = [w if w.dtype == a.dtype else w.to(a.dtype) for w, a in zip(weights, self.values, strict=True)]
        torch._foreach_lerp_(self.values, wide, share)


def _wide(dtype: torch.dtype) -> torch.dtype:
    return torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype
