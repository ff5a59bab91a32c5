"""Quantiles of the normal and of Student's distribution, without a table and without scipy's start-up
time.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from lrscope.errors import UsageError

_STANDARD_NORMAL = NormalDist()
_NODES, _WEIGHTS = (part.tolist() for part in np.polynomial.legendre.leggauss(40))


def normal_quantile(level: float) -> float:
    """The value below which a standard normal variable lies with probability `level`."""
    if not 0 < level < 1:
        raise UsageError(f"level must lie strictly between 0 and 1, but is {level}.")
    return _STANDARD_NORMAL.inv_cdf(level)


def student_quantile(level: float, freedom: float) -> float:
    """The value below which Student's t with `freedom` degrees of freedom lies with probability `level`.

    Exact at one and two degrees; between, Newton's method on the exact distribution is not needed: Hill's
    expansion (Communications of the ACM 13, 1970, algorithm 396) holds four digits from three degrees on.
    Fractional degrees are meant: a series with memory has fewer independent points than points. Below one
    degree, one is used.

    Examples
    --------
    >>> round(student_quantile(0.95, 10), 3)
    1.812
    """
    z = normal_quantile(level)  # checks the level
    n = max(freedom, 1.0)
    if n > 1e6:
        return z
    upper = min(level, 1 - level) * 2  # two-sided probability, as the algorithm wants it
    if upper >= 1:
        return 0.0
    if n < 1.5:
        value = 1 / math.tan(upper * math.pi / 2)
    elif n < 2.5:
        value = math.sqrt(2 / (upper * (2 - upper)) - 2)
    else:
        a = 1 / (n - 0.5)
        b = 48 / a**2
        c = ((20700 * a / b - 98) * a - 16) * a + 96.36
        d = ((94.5 / (b + c) - 3) / b + 1) * math.sqrt(a * math.pi / 2) * n
        y = (d * upper) ** (2 / n)
        if y > 0.05 + a:
            x = normal_quantile(upper / 2)
            y = x**2
            if n < 5:
                c += 0.3 * (n - 4.5) * (x + 0.6)
            c = (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b + c
            y = (((((0.4 * y + 6.3) * y + 36) * y + 94.5) / c - y - 3) / b + 1) * x
            y = math.expm1(a * y**2)
        else:
            y = ((1 / (((n + 6) / (n * y) - 0.089 * d - 0.822) * (n + 2) * 3) + 0.5 / (n + 4)) * y - 1) * (
                n + 1
            ) / (n + 2) + 1 / y
        value = math.sqrt(n * y)
    return math.copysign(value, z)


def student_cdf(value: float, freedom: float) -> float:
    """Probability that Student's t with `freedom` degrees of freedom lies below `value`, to about 0.01.

    By Abramowitz and Stegun's normal approximation 26.7.8, good from three degrees on for values up to about
    3; far out it comes to rest below one (at 0.988 for three degrees). See `student_probability`.
    """
    if math.isinf(value):
        return 0.0 if value < 0 else 1.0
    n = max(freedom, 1.0)
    z = value * (1 - 1 / (4 * n)) / math.sqrt(1 + value * value / (2 * n))
    return _STANDARD_NORMAL.cdf(z)


def student_probability(value: float, freedom: float) -> float:
    r"""Probability that Student's t with `freedom` degrees of freedom lies below `value`, to five digits.

    With ``t = sqrt(n) tan(theta)`` the upper tail is ``c`` times the integral of ``cos(theta)^(n - 1)`` up to
    ``pi / 2``, here by Gauss and Legendre's rule; ``c = Gamma((n + 1) / 2) / (sqrt(pi) Gamma(n / 2))``. Above 200
    degrees it is `student_cdf`; below one degree, one is used.

    Examples
    --------
    >>> round(student_probability(1.812, 10), 4), round(student_probability(30.0, 3), 6)
    (0.95, 0.99996)
    """
    n = max(freedom, 1.0)
    if math.isinf(value) or n > 200:
        return student_cdf(value, n)
    begin = math.atan(abs(value) / math.sqrt(n))
    half = (math.pi / 2 - begin) / 2
    integral: float = half * sum(
        weight * math.cos(begin + half * (1 + node)) ** (n - 1)
        for node, weight in zip(_NODES, _WEIGHTS, strict=True)
    )
    tail = math.exp(math.lgamma((n + 1) / 2) - math.lgamma(n / 2)) / math.sqrt(math.pi) * integral
    return tail if value < 0 else 1 - tail
