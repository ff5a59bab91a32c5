"""Exact Gaussian-process regression on covariances that the caller has made.

Rasmussen and Williams, "Gaussian Processes for Machine Learning" (2006), algorithm 2.1. It works on matrices
rather than on kernels, because a caller that compares several kernels on the same points shares most
of their parts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

JITTER_SHARE = 1e-8
"""Added to the diagonal, as a share of its mean: what rounding may take from a matrix that is just positive."""


@dataclass(frozen=True, slots=True)
class GaussianProcess:
    """A zero-mean Gaussian process that has seen n values.

    Parameters
    ----------
    root_inverse : array, shape (n, n)
        Inverse of the lower Cholesky factor L of the values' covariance, noise included.
    white : array, shape (n,)
        ``L^-1 y``.
    evidence : float
        Log marginal likelihood of the values (natural logarithm).
    """

    root_inverse: Array
    white: Array
    evidence: float

    def posterior(self, cross: Array, prior: Array) -> tuple[Array, Array]:
        """Mean, shape (m,), and covariance, shape (m, m), at m further points.

        Parameters
        ----------
        cross : array, shape (m, n)
            Prior covariance between the further points and those seen (without noise).
        prior : array, shape (m, m)
            Prior covariance of the further points.
        """
        seen = cross @ self.root_inverse.T
        return seen @ self.white, prior - seen @ seen.T

    def between(self, one: Array, other: Array, prior: Array) -> Array:
        """Posterior covariance, shape (k, m), between k points and m others, given `cross` of each as above."""
        return prior - (one @ self.root_inverse.T) @ (other @ self.root_inverse.T).T


def fit(covariance: Array, values: Array) -> GaussianProcess:
    """Condition a zero-mean process on `values`, whose covariance (noise included) is `covariance`.

    Raises
    ------
    numpy.linalg.LinAlgError
        If `covariance` is not positive definite.
    """
    n = values.size
    if n == 0:
        return GaussianProcess(np.empty((0, 0)), np.empty(0), 0.0)
    lower = np.linalg.cholesky(covariance + JITTER_SHARE * float(np.mean(np.diag(covariance))) * np.eye(n))
    inverse = np.linalg.inv(lower)
    white = inverse @ values
    evidence = (
        -0.5 * float(white @ white) - float(np.log(np.diag(lower)).sum()) - 0.5 * n * math.log(2 * math.pi)
    )
    return GaussianProcess(inverse, white, evidence)


def samples(mean: Array, covariance: Array, normals: Array) -> Array:
    """Joint draws, shape (k, m), made from `normals`, shape (k, m): standard normal numbers of the caller's.

    By the eigenvalues, so that a covariance of less than full rank does no harm.
    """
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    drawn: Array = mean + normals @ root.T
    return drawn


def matern32(distance: Array) -> Array:
    """Matern covariance of smoothness 3/2 at a distance in units of its length."""
    r = math.sqrt(3) * np.abs(distance)
    return (1 + r) * np.exp(-r)


def matern52(distance: Array) -> Array:
    """Matern covariance of smoothness 5/2 at a distance in units of its length."""
    r = math.sqrt(5) * np.abs(distance)
    return (1 + r + r * r / 3) * np.exp(-r)
