"""The answer of a scan: a learning rate with its interval, the band around it, the cliff, and every caveat."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lrscope.statistics.estimate import Estimate, two_digits
from lrscope.vocabulary import Goal


@dataclass(frozen=True, slots=True)
class Band:
    """Learning rates whose final loss is within `tolerance` of the best, as a share of the improvement: what training
    gains from its start to the best end. An open end (the range of the scan stops there) is marked."""

    low: float
    high: float
    tolerance: float
    open_low: bool = False
    open_high: bool = False

    def __str__(self) -> str:
        low = two_digits(self.low) + (" or lower" if self.open_low else "")
        return f"{low} to {two_digits(self.high)}" + (" or higher" if self.open_high else "")


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What a scan concludes.

    Parameters
    ----------
    lr : Estimate or None
        The recommended learning rate; None where nothing can be recommended (`reason` says why).
    band : Band or None
        Where the result is insensitive to the rate.
    cliff : Estimate or None
        Where training begins to diverge; None where it did not within the range.
    reason : str
        One or two sentences for a person: why this rate.
    rule : str
        Which planner and which reading of the curves named it.
    metric : str or None
        The metric that was judged.
    goal : str
        "min" or "max".
    warnings : tuple of str
        Every caveat that applies, one sentence each.
    chance : float or None
        The chance that `lr` ends within the tolerance of the best rate of the grid, as a share of the improvement;
        None where the planner has no model to tell it.
    provisional : bool
        Whether what was seen is too little for the rate to be final: fewer than two runs came to half of a full run,
        another stood lower long before, or the scan was interrupted. The first of `warnings` says what is missing.
    """

    lr: Estimate | None
    band: Band | None
    cliff: Estimate | None
    reason: str
    rule: str
    metric: str | None = None
    goal: Goal = "min"
    warnings: tuple[str, ...] = ()
    chance: float | None = None
    provisional: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for the ledger; `from_dict` reads them."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))  # lists, as they come back from a file
        return plain

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Recommendation:
        """What `to_dict` wrote."""
        return cls(**parts(kept))


def parts(kept: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a recommendation, from plain values."""
    found = {**kept, "warnings": tuple(kept["warnings"])}
    for name, kind in (("lr", Estimate), ("cliff", Estimate), ("band", Band)):
        found[name] = None if kept[name] is None else kind(**kept[name])
    return found
