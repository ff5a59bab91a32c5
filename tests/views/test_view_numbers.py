"""Numbers as people write them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrscope.views.shared import numbers

POSITIVE = st.floats(min_value=1e-300, max_value=1e300)


@given(POSITIVE)
def test_a_rate_in_full_reads_back_as_the_same_number(x):
    """What stands in a table can be typed into another program and is the same rate."""
    assert float(numbers.rate(x, None)) == x


@given(POSITIVE)
def test_a_rate_in_prose_has_two_significant_digits_at_most(x):
    """A rate in a sentence is off by rounding to two digits and by nothing else, and never has more of
    them."""
    text = numbers.rate(x)
    assert float(text) == float(f"{x:.2g}")
    if float(text) < 1e4:
        assert len(text.split("e")[0].replace(".", "").strip("0")) <= 2


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (0.021, "0.021"),
        (1e-5, "1e-5"),
        (3.2e-4, "3.2e-4"),
        (10.0, "10"),
        (0.001, "0.001"),
        (0.00099999, "0.001"),
        (1234.5, "1200"),
        (99999.0, "1e5"),
        (2.0, "2"),
    ],
)
def test_rates_are_written_as_people_write_them(x, text):
    """Plain from 0.001 to 10,000, powers of ten outside, no trailing zeros and no padded exponents."""
    assert numbers.rate(x) == text


@given(st.floats(-1e307, 1e307))
def test_a_value_is_right_to_four_digits(x):
    """A metric's value as shown differs from the true one by rounding only."""
    assert math.isclose(float(numbers.value(x)), x, rel_tol=6e-4, abs_tol=0.0) or x == 0


def test_the_largest_numbers_are_numbers_still():
    """Rounding at the very end of the range of floats does not turn a number into inf."""
    assert numbers.value(1.7976e308) == "1.798e308"
    assert numbers.rate(1.7976e308) == "1.8e308"


def test_what_is_no_number_is_said():
    """NaN and infinities are named in words, and absence is a dash."""
    values = [numbers.value(v) for v in (math.nan, math.inf, -math.inf, None)]
    assert values == ["nan", "inf", "-inf", numbers.MISSING]
    assert numbers.rate(None) == numbers.rate(math.nan) == numbers.MISSING


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.44, "0.4 s"),
        (12.3, "12 s"),
        (59.7, "1 min"),
        (125, "2 min 5 s"),
        (3600, "1 h"),
        (4860, "1 h 21 min"),
        (93600, "1 d 2 h"),
    ],
)
def test_durations_are_said_in_at_most_two_units(seconds, text):
    """Seconds become what a person would say."""
    assert numbers.duration(seconds) == text


def test_small_words():
    """Plurals, lists, shares and amounts read as English does."""
    assert [numbers.plural(n, "run") for n in (0, 1, 2000)] == ["0 runs", "1 run", "2,000 runs"]
    assert [numbers.listed(list(w)) for w in ("", "a", "ab", "abc")] == ["", "a", "a and b", "a, b and c"]
    assert [numbers.share(x) for x in (0.05, 0.003, 1.0)] == ["5 %", "0.3 %", "100 %"]
    assert [numbers.amount(x) for x in (3.84, 27.0, 0.07, 0.999, 100.0)] == ["3.8", "27", "0.07", "1", "100"]
