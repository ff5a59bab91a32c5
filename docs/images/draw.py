"""Draws the picture on the first page from a real scan: `python docs/images/draw.py`, in the folder of the repository.

The figure is that of `lrscope scan examples/digits.py:train --steps 2000 --plot digits.png`, in fewer colours for a
smaller file.
"""

import io
from pathlib import Path

from PIL import Image

import lrscope

figure = lrscope.scan("examples/digits.py:train", steps=2000).plot()
picture = io.BytesIO()
figure.savefig(picture, dpi=130)
Image.open(picture).convert("RGB").quantize(128).save(Path(__file__).with_name("digits.png"), optimize=True)
