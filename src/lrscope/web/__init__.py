"""Static files of the page: markup, style, our own script, and uPlot 1.6.32.

uPlot's licence (MIT) lies beside it, in `static/uPlot.LICENSE.txt`.
"""
