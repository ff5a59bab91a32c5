"""What a falling series will bring next, against curves whose continuation is known."""

from __future__ import annotations

import numpy as np
import pytest

from lrscope.errors import UsageError
from lrscope.statistics.outlook import outlook

T = np.arange(1.0, 401.0)
END = float(T[-1])
COURSES = {
    "line": lambda t: 3 - t / END,
    "logarithm": lambda t: 3 - np.log(t),
    "square root": lambda t: 3 - np.sqrt(t / END),
    "power 0.25": lambda t: 1 + t**-0.25,
    "power 1": lambda t: 1 + t**-1.0,
    "decay": lambda t: 1 + np.exp(-3 * t / END),
}


@pytest.mark.parametrize("name", COURSES)
@pytest.mark.parametrize("ahead", [0.3, 1.0])
def test_a_course_without_noise_is_continued(name, ahead):
    """Lines, logarithms, powers and decays are continued to within a tenth of the truth."""
    course = COURSES[name]
    found = outlook(course(T), T, ahead)
    assert found.gain == pytest.approx(float(course(END) - course(END * (1 + ahead))), rel=0.1)


def test_noise_widens_the_interval():
    """The interval grows with the noise, and holds the truth of a logarithm in about four of five."""
    rng = np.random.default_rng(0)
    truth = float(np.log(2))
    course = COURSES["logarithm"](T)
    widths, held = [], []
    for size in (0.01, 0.1):
        found = [outlook(course + size * rng.normal(size=T.size), T) for _ in range(60)]
        widths.append(float(np.median([f.high - f.low for f in found])))
        held += [f.low <= truth <= f.high for f in found]
    assert widths[1] > 2 * widths[0]
    assert 0.7 <= np.mean(held) <= 1


def test_what_goes_on_and_what_ends():
    """A power law goes on, at the share of its exponent; a decay that is over does not."""
    power = outlook(1 + T**-0.5, T)
    assert power.ratio == pytest.approx(2**-0.5, abs=0.05)
    assert power.goes_on > 0.95
    assert outlook(1 + np.exp(-12 * T / END), T).goes_on < 0.5


def test_misuse_of_the_outlook():
    """Five points, or a stretch backwards, are refused."""
    with pytest.raises(UsageError, match="six points"):
        outlook(T[:5], T[:5])
    with pytest.raises(UsageError, match="ahead"):
        outlook(T, T, -1)
