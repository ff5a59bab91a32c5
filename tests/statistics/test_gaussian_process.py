"""The Gaussian process: against a plain twin that solves the equations as they stand in the book."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrscope.statistics.gaussian_process import fit, matern32, matern52, samples


def problem(seed, n=12, m=5):
    """Points on a line, their values, and the covariances between them."""
    rng = np.random.default_rng(seed)
    x, new = rng.uniform(0, 3, n), rng.uniform(0, 3, m)
    noise = np.diag(rng.uniform(0.01, 0.3, n))
    within = matern52(x[:, None] - x[None, :]) + noise
    return (
        within,
        rng.normal(size=n),
        matern52(new[:, None] - x[None, :]),
        matern52(new[:, None] - new[None, :]),
    )


@given(st.integers(0, 200))
def test_posterior_is_that_of_the_book(seed):
    """Mean K*K^-1 y and covariance K** - K* K^-1 K*', by plain inversion."""
    within, y, cross, prior = problem(seed)
    mean, cov = fit(within, y).posterior(cross, prior)
    inverse = np.linalg.inv(within)
    assert mean == pytest.approx(cross @ inverse @ y, abs=1e-5)
    assert cov == pytest.approx(prior - cross @ inverse @ cross.T, abs=1e-5)


@given(st.integers(0, 200))
def test_evidence_is_the_density_of_the_values(seed):
    """Log marginal likelihood equals the log density of a normal vector, written out."""
    within, y, _, _ = problem(seed)
    _, log_det = np.linalg.slogdet(within)
    plain = -0.5 * (y @ np.linalg.inv(within) @ y + log_det + y.size * math.log(2 * math.pi))
    assert fit(within, y).evidence == pytest.approx(plain, rel=1e-5)


def test_evidence_prefers_the_law_that_made_the_values():
    """Of two lengths, the one that drew the values has the higher evidence, in most of 40 draws."""
    x = np.linspace(0, 5, 40)
    near = [matern32((x[:, None] - x[None, :]) / length) + 0.01 * np.eye(40) for length in (0.2, 2.0)]
    right = 0
    for seed in range(40):
        made = seed % 2
        y = samples(np.zeros(40), near[made], np.random.default_rng(seed).normal(size=(1, 40)))[0]
        right += fit(near[made], y).evidence > fit(near[1 - made], y).evidence
    assert right >= 38


def test_nothing_seen_leaves_the_prior():
    """Without values, mean zero and the prior covariance."""
    process = fit(np.empty((0, 0)), np.empty(0))
    mean, cov = process.posterior(np.empty((2, 0)), np.eye(2))
    assert mean.tolist() == [0, 0]
    assert cov.tolist() == np.eye(2).tolist()


def test_draws_have_the_covariance_asked_for():
    """20,000 joint draws have mean and covariance to within their scatter, also where the covariance is singular."""
    cov = np.array([[1.0, 0.8, 0.8], [0.8, 1.0, 1.0], [0.8, 1.0, 1.0]])
    drawn = samples(np.array([1.0, 2.0, 3.0]), cov, np.random.default_rng(0).normal(size=(20_000, 3)))
    assert drawn.mean(axis=0) == pytest.approx([1, 2, 3], abs=0.03)
    assert np.cov(drawn.T) == pytest.approx(cov, abs=0.04)


def test_what_is_not_positive_is_refused():
    """A covariance with a negative eigenvalue is a fault of the caller, and told as one."""
    with pytest.raises(np.linalg.LinAlgError):
        fit(np.array([[1.0, 2.0], [2.0, 1.0]]), np.zeros(2))
