"""From losses of short branches to a verdict."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrscope.diagnosis.branches import judge_branches
from lrscope.errors import UsageError

FACTORS = (1 / 3, 1.0, 3.0)


def losses(changes: tuple[float, float], spread: float = 0.01, seed: int = 0, repeats: int = 1) -> np.ndarray:
    """Losses of twenty batches that differ much, with differences between branches that vary little."""
    random = np.random.default_rng(seed)
    batches = random.uniform(0.5, 2.0, 20)
    true = (changes[0], 0.0, changes[1])
    return np.array([[batches + c + spread * random.normal(size=20) for _ in range(repeats)] for c in true])


def test_a_clear_gain_below_is_said_with_its_size_and_price() -> None:
    """Lowering that helps by 0.1 of about 1.2 is found, with an interval around it."""
    verdict = judge_branches(FACTORS, losses((-0.1, 0.2)), 90)
    assert (verdict.advice, verdict.steps) == ("lower", 90)
    assert verdict.factor == pytest.approx(1 / 3)
    change = verdict.branches[0].change
    assert change.low < change.value < change.high < 0
    assert str(verdict).startswith("lowering helps: -")
    assert "cost 90 steps" in str(verdict)


def test_the_better_of_two_gains_is_advised() -> None:
    """Where both directions help, the larger gain is advised."""
    assert judge_branches(FACTORS, losses((-0.1, -0.3)), 90).advice == "raise"


def test_two_clear_losses_mean_keep() -> None:
    """Where both other rates do worse, keeping is a finding and no lack of one."""
    assert judge_branches(FACTORS, losses((0.1, 0.2)), 90).advice == "keep"


def test_noise_is_undecided() -> None:
    """Without a true difference nothing is advised, and the sentence says why."""
    verdict = judge_branches(FACTORS, losses((0.0, 0.0), spread=0.1), 90)
    assert verdict.advice == "undecided"
    assert "chance" in verdict.reason


def test_divergence_at_the_present_rate_says_lower() -> None:
    """Where keeping the rate diverges and lowering does not, lowering helps whatever the numbers are."""
    table = losses((0.0, 0.0))
    table[1:] = math.nan
    verdict = judge_branches(FACTORS, table, 90)
    assert verdict.advice == "lower"
    assert "diverges" in verdict.reason


def test_a_branch_that_diverged_counts_as_worse() -> None:
    """A raise that blows up, and a lowering that does worse, mean keep."""
    table = losses((0.1, 0.0))
    table[2] = math.inf
    verdict = judge_branches(FACTORS, table, 90)
    assert verdict.advice == "keep"
    assert "diverged at 3 x" in verdict.reason


@given(st.floats(1e-6, 1e6), st.integers(0, 50))
def test_units_do_not_matter(scale: float, seed: int) -> None:
    """Multiplying all losses by a positive number changes no relative change and no advice."""
    table = losses((-0.02, 0.05), seed=seed)
    one, other = judge_branches(FACTORS, table, 9), judge_branches(FACTORS, scale * table, 9)
    assert one.advice == other.advice
    for a, b in zip(one.branches, other.branches, strict=True):
        assert a.change.value == pytest.approx(b.change.value, rel=1e-6, abs=1e-12)
        assert a.change.high == pytest.approx(b.change.high, rel=1e-6, abs=1e-12)


def test_false_advice_is_as_rare_as_stated() -> None:
    """Of 600 probes without a true difference, a twentieth advise (1 in 13 is allowed, for chance)."""
    wrong = sum(
        judge_branches(FACTORS, losses((0.0, 0.0), 0.1, seed), 9, least=0.0).advice in ("lower", "raise")
        for seed in range(600)
    )
    assert wrong <= 600 / 13


def test_repetitions_that_disagree_widen_the_interval() -> None:
    """Luck of the training batches, seen across repetitions, enters the interval."""
    steady = losses((-0.1, 0.0), repeats=4)
    lucky = steady.copy()
    lucky[0] += np.array([-0.3, 0.3, -0.3, 0.3])[:, None]
    widths = [(e := judge_branches(FACTORS, t, 9).branches[0].change).high - e.low for t in (steady, lucky)]
    assert widths[1] > 5 * widths[0]


def test_misuse_is_told() -> None:
    """Tables of the wrong shape and factors without 1 are refused."""
    with pytest.raises(UsageError, match="shape"):
        judge_branches(FACTORS, np.ones((2, 1, 5)), 9)
    with pytest.raises(UsageError, match="hold 1 once"):
        judge_branches((0.5, 2.0), np.ones((2, 1, 5)), 9)
