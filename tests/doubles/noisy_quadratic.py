"""Training on a noisy quadratic, whose state is known exactly: the ground truth for diagnosis.

The loss is ``sum_i h_i x_i^2 / 2``; a stochastic gradient is ``h_i x_i + noise``. Each coordinate forgets by
``1 - lr h_i`` a step, so means and variances follow in closed form, and with them which rate would have been
better.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lrscope.curves.curve import LossCurve
from lrscope.diagnosis.base import Regime

TRUTHS = (Regime.TOO_SLOW, Regime.DESCENDING, Regime.PLATEAU, Regime.ZIGZAG, Regime.DIVERGING)


@dataclass(frozen=True)
class Quadratic:
    """A quadratic, a rate and a start.

    Parameters
    ----------
    curvature : array, shape (d,)
        Eigenvalues h_i.
    noise : float
        Standard deviation of the gradient noise in each coordinate.
    lr : float
        Learning rate of plain gradient descent.
    start : array, shape (d,)
        Where it begins.
    """

    curvature: NDArray[np.float64]
    noise: float
    lr: float
    start: NDArray[np.float64]

    def expected_loss(self, steps: int, lr: float | None = None) -> float:
        """Expected loss after so many steps, in closed form."""
        rate = self.lr if lr is None else lr
        keep = 1 - rate * self.curvature
        with np.errstate(over="ignore", invalid="ignore"):
            mean = keep ** (2 * steps) * self.start**2
            series = np.where(
                np.abs(keep) == 1,
                steps,
                (1 - keep ** (2 * steps)) / np.where(np.abs(keep) == 1, 1, 1 - keep**2),
            )
            return float(np.sum(self.curvature * (mean + (rate * self.noise) ** 2 * series)) / 2)

    def run(self, steps: int, rng: np.random.Generator, average: float = 2.0) -> dict[str, LossCurve]:
        """Train, and log as the recorder would.

        The loss is that of a mini-batch whose noise is independent of the step's (an evaluation on other
        data). The gap is to an average with weights ``(t / T)^average``, each eighth step.
        """
        x = self.start.copy()
        mean = x.copy()
        before = np.zeros_like(x)
        rows: dict[str, list[float]] = {
            k: [] for k in ("loss", "grad_norm", "update_norm", "grad_dot_update", "gap", "lr")
        }
        for t in range(1, steps + 1):
            gradient = self.curvature * x + self.noise * rng.normal(size=x.size)
            mean += (1 - (1 - 1 / t) ** average) * (x - mean)
            rows["loss"].append(float(self.curvature @ x**2) / 2)
            # on one batch the noise tilts the quadratic, for both points alike
            tilt = self.noise * rng.normal(size=x.size)
            gap = float(self.curvature @ (x**2 - mean**2)) / 2 + float(tilt @ (x - mean))
            rows["gap"].append(gap if t % 8 == 0 else np.nan)
            rows["grad_norm"].append(float(np.linalg.norm(gradient)))
            rows["grad_dot_update"].append(float(gradient @ before) if t > 1 else np.nan)
            before = self.lr * gradient
            rows["update_norm"].append(float(np.linalg.norm(before)))
            rows["lr"].append(self.lr)
            x = x - before
        at = np.arange(1, steps + 1)
        return {name: LossCurve(at, values, name=name) for name, values in rows.items()}


def draw_quadratic(regime: Regime, steps: int, rng: np.random.Generator) -> Quadratic:
    """A quadratic and a rate at which training of `steps` steps is in `regime` at its end, by construction.

    Curvatures fill a decade below 1 (more where it is descending). Plateau: rate x curvature up to 0.2 to
    0.8, started far off and long settled. Zig-zag: 1.3 to 1.9 in every direction that matters, settled. Too
    slow: so small a rate that the steepest direction has come down by less than three quarters. Descending:
    shallow directions carry the loss and come down by half or more; the steep ones have a rate at which three
    times it would diverge. Diverging: above 2.
    """
    d = 16
    h = np.sort(10 ** rng.uniform(-1, 0, d))
    h[-1] = 1.0
    sign = rng.choice([-1.0, 1.0], d)
    if regime is Regime.PLATEAU:
        return Quadratic(h, 1.0, rng.uniform(0.2, 0.8), 30 * sign)
    if regime is Regime.ZIGZAG:
        h = rng.uniform(0.8, 1.0, d)
        h[-1] = 1.0
        return Quadratic(h, 1.0, rng.uniform(1.35, 1.9), 30 * sign)
    if regime is Regime.TOO_SLOW:
        return Quadratic(h, 1.0, rng.uniform(0.2, 1.2) / steps, 30 * sign)
    if regime is Regime.DESCENDING:
        lr = rng.uniform(0.75, 1.2)
        steep = d // 2
        h[:steep] = rng.uniform(0.3, 1.0, steep) / (lr * steps)
        h[steep:] = 10 ** rng.uniform(-0.3, 0, d - steep)
        h[-1] = 1.0
        size = np.where(np.arange(d) < steep, np.sqrt(rng.uniform(30, 100) / h), 30.0)
        return Quadratic(h, 1.0, lr, size * sign)
    if regime is Regime.DIVERGING:
        return Quadratic(h, 1.0, 2.0 + rng.uniform(8, 40) / steps, 30 * sign)
    raise ValueError(f"{regime} is no state of training that can be drawn.")
