"""How often the diagnosis is right where the truth is known exactly, and how often the plateau rule cries
wolf.
"""

from __future__ import annotations

import numpy as np
import pytest
from noisy_quadratic import TRUTHS, draw_quadratic

from lrscope.diagnosis.base import Regime
from lrscope.diagnosis.diagnose import diagnose_curves
from lrscope.diagnosis.plateau_rules import OurPlateau

LOSS_ALONE = {
    Regime.TOO_SLOW: Regime.DESCENDING,
    Regime.DESCENDING: Regime.DESCENDING,
    Regime.PLATEAU: Regime.PLATEAU,
    Regime.ZIGZAG: Regime.PLATEAU,
    Regime.DIVERGING: Regime.DIVERGING,
}


@pytest.mark.slow
def test_regimes_on_known_trainings():
    """Of 100 noisy quadratics at least 95 are named right with update information, 95 from the loss alone
    among three states, and from the loss
    alone never one as zig-zag."""
    rng = np.random.default_rng(2026)
    right = alone = 0
    for regime in TRUTHS:
        for _ in range(20):
            logged = draw_quadratic(regime, 600, rng).run(600, rng)
            del logged["gap"]
            right += diagnose_curves(logged).regime is regime
            seen = diagnose_curves({"loss": logged["loss"]}).regime
            assert seen is not Regime.ZIGZAG
            alone += seen is LOSS_ALONE[regime]
    assert right >= 95
    assert alone >= 95


@pytest.mark.parametrize("regime", [Regime.TOO_SLOW, Regime.PLATEAU, Regime.DIVERGING])
def test_the_drawn_truth_is_true(regime):
    """By closed form: three times the rate would gain a tenth where it is too slow, a third of it would where
    it is level, and a diverging
    one ends above where it began."""
    rng = np.random.default_rng(4)
    for _ in range(20):
        q = draw_quadratic(regime, 600, rng)
        now = q.expected_loss(600)
        if regime is Regime.TOO_SLOW:
            assert q.expected_loss(600, 3 * q.lr) < 0.9 * now
        elif regime is Regime.PLATEAU:
            assert q.expected_loss(600, q.lr / 3) < 0.9 * now
            assert q.expected_loss(1200) == pytest.approx(now, rel=0.05)
        else:
            assert now > q.expected_loss(0)


@pytest.mark.slow
@pytest.mark.parametrize("size", [0.03, 0.1, 0.3])
def test_false_alarms_on_descending_curves(size):
    """Linear, exponential and logarithmic descents of 2,000 points, noise normal or t4 with memory 0, 0.6 or
    -0.4: at most 10 % (as stated)
    are cut before their end."""
    rng = np.random.default_rng(7)
    n, cut, count = 2000, 0, 0
    t = np.arange(n)
    shapes = [
        1 - t / n,
        (np.exp(-t / n) - np.exp(-1)) / (1 - np.exp(-1)),
        1 - np.log1p(t / 20) / np.log1p(n / 20),
    ]
    for shape in shapes:
        for memory in (0.0, 0.6, -0.4):
            for tail in (None, 4):
                e = rng.normal(size=n) if tail is None else rng.standard_t(tail, size=n) / np.sqrt(2)
                for i in range(1, n):
                    e[i] = memory * e[i - 1] + e[i] * np.sqrt(1 - memory**2)
                rule = OurPlateau(points_per_epoch=20)
                for value in shape + size * e:
                    rule.step(value)
                cut += rule.lr < 1
                count += 1
    assert cut <= 0.1 * count
