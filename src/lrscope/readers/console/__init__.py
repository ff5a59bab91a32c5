"""What training programs print → points.

Bytes become lines (`terminal`), lines become named numbers (`lines` and `naming`, `tables`, `structured`),
counters become steps (`step_counter`), and what is believed becomes points (`point_builder`).
"""

from lrscope.readers.console.parse_report import ParseReport
from lrscope.readers.console.parser import Parser

__all__ = ["ParseReport", "Parser"]
