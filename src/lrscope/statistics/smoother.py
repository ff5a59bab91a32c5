"""A smooth line through evenly spaced noisy values, as smooth as their own noise asks for.

The line minimises ``sum (y - f)^2 + penalty * sum (f[i-1] - 2 f[i] + f[i+1])^2`` (Whittaker 1923; Eilers, Analytical
Chemistry 75, 2003). Read as a random walk of the slope seen through white noise, the penalty is the ratio of the two
variances, and the data say which ratio is likeliest. No window and no factor has to be chosen, and the noise level
comes out with the line.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lrscope.errors import UsageError

MOST_VALUES = 400
"""Values that are taken as they are; longer series are averaged in groups first, since the work grows with the cube."""

_PENALTIES = np.logspace(-4, 10, 57)


@dataclass(frozen=True, eq=False)
class Smooth:
    """A line with the noise around it.

    Parameters
    ----------
    line : array, shape (n,)
        The smooth values.
    noise : float
        Standard deviation of a single value around it.
    penalty : float
        The penalty that was likeliest.
    freedom : float
        Effective number of parameters of the line: 2 for a straight one, n where it goes through every value.
    """

    line: NDArray[np.float64]
    noise: float
    penalty: float
    freedom: float


def smooth(values: ArrayLike) -> Smooth:
    r"""Fit the line by restricted maximum likelihood.

    With the eigenvalues d_i of the penalty's matrix (the two smallest are zero and belong to straight lines), the
    coefficients z_i of the values in its eigenvectors and ``w_i = penalty d_i / (1 + penalty d_i)``, the noise variance
    is ``s^2 = sum w_i z_i^2 / (n - 2)``, and the penalty maximises ``sum log w_i - (n - 2) log s^2`` (Wahba, Annals of
    Statistics 13, 1985, for splines). It is looked for over fourteen decades, a quarter of one apart.

    Assumes white noise of one size. Where neighbouring values share their noise, the line follows some of it; where the
    noise grows along the series, the line is too rough at the quiet end's cost and too smooth at the other.

    Parameters
    ----------
    values : array, shape (n,)
        Finite values at even spacing, 4 <= n <= 400.

    Raises
    ------
    UsageError
        If the values are not one-dimensional, not finite, too few or too many.
    """
    y = np.asarray(values, dtype=np.float64)
    if y.ndim != 1 or not 4 <= y.size <= MOST_VALUES or not np.isfinite(y).all():
        raise UsageError(
            f"values must be 4 to {MOST_VALUES} finite numbers in one dimension, not of shape {y.shape}."
        )
    scale = float(np.abs(y - y.mean()).max())
    if scale == 0.0:
        return Smooth(y.copy(), 0.0, float(_PENALTIES[-1]), 2.0)
    n = y.size
    size, vectors = _penalty(n)
    z = vectors.T @ ((y - y.mean()) / scale)
    curved = z[2:]
    weight = _PENALTIES[:, None] * size[2:] / (1.0 + _PENALTIES[:, None] * size[2:])
    variance = (weight @ curved**2) / (n - 2)
    likelihood = np.log(weight).sum(axis=1) - (n - 2) * np.log(np.maximum(variance, 1e-300))
    best = int(np.argmax(likelihood))
    kept = np.concatenate([np.ones(2), 1.0 - weight[best]])
    line = vectors @ (kept * z) * scale + y.mean()
    return Smooth(line, math.sqrt(float(variance[best])) * scale, float(_PENALTIES[best]), float(kept.sum()))


@lru_cache(maxsize=8)
def _penalty(n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Eigenvalues (ascending) and eigenvectors of the squared second difference."""
    second = np.diff(np.eye(n), 2, axis=0)
    size, vectors = np.linalg.eigh(second.T @ second)
    return np.maximum(size, 1e-18), vectors
