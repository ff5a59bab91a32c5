"""The memory of a series: how much a value says about the values after it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lrscope.errors import UsageError


def autocorrelation(values: ArrayLike) -> NDArray[np.float64]:
    """Autocorrelations r_0 … r_(n-1) of a series, about its mean.

    ``r_k = sum_i (x_i - m) (x_(i+k) - m) / sum_i (x_i - m)^2``: the biased estimate, whose small-sample bias
    of about ``-(1 + r_k) / n`` is left to the caller. A constant series has r = (1, 0, 0, …).

    Parameters
    ----------
    values : array, shape (n,)
        Finite values in order, n >= 1, in any unit.

    Raises
    ------
    UsageError
        If `values` is not one-dimensional, is empty, or holds a value that is not finite.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or not x.size or not np.isfinite(x).all():
        raise UsageError("values must be one-dimensional, finite and not empty.")
    n = int(x.size)
    x = x - x.mean()
    largest = float(np.abs(x).max())
    if largest == 0.0:
        r = np.zeros(n)
    else:
        x = x / largest  # squares near 1e200 would overflow
        size = 1 << (2 * n - 1).bit_length()
        spectrum = np.fft.rfft(x, size)
        covariance = np.fft.irfft(spectrum * spectrum.conj(), size)[:n]
        r = covariance / covariance[0]
    r[0] = 1.0
    return r


def autocorrelation_time(values: ArrayLike) -> float:
    """Integrated autocorrelation time ``1 + 2 * sum(r_k)`` of a series, at least 1.

    The sum is cut off by Geyer's rule (Statistical Science 7, 1992, eq. 3.3): it ends before the first pair
    r_2k + r_2k+1 that is not positive. Each r_k is first raised by its small-sample bias, ``(1 + r_k) / n``
    to first order. A series that zig-zags has a time below 1; it is given as 1, so errors from it are too
    large, not too small.

    Parameters
    ----------
    values : array, shape (n,)
        Finite values in order. Fewer than four of them tell nothing, and give 1.
    """
    x = np.asarray(values, dtype=np.float64)
    n = int(x.size)
    if n < 4 or float(np.ptp(x)) == 0.0:
        return 1.0
    r = autocorrelation(x)
    r = r + (1.0 + r) / n
    tau = -1.0
    for k in range(0, min(n - 1, n // 2), 2):
        pair = (1.0 if k == 0 else float(r[k])) + float(r[k + 1])
        if pair <= 0:
            break
        tau += 2.0 * pair
    return min(max(tau, 1.0), n / 2)


def block_means(values: ArrayLike, blocks: int) -> NDArray[np.float64]:
    """Means of `blocks` neighbouring groups of (almost) equal size; the series itself where it is no longer
    than that.

    Parameters
    ----------
    values : array, shape (n,)
        The series in order.
    blocks : int
        Greatest number of groups, at least 1.
    """
    x = np.asarray(values, dtype=np.float64)
    if blocks < 1:
        raise UsageError(f"blocks must be at least 1, but is {blocks}.")
    if x.size <= blocks:
        return x
    edges = np.linspace(0, x.size, blocks + 1).astype(int)
    means: NDArray[np.float64] = np.add.reduceat(x, edges[:-1]) / np.diff(edges)
    return means
