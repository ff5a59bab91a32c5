"""Static files of the page: markup, style, our own script, and uPlot 1.6.32 (MIT, see `static/uPlot.LICENSE.txt`)."""
