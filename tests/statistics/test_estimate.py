"""An estimate reads as a person writes it, and is used as the number that it is."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrscope.statistics.estimate import Estimate, two_digits

NAN = float("nan")


def test_it_is_used_as_its_value():
    """`float`, functions of `math` and formats take the value."""
    lr = Estimate(0.0398, 0.002, 0.79, 0.9, "by hand")
    assert float(lr) == 0.0398
    assert math.log10(lr) == math.log10(0.0398)
    assert f"{lr:.2g}" == "0.04"


def test_it_prints_with_its_interval():
    """`str` and a bare f-string show value, level and interval; without an interval, the value alone."""
    lr = Estimate(0.0398, 0.002, 0.79, 0.9, "by hand")
    assert str(lr) == f"{lr}" == "0.04 (90 %: 0.002 to 0.79)"
    assert str(Estimate(3.16e-4, NAN, NAN, 0.9, "by hand")) == "3.2e-4"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0009999, "0.001"), (25.1, "25"), (1e-5, "1e-5"), (0, "0"), (math.inf, "inf"), (12345, "1.2e4")],
)
def test_numbers_are_short(value, text):
    """Two significant digits; powers of ten only where zeros would have to be counted."""
    assert two_digits(value) == text


@given(st.floats(1e-300, 1e300))
def test_a_short_number_reads_back(value):
    """What is printed is the number to two significant digits."""
    assert float(two_digits(value)) == pytest.approx(value, rel=0.051)
