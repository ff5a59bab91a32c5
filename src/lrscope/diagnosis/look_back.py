"""How far back measurements of updates and gaps may be taken, where the loss's own stretch holds too few.

The loss is judged on a stretch that its noise asks for, sometimes the latest 15 % of a run, or what is left
after a change of pace. Gaps are measured seldomer than losses, and without this they would be silent just
there, where a run of hard batches looks like a rise, and they, who see each batch twice, know better.
"""

from __future__ import annotations

import numpy as np

from lrscope.curves.curve import LossCurve

SAME_RATE_FACTOR = (
    1.5  # rates within this factor of today's are the same rate: half the smallest step of advice
)


def widened(
    curve: LossCurve, span: tuple[int, int], fewest: int, lr: LossCurve | None = None
) -> tuple[int, int]:
    """`span`, or the latest `fewest` finite values of `curve` where it holds less.

    Never further back than the rate has been about today's. Where even that holds too few, `span` as it was.
    """
    kept = np.isfinite(curve.loss) & (curve.step <= span[1])
    if lr is not None and len(lr):
        kept &= curve.step >= _unchanged_since(lr, span[1])
    steps = curve.step[kept]
    if (steps >= span[0]).sum() >= fewest or steps.size < fewest:
        return span
    return int(steps[-fewest]), span[1]


def _unchanged_since(lr: LossCurve, last: int) -> int:
    """The step from which on the rate has stayed within `SAME_RATE_FACTOR` of what it was at `last`."""
    step, rate = lr.step[lr.step <= last], lr.loss[lr.step <= last]
    if not step.size:
        return 0
    with np.errstate(all="ignore"):
        other = ~(np.abs(np.log(rate / rate[-1])) <= np.log(SAME_RATE_FACTOR))
    at = np.flatnonzero(other)
    return int(step[at[-1] + 1]) if at.size and at[-1] + 1 < step.size else int(step[0])
