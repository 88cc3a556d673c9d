"""Pages of text, in fonts that no training has seen."""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tests.benchmarks.degraded import Picture

SIDE = 384
SIZES = (12, 14, 17, 20, 24, 30, 40, 56)
INKS = (
    ((0, 0, 0), (255, 255, 255)),
    ((240, 240, 230), (30, 30, 40)),
    ((20, 40, 120), (250, 245, 230)),
)
"""Of letters and paper."""

WORDS = """
Latent vectors are what an autoencoder keeps of a picture. It learns them without labels: an encoder
makes a few numbers of many pixels, a decoder makes pixels of them again, and both are trained until
the two pictures agree (0.5 % of the error is left, say). What it has not seen it does not know!
"""


def page(font: Path, number: int) -> Picture:
    """A page, `SIDE` pixels a side; size and colours go by its number.

    Args:
        font: a TrueType file.
        number: of the page.
    """
    size = SIZES[number % len(SIZES)]
    ink, paper = INKS[number % len(INKS)]
    sheet = Image.new("RGB", (SIDE, SIDE), paper)
    draw, letters = ImageDraw.Draw(sheet), ImageFont.truetype(str(font), size)
    text = " ".join((WORDS * 12).split())
    for row, line in enumerate(textwrap.wrap(text, 2 * SIDE // size)):
        draw.text((6, 4 + round(1.25 * size * row)), line, fill=ink, font=letters)
    return np.asarray(sheet)
