"""The entry: curves in, a diagnosis out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lrscope.curves.curve import LossCurve
from lrscope.curves.direction import assumption
from lrscope.diagnosis.base import Advice, Diagnosis, Regime, Verdict
from lrscope.diagnosis.gap import FEWEST_GAPS, read_gap
from lrscope.diagnosis.look_back import widened
from lrscope.diagnosis.overfitting import read_overfitting
from lrscope.diagnosis.regimes import Reading, read_loss
from lrscope.diagnosis.schedule import heed_schedule, planned_steps, rate_of, read_schedule
from lrscope.diagnosis.segments import segments
from lrscope.diagnosis.series import Series, epoch_length, prepare
from lrscope.diagnosis.updates import is_plain_sgd, read_updates
from lrscope.errors import UsageError
from lrscope.vocabulary import Goal, choose_metric, direction, goal_of, is_loss, is_validation

_SPARSE = 20  # values of a validation loss up to which a training loss with many more of them tells more
_MANY_MORE = 5
_RAMP = 30.0  # last rate over first, in a log whose rate only rises, from which it is a range test
_OF_EACH_STEP = ("cos", "grad_dot_update", "gap")
"""What a recorder measures at each step, under these names."""


def diagnose_curves(
    curves: Mapping[str, LossCurve],
    *,
    metric: str | None = None,
    goal: Goal | None = None,
    epoch_steps: float | None = None,
    plain_sgd: bool | None = None,
) -> Diagnosis:
    """What state training is in at the end of its curves, and what would help.

    The loss is judged first (`regimes`); then, where they were logged, the updates (`updates`) and the gap
    (`gap`) may overrule it, for they know what the loss cannot tell. A validation loss that rises while the
    training loss does not is named overfitting. Last, no advice is given that the schedule leaves no room for
    (`schedule`).

    Parameters
    ----------
    curves : mapping of str to LossCurve
        The run's curves by name. Known columns: ``grad_norm``, ``update_norm``, ``grad_dot_update``, ``cos``,
        ``gap``, ``lr``, ``epoch``.
    metric : str, optional
        The curve to judge. Chosen by its name unless told: with update information the training loss,
        otherwise a validation loss before a training loss, unless it has too few values yet to be judged and the
        training loss has many.
    goal : "min" or "max", optional
        Whether less or more of it is better; inferred from the name unless told.
    epoch_steps : float, optional
        Steps in an epoch; read from an ``epoch`` curve unless told.
    plain_sgd : bool, optional
        Whether the optimiser is plain gradient descent, without momentum; seen from the norms unless told.

    Returns
    -------
    Diagnosis
        Always; too few points are `UNDECIDED`, with how many would do.

    Raises
    ------
    UsageError
        If there is no curve to judge, or `metric` is not among them.
    """
    name, passed_over = _choose(curves, metric)
    if goal not in (None, "min", "max"):
        raise UsageError(f"goal must be 'min' or 'max', but is {goal!r}.")
    if epoch_steps is not None and not epoch_steps > 0:
        raise UsageError(f"epoch_steps must be positive, but is {epoch_steps}.")
    chosen = goal or goal_of(name)
    assumed = () if goal or direction(name) else (assumption(name, chosen, None),)
    series = prepare(curves[name], chosen)
    epochs = epoch_steps or epoch_length(curves)
    planned = planned_steps(curves)
    reading = read_loss(series, epochs, name=name, curves=curves, planned=planned)
    ramp = _range_test(curves, reading)
    overfitted = None if ramp else _overfitting(curves, name, told=metric is not None)
    verdict = ramp or overfitted or _with_updates(curves, name, reading, plain_sgd)
    schedule = read_schedule(rate_of(curves), series.last_step, planned)
    if ramp is None:
        verdict = heed_schedule(verdict, schedule)
    open_ended = ramp is None and overfitted is None and schedule.spent_since is None
    latest = Regime.UNDECIDED if overfitted else reading.verdict.regime
    return Diagnosis(
        regime=verdict.regime,
        span=reading.span,
        advice=verdict.advice,
        evidence={**reading.verdict.evidence, **verdict.evidence},
        reason=verdict.reason,
        confidence=verdict.confidence,
        segments=segments(series, latest, reading.span[0]),
        gain_left=reading.forecast if open_ended else None,
        metric=name,
        warnings=(*assumed, *passed_over, *_caveats(series, epochs, verdict), *verdict.warnings),
    )


def _choose(curves: Mapping[str, LossCurve], metric: str | None) -> tuple[str, tuple[str, ...]]:
    """The curve to judge, and what to say about one that was passed over for it."""
    if metric is not None:
        if metric not in curves:
            raise UsageError(
                f"There is no curve named {metric!r}; there are: {', '.join(sorted(curves)) or 'none'}."
            )
        return metric, ()
    names = [name for name in curves if name.rsplit("/", 1)[-1] not in _OF_EACH_STEP]
    if len(names) < len(curves):
        training = [n for n in names if is_loss(n) and not is_validation(n)]
        names = training or names  # what was measured at each step belongs to the loss of each step
    found = choose_metric(names)
    if found is None:
        raise UsageError(
            f"No curve to judge was found among: {', '.join(sorted(curves)) or 'nothing'}; name one as "
            f"metric."
        )
    if is_validation(found) and len(curves[found]) < _SPARSE:
        other = choose_metric([n for n in names if is_loss(n) and not is_validation(n)])
        if other is not None and len(curves[other]) >= _MANY_MORE * len(curves[found]):
            return other, (
                f"{found} has only {len(curves[found])} value(s) so far, too few to judge: {other} is judged "
                f"instead, which does not show overfitting.",
            )
    return found, ()


def _range_test(curves: Mapping[str, LossCurve], reading: Reading) -> Verdict | None:
    """A log whose rate does nothing but rise, over decades, is a range test: no state of training at all."""
    lr = rate_of(curves)
    if lr is None or len(lr) < 10 or not np.isfinite(lr.loss).all():
        return None
    rates = lr.loss
    if not (rates[0] > 0 and rates[-1] >= _RAMP * rates[0]) or np.mean(np.diff(rates) > 0) < 0.95:
        return None
    if float(np.median(rates)) > 0.3 * float(rates[-1]):
        return None  # a warm-up in equal steps that the log ends with
    return Verdict(
        Regime.UNDECIDED,
        Advice.UNDECIDED,
        f"The learning rate rises through the whole log, from {rates[0]:.3g} to {rates[-1]:.3g}: this is a range test, "
        "and its shape says which rates to try, not what state a training is in.",
        0.95,
        {**reading.verdict.evidence, "first_lr": float(rates[0]), "last_lr": float(rates[-1])},
    )


def _overfitting(curves: Mapping[str, LossCurve], name: str, told: bool) -> Verdict | None:
    """Overfitting, from the judged curve, or from another validation loss unless the caller named the curve."""
    losses = [n for n in curves if is_loss(n)]
    judged = name if is_validation(name) and is_loss(name) else None
    validation = judged or (None if told else choose_metric([n for n in losses if is_validation(n)]))
    training = choose_metric([n for n in losses if not is_validation(n)])
    if validation is None or training is None:
        return None
    return read_overfitting(curves, validation, training)


def _with_updates(
    curves: Mapping[str, LossCurve], name: str, reading: Reading, plain_sgd: bool | None
) -> Verdict:
    verdict = reading.verdict
    if is_validation(name):
        return verdict
    lr = rate_of(curves)
    plain = is_plain_sgd(curves, lr) if plain_sgd is None else plain_sgd
    verdict = read_updates(curves, reading.span, verdict, plain, lr) or verdict
    gap = next((c for n, c in curves.items() if n.rsplit("/", 1)[-1] == "gap"), None)
    if gap is not None:
        verdict = read_gap(gap, widened(gap, reading.span, FEWEST_GAPS, lr), verdict) or verdict
    return verdict


def _caveats(series: Series, epochs: float | None, verdict: Verdict) -> tuple[str, ...]:
    caveats = []
    inner = series.broken - series.broken_tail
    if inner:
        caveats.append(
            f"{inner} value{'s' if inner > 1 else ''} before the end {'are' if inner > 1 else 'is'} not "
            f"finite and left out."
        )
    if epochs is None and verdict.regime is Regime.PLATEAU:
        caveats.append(
            "The log does not say how long an epoch is, so this plateau may lie within the first eight epochs, where "
            "losses stand on shelves; give --epoch-steps."
        )
    return tuple(caveats)
