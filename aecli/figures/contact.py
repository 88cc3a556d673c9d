"""Contact sheets: pictures in rows, each with a line of text below."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import PIL.Image
from PIL import ImageDraw, ImageFont

from aecli.figures.lettering import drawable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aecli.figures.sheet import Picture

SIDE = 192
"""Of a picture, pixels."""

_GAP, _LINE, _TEXT = 8, 22, 13
_ACROSS = 6


def sheet(tiles: Picture, captions: Sequence[str]) -> Picture:
    """Pictures (N, side, side, 3) with their captions; those too long lose their beginning."""
    side, count = tiles.shape[1], len(tiles)
    columns = min(_ACROSS, count)
    rows = -(-count // columns)
    step, drop = side + _GAP, side + _LINE + _GAP
    page = PIL.Image.new("RGB", (columns * step + _GAP, rows * drop + _GAP), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(_TEXT)
    for number, (tile, caption) in enumerate(zip(tiles, captions, strict=True)):
        row, column = divmod(number, columns)
        left, top = _GAP + column * step, _GAP + row * drop
        page.paste(PIL.Image.fromarray(tile), (left, top))
        text = drawable(caption)
        while font.getlength(text) > side:
            text = f"...{text.removeprefix('...')[1:]}"
        draw.text((left, top + side + _LINE / 2), text, fill="black", font=font, anchor="lm")
    return np.asarray(page)
