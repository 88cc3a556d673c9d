"""Many small pictures as one: grids and strips, names beside their rows, animations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL import ImageDraw, ImageFont

from aecli.images import png
from aecli.images.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Picture = NDArray[np.uint8]

WHITE = 255
ANIMATED = {suffix: form.name for form in FORMATS.values() for suffix in form.animated}
"""Suffixes under which a series of frames becomes an animation, and Pillow's format for each."""

_SMALLEST, _LARGEST = 10, 32
"""Height of text, in pixels."""


def grid(tiles: Picture, length: int, *, upright: bool = False, gap: int = 0) -> Picture:
    """Pictures of one size side by side, in rows; what stays empty is white.

    Args:
        tiles: NxHxW or NxHxWx3, at least one.
        length: pictures in a row.
        upright: fill columns of `length` pictures from the left instead.
        gap: pixels between neighbours.

    Returns:
        One picture with the channels of the tiles.
    """
    count, height, width = tiles.shape[:3]
    lines = -(-count // length)
    rows, columns = (length, lines) if upright else (lines, length)
    shape = rows * (height + gap) - gap, columns * (width + gap) - gap
    sheet = np.full((*shape, *tiles.shape[3:]), WHITE, np.uint8)
    for number, tile in enumerate(tiles):
        line, place = divmod(number, length)
        row, column = (place, line) if upright else (line, place)
        top, left = row * (height + gap), column * (width + gap)
        sheet[top : top + height, left : left + width] = tile
    return sheet


def enlarge(tiles: Picture, zoom: int) -> Picture:
    """Every pixel of NxHxW or NxHxWx3 `zoom` times as wide and as high (nearest neighbour)."""
    return tiles.repeat(zoom, axis=1).repeat(zoom, axis=2)


def named(sheet: Picture, names: Sequence[str]) -> Picture:
    """A sheet with a name at the left of each of its rows, black on white.

    Args:
        sheet: HxW or HxWx3, as many rows of pictures as there are names.
        names: one a row, from the top.
    """
    step = sheet.shape[0] / len(names)
    font = ImageFont.load_default(max(_SMALLEST, min(_LARGEST, step // 3)))
    margin = round(max(font.getlength(name) for name in names)) + 8
    blank = np.full((sheet.shape[0], margin, *sheet.shape[2:]), WHITE, np.uint8)
    wide = PIL.Image.fromarray(np.concatenate([blank, sheet], axis=1))
    draw = ImageDraw.Draw(wide)
    black = 0 if wide.mode == "L" else (0, 0, 0)
    for number, name in enumerate(names):
        draw.text((margin - 4, (number + 0.5) * step), name, fill=black, font=font, anchor="rm")
    return np.asarray(wide)


def animate(
    frames: Picture,
    file: BinaryIO,
    format: str,  # noqa: A002 - the field's own word
    *,
    milliseconds: int = 100,
    text: Mapping[str, str] | None = None,
) -> None:
    """Write pictures as an animation that repeats for ever.

    Args:
        frames: NxHxW or NxHxWx3.
        file: open for reading and writing.
        format: one of `ANIMATED`'s values; WebP is lossless, GIF has 256 colours a frame.
        milliseconds: how long each frame is shown.
        text: PNG texts; other formats do without.
    """
    first, *others = [PIL.Image.fromarray(frame) for frame in frames]
    options: dict[str, Any] = {"lossless": True} if format == "WEBP" else {}
    if format == "PNG":
        options["pnginfo"] = png.texts(text or {})
    first.save(
        file, format, save_all=True, append_images=others, duration=milliseconds, loop=0, **options
    )
