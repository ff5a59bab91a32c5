"""Patience from a curve's own noise."""

from __future__ import annotations

import numpy as np
import pytest

from lrscope.curves.curve import LossCurve
from lrscope.diagnosis.patience import patience_for
from lrscope.diagnosis.plateau_rules import TorchPlateau
from lrscope.errors import UsageError


def noisy(noise, n=100, seed=0, scale=1.0, shift=0.0):
    y = np.exp(-np.arange(n) / 10) + noise * np.random.default_rng(seed).normal(size=n)
    return LossCurve(np.arange(n), y * scale + shift, name="val_loss")


def test_the_stated_rate_of_false_cuts_is_held():
    """With the patience given, PyTorch's own rule cuts fresh descents of 1 % per epoch in at most 10 % of 200
    runs (stated 5 %).
    """
    found = patience_for(noisy(0.02), 1.0)
    rng = np.random.default_rng(1)
    cut = 0
    for _ in range(200):
        rule = TorchPlateau(patience=found.patience, threshold=0.0, threshold_mode="abs")
        for v in 0.02 * rng.normal(size=found.horizon) - found.fall * np.arange(found.horizon):
            rule.step(v)
        cut += rule.lr < 1
    assert cut <= 20
    assert found.false_cuts <= 0.05
    assert found.typical_delay > found.patience


def test_more_noise_asks_for_more_patience():
    """Patience and window grow with the noise; without noise one bad report is enough, and it is said how
    long a plateau waits.
    """
    found = [patience_for(noisy(s)) for s in (0.002, 0.02, 0.06)]
    patience = [f.patience for f in found]
    assert patience == sorted(patience)
    assert patience[0] <= 2 < patience[-1]
    assert found[0].window < found[1].window < found[2].window


def test_unit_and_origin_do_not_matter_to_patience():
    """The same curve in another unit, shifted below zero, asks for the same patience."""
    a, b = patience_for(noisy(0.02)), patience_for(noisy(0.02, scale=50.0, shift=-200.0))
    assert (a.patience, a.window) == (b.patience, b.window)


def test_settings_to_paste():
    """Settings are as each package counts: Keras and optax cut at their patience, PyTorch after it; no
    threshold is left in them.
    """
    found = patience_for(noisy(0.02))
    p = found.patience
    assert f"patience={p}, " in found.torch
    assert "threshold=0.0" in found.torch
    assert f"patience={p + 1}, min_delta=0.0" in found.keras
    assert f"patience={p + 1}, rtol=0.0" in found.optax


def test_when_it_cannot_be_said():
    """Few points, no gain, or noise that hides the descent give no patience and say so; bad arguments are
    refused.
    """
    assert "16" in patience_for(noisy(0.02, n=6)).reason
    flat = LossCurve(np.arange(50), np.random.default_rng(0).normal(size=50))
    assert patience_for(flat).patience is None
    assert patience_for(noisy(0.2, n=200), 0.01).patience is None
    with pytest.raises(UsageError, match="percent"):
        patience_for(noisy(0.02), 0)


def test_mini_batches_are_averaged_to_epochs():
    """With ten points an epoch, the noise of a report is that of the mean of ten."""
    n = 2000
    y = np.exp(-np.arange(n) / 200) + 0.1 * np.random.default_rng(0).normal(size=n)
    found = patience_for(LossCurve(np.arange(n), y), epoch_steps=10)
    assert found.noise == pytest.approx(0.1 / np.sqrt(10), rel=0.3)
