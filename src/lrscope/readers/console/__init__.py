"""What training programs print → points.

Bytes become lines (`terminal`), lines become named numbers (`lines` and `naming`, `tables`, `structured`),
counters become steps (`clock`), and what is believed becomes points (`course`).
"""

from lrscope.readers.console.parser import Parser
from lrscope.readers.console.recognised import Recognised

__all__ = ["Parser", "Recognised"]
