"""Pictures of one size side by side, each under its name: before and after."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import PIL.Image
from PIL import ImageDraw, ImageFont

from aecli.figures.lettering import drawable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aecli.images.image import Pixels

_SMALLEST = 14
"""Height of the text, pixels, where the figure is small."""

_SHARE = 64
"""Else the figure's longer side over this: so it can be read however much that is shrunk to fit."""


def panels(pictures: Sequence[Pixels], names: Sequence[str]) -> Pixels:
    """The figure; the pictures' own pixels as they are.

    A black line on white parts them, seen on any picture. Narrow pictures stand as far apart as
    their names need.

    Args:
        pictures: HxW or HxWx3, of one shape and type, at least one.
        names: one a picture.

    Returns:
        HxW or HxWx3, of the pictures' type.
    """
    height, width = pictures[0].shape[:2]
    text = max(_SMALLEST, max(height, width * len(pictures)) // _SHARE)
    font = ImageFont.load_default(text)
    lines = [drawable(name) for name in names]
    column = max(width, math.ceil(max(map(font.getlength, lines))) + text)
    rule, strip = max(1, text // 8), 2 * text
    step = column + 3 * rule
    head = PIL.Image.new("L", (step * len(pictures) - 3 * rule, strip), "white")
    draw = ImageDraw.Draw(head)
    for number, line in enumerate(lines):
        middle = number * step + column / 2, strip / 2
        draw.text(middle, line, fill="black", font=font, anchor="mm")
    peak = np.iinfo(pictures[0].dtype).max
    shape = strip + height, head.width, *pictures[0].shape[2:]
    figure = np.full(shape, peak, pictures[0].dtype)
    letters = np.asarray(head).astype(figure.dtype) * (peak // 255)
    figure[:strip] = letters[..., None] if figure.ndim == 3 else letters
    for number, picture in enumerate(pictures):
        left = number * step + (column - width) // 2
        figure[strip:, left : left + width] = picture
        if number:
            line_at = number * step - 2 * rule
            figure[:, line_at : line_at + rule] = 0
    return figure
