"""Numbers as people write them: 0.021, 1e-5, 3.2e-4, 12,800, 2 min 5 s. One place, so that all views
agree."""

from __future__ import annotations

import math

MISSING = "–"
"""What stands where there is no number."""


def rate(value: float | None, digits: int | None = 2) -> str:
    """A learning rate: plain between 0.001 and 10,000, else as 3.2e-4.

    `digits` significant digits (2, enough for prose); None writes all that the number has, so that
    ``float(rate(x, None)) == x`` for every positive finite x.
    """
    if value is None or not math.isfinite(value):
        return MISSING
    number = float(value)  # NumPy's own floats print themselves differently
    rounded = number if digits is None else float(f"{number:.{digits}g}")
    if rounded == 0:
        return "0"
    if 1e-3 <= abs(rounded) < 1e4:
        text = f"{rounded!r}" if digits is None else f"{rounded:.{max(0, digits - 1 - _exponent(rounded))}f}"
        return _trim(text)
    if digits is not None:
        return _power(f"{number:.{digits - 1}e}")
    text = repr(number)
    if "e" not in text:  # repr turns to powers of ten only below 1e-4 and from 1e16
        text = f"{number:.{_digits(number) - 1}e}"
    return _power(text)


def value(number: float | None, digits: int = 4) -> str:
    """A value of a metric to `digits` significant digits; "nan" and "inf" are said as they are."""
    if number is None:
        return MISSING
    if not math.isfinite(number):
        return "nan" if math.isnan(number) else "inf" if number > 0 else "-inf"
    if number == 0:
        return "0"
    rounded = float(f"{number:.{digits}g}")
    if 1e-3 <= abs(rounded) < 1e5:
        return f"{rounded:.{max(0, digits - 1 - _exponent(rounded))}f}"
    return _power(f"{number:.{digits - 1}e}")


def count(number: int) -> str:
    """A whole number with commas between thousands."""
    return f"{number:,}"


def amount(number: float) -> str:
    """A number of full runs, to a tenth (to a hundredth below one): 3.8, 27, 0.07."""
    text = f"{number:.2f}" if abs(number) < 0.995 else f"{number:.1f}"
    return _trim(text)


def share(fraction: float) -> str:
    """A fraction as a percentage, with a digit after the point only below one per cent."""
    percent = 100 * fraction
    return f"{_trim(f'{percent:.1f}')} %" if 0 < percent < 1 else f"{percent:.0f} %"


def duration(seconds: float) -> str:
    """Seconds as a person would say them: 0.4 s, 12 s, 2 min 5 s, 1 h 20 min, 3 d 4 h."""
    if not math.isfinite(seconds):
        return MISSING
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f} s"
    whole = round(seconds)
    for big, big_name, small, small_name in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= big:
            rest = whole % big // small
            return f"{whole // big} {big_name}" + (f" {rest} {small_name}" if rest else "")
    return f"{whole} s"


def plural(number: int, one: str, many: str | None = None) -> str:
    """ "1 run", "2 runs"."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def listed(words: list[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + f" and {words[-1]}" if words else ""


def _exponent(number: float) -> int:
    return math.floor(math.log10(abs(number)) + 1e-12)


def _digits(number: float) -> int:
    return next(n for n in range(1, 18) if float(f"{number:.{n}g}") == number)


def _trim(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _power(text: str) -> str:
    mantissa, _, exponent = text.partition("e")
    return f"{_trim(mantissa)}e{int(exponent)}"
