"""Numbers as programs print them: thousands separators, every spelling of NaN and infinity."""

from __future__ import annotations

import math
import re

NUMBER = re.compile(
    r"""(?=[-+−.\dnNiI])(?<![\w.@])(?!(?<=[A-Za-z]-)(?<![Pp]och-)(?<![Ss]tep-)(?<![Ii]ter-)(?<![Ii]on-)(?<![Bb]atch-)\d\d?(?![\d.]))([-+−]?(?:
        \d+\.\#(?:QNAN|SNAN|NAN|INF|IND)\w*
      | (?<![\[(]) \d{1,3}(?:,\d{3})+(?![\d,])(?:\.\d+)?
      | \d{1,3}(?:_\d{3})+(?!\d)
      | \d+(?:\.\d*)?(?:[eE][-+]?\d+)?
      | \.\d+(?:[eE][-+]?\d+)?
      | (?<!of\ )(?<!or\ )(?<!is\ a\ )(?:[nN]a[nN]|NAN)(?:\((?:ind|snan|0x[0-9a-f]+)\))?(?![\w'’])
        (?!\s(?:iter|val|grad|det|found|loss|in\b|or\b))
      | (?:[iI]nf(?:inity)?|INF(?:INITY)?)(?![\w'’])
    ))""",
    re.VERBOSE,
)
"""One number, and not the digit in a name such as BLEU-1. Has one group, so that `NUMBER.split` alternates text and
numbers."""

PrintedValue = float | int | str


def to_float(value: PrintedValue) -> float:
    """The value of a number as printed; exact for everything that Python's own `repr` writes.

    Raises
    ------
    ValueError
        If the text is no number.
    """
    try:
        return float(value)
    except OverflowError:
        return math.inf if not isinstance(value, str) and value > 0 else -math.inf
    except ValueError:
        text = str(value).strip().lower().replace("−", "-").replace(",", "")
        if "nan" in text or "ind" in text:
            return math.nan
        if "#inf" in text:
            return -math.inf if text.startswith("-") else math.inf
        if text.endswith("%"):
            text = text[:-1]
        return float(text)


def to_count(value: PrintedValue) -> int | None:
    """A whole number from 0 to 2**53, or None where it is no such number."""
    try:
        number = to_float(value)
    except ValueError:
        return None
    if not 0 <= number <= 9_007_199_254_740_992 or number != int(number):
        return None
    return int(number)
