"""What was observed: frozen, raw, with every NaN and inf kept. Smoothing is a way of reading, done elsewhere."""

from lrscope.curves.curve import LossCurve, Point
from lrscope.curves.scan import Plan, Run, RunKey, RunState, Scan

__all__ = ["LossCurve", "Plan", "Point", "Run", "RunKey", "RunState", "Scan"]
