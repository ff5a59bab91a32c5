"""Where would each plateau rule have cut the rate on a logged curve, and would that have been right?

The curve is replayed as it was logged; it does not answer to the cuts. So the first cut is judged, and the
later ones are only listed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lrscope.curves.curve import LossCurve
from lrscope.diagnosis.plateau_rules import (
    DlibPlateau,
    Greedy,
    KerasPlateau,
    OptaxPlateau,
    OurPlateau,
    Rule,
    TorchPlateau,
)
from lrscope.errors import UsageError
from lrscope.statistics.pace import FEWEST_PACE_POINTS, pace
from lrscope.vocabulary import Goal, goal_of

PREMATURE = 0.05  # more than this share of the whole improvement was still to come
GOES_ON = 0.1  # or, on a curve that still falls, this share of what the last doubling had brought
STANDING_GAIN_SHARE = 0.02  # less than this share is left: it stands
FLAT_FOR = 0.3  # for at least this share of the run
LATE_CUT_SHARE = 0.05  # of the run, after it stood


@dataclass(frozen=True)
class Truth:
    """What the whole curve shows afterwards.

    Parameters
    ----------
    left : array, shape (n,)
        Share of the whole improvement still to come at each point.
    flat_from : int or None
        Index from which less than 2 % was left for good, if that is at least 30 % of the run and the curve does
        not still fall at its end.
    improved : bool
        Whether there was an improvement at all.
    falls : bool
        It still falls at its end, and `left` counts what as many steps again would bring.
    """

    left: NDArray[np.float64]
    flat_from: int | None
    improved: bool
    falls: bool = False

    def premature(self, at: int) -> bool:
        """Whether a cut there comes too early: more than 5 % of the whole improvement is still to come, or, on a
        curve that still falls, a tenth of what the last doubling of the steps before had brought.
        """
        before = float(self.left[at // 2] - self.left[at])
        left = float(self.left[at])
        return left > PREMATURE or (self.falls and left >= GOES_ON * max(before, 0.0))


@dataclass(frozen=True)
class Replay:
    """What one rule would have done.

    Parameters
    ----------
    rule : str
        Its name.
    cuts, raises : tuple of int
        Steps at which it would have lowered or raised the rate.
    left_at_cut : float
        Share of the whole improvement still to come at the first cut; NaN without one.
    premature : bool
        Whether that is too much; see `Truth.premature`.
    delay : float
        Share of the run from where it stood level to the first cut (negative before); NaN where either is
        missing.
    late, missed : bool
        It stood level and the first cut came more than 5 % of the run later, or never.
    final_factor : float
        The rate at the end over the rate at the beginning.
    notes : tuple of str
        Traps that this curve sets for this rule (negative values, NaN).
    """

    rule: str
    cuts: tuple[int, ...]
    raises: tuple[int, ...]
    left_at_cut: float
    premature: bool
    delay: float
    late: bool
    missed: bool
    final_factor: float
    notes: tuple[str, ...] = ()


def default_rules(
    goal: Goal = "min", lr: float = 0.1, points_per_epoch: float = 1.0
) -> dict[str, Callable[[], Rule]]:
    """Every rule with its owner's defaults, by name; each call makes a fresh one.

    dlib's patience of 2000 mini-batches is taken as the same number of epochs of evaluations that PyTorch
    waits (10) where a point is an epoch.
    """
    window = 10 if points_per_epoch <= 10 else 2000
    return {
        "torch ReduceLROnPlateau": lambda: TorchPlateau(lr, goal),
        "keras ReduceLROnPlateau": lambda: KerasPlateau(lr, goal),
        "optax reduce_on_plateau": lambda: OptaxPlateau(lr, goal),
        "transformers GreedyLR": lambda: Greedy(lr, goal),
        "dlib": lambda: DlibPlateau(lr, goal, patience=window, look_every=1 if window == 10 else 50),
        "lrscope": lambda: OurPlateau(lr, goal, points_per_epoch=points_per_epoch),
    }


def backtest(
    curve: LossCurve,
    rules: Mapping[str, Callable[[], Rule]] | None = None,
    *,
    goal: Goal | None = None,
    lr: float | None = None,
    points_per_epoch: float = 1.0,
    judged_by: LossCurve | None = None,
    beyond: bool = True,
) -> tuple[Replay, ...]:
    """Replay plateau rules over one logged curve.

    Parameters
    ----------
    curve : LossCurve
        What the rules see, one call a point.
    rules : mapping of str to callables, optional
        Makers of fresh rules by name; all of `default_rules` unless told.
    goal : "min" or "max", optional
        Inferred from the curve's name unless told.
    lr : float, optional
        The rate at the start; the curve's own first unless told, else 0.1.
    points_per_epoch : float, default 1.0
        How many points an epoch has, for the rules that count epochs.
    judged_by : LossCurve, optional
        The curve that tells afterwards what was still to come, of the same steps (say the training loss); the
        same curve unless told.
    beyond : bool, default True
        Whether a curve that still falls at its end is judged by what would have come, too, as the diagnosis
        judges it; else the log is all there is.

    Raises
    ------
    UsageError
        If the curve has fewer than two points, or `judged_by` has other steps.
    """
    if len(curve) < 2:
        raise UsageError(f"A curve needs two points to be replayed, but {curve.name!r} has {len(curve)}.")
    judge = curve if judged_by is None else judged_by
    if not np.array_equal(judge.step, curve.step):
        raise UsageError("judged_by must have the same steps as the curve that is replayed.")
    chosen = goal or goal_of(curve.name)
    first = (
        next((float(v) for v in (() if curve.lr is None else curve.lr) if v > 0), 0.1) if lr is None else lr
    )
    makers = default_rules(chosen, first, points_per_epoch) if rules is None else rules
    truth = what_came(judge, goal_of(judge.name) if judged_by is not None else chosen, beyond)
    return tuple(_replay(name, make(), curve, truth) for name, make in makers.items())


def what_came(curve: LossCurve, goal: Goal = "min", beyond: bool = True) -> Truth:
    """What was still to come at each point of a finished curve.

    Counted from its smoothed end (a running median of three, of long curves of 1 %), and with `beyond`, where the
    curve still falls there by its pace (`lrscope.statistics.pace`), from what as many steps again would have
    reached: such a curve never stood level.
    """
    y = np.where(np.isfinite(curve.loss), curve.loss, np.nan) * (-1.0 if goal == "max" else 1.0)
    finite = np.isfinite(y)
    n = int(y.size)
    nothing = Truth(np.full(n, np.nan), None, False)
    if finite.sum() < 3:
        return nothing
    y = np.interp(np.arange(n), np.flatnonzero(finite), y[finite])
    half = max(1, n // 200)
    smooth = np.array([np.median(y[max(i - half, 0) : i + half + 1]) for i in range(n)])
    smooth[0] = y[0]
    end = float(smooth[-max(3, n // 50) :].mean())
    found = pace(y, curve.step) if beyond and n >= FEWEST_PACE_POINTS else None
    falls = found is not None and found.falling
    if found is not None and falls:
        end -= max(found.outlook.gain, 0.0)
    total = float(smooth[0]) - end
    if not total > 0:
        return nothing
    left = (smooth - end) / total
    above = np.flatnonzero(left > STANDING_GAIN_SHARE)
    flat = int(above[-1]) + 1 if above.size else 0
    stood = not falls and flat <= (1 - FLAT_FOR) * (n - 1)
    return Truth(left, flat if stood else None, True, falls)


def _replay(name: str, rule: Rule, curve: LossCurve, truth: Truth) -> Replay:
    cuts: list[int] = []
    raises: list[int] = []
    begin = rule.lr
    for i, value in enumerate(curve.loss.tolist()):
        before = rule.lr
        rule.step(value)
        if rule.lr < before:
            cuts.append(i)
        elif rule.lr > before:
            raises.append(i)
    n = len(curve) - 1
    left = float(truth.left[cuts[0]]) if cuts else math.nan
    delay = (cuts[0] - truth.flat_from) / n if cuts and truth.flat_from is not None else math.nan
    steps = curve.step
    return Replay(
        rule=name,
        cuts=tuple(int(steps[i]) for i in cuts),
        raises=tuple(int(steps[i]) for i in raises),
        left_at_cut=left,
        premature=bool(cuts) and truth.premature(cuts[0]),
        delay=delay,
        late=delay > LATE_CUT_SHARE,
        missed=truth.flat_from is not None and not cuts,
        final_factor=rule.lr / begin,
        notes=_traps(rule, curve),
    )


def _traps(rule: Rule, curve: LossCurve) -> tuple[str, ...]:
    notes = []
    finite = curve.loss[np.isfinite(curve.loss)]
    relative = isinstance(rule, OptaxPlateau) and rule.rtol > 0
    relative |= isinstance(rule, TorchPlateau | Greedy) and rule.threshold_mode == "rel"
    turned = isinstance(rule, OptaxPlateau) and rule.mode == "max"
    if relative and finite.size and float(np.min(-finite if turned else finite)) < 0:
        notes.append(
            "The relative threshold is wrong for negative values: standing still, or getting slightly "
            "worse, counts as progress, so it never cuts."
        )
    broken = len(curve) - finite.size
    if broken and isinstance(rule, KerasPlateau) and not np.isfinite(curve.loss[0]):
        notes.append(
            "The first value is not finite and is never beaten: every later value counts as no progress."
        )
    elif broken and not isinstance(rule, OurPlateau | DlibPlateau):
        notes.append(f"{broken} values that are not finite each count as no progress.")
    return tuple(notes)
