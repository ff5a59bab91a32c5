"""What training programs print → points.

Bytes become lines (`terminal`), lines become named numbers (`lines` and `naming`, `tables`, `structured`),
counters become steps (`clock`), and what is believed becomes points (`course`).
"""

from lrscope.curves.readers.console.recognised import Recognised
from lrscope.curves.readers.console.recogniser import Recogniser

__all__ = ["Recognised", "Recogniser"]
