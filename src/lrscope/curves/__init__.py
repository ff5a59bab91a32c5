"""What was observed: frozen, raw, with every NaN and inf kept. Smoothing is a way of reading, done elsewhere."""

from lrscope.config import Config, RunKey
from lrscope.curves.curve import LossCurve, Point
from lrscope.curves.scan import Plan, Run, RunState, Scan

__all__ = ["Config", "LossCurve", "Plan", "Point", "Run", "RunKey", "RunState", "Scan"]
