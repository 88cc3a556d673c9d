"""Maps of many pictures: points, or the pictures themselves, at places in the plane."""

from __future__ import annotations

import colorsys
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL import ImageDraw, ImageFont

from aecli.figures.axes import GREY, Frame
from aecli.figures.lettering import short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aecli.figures.sheet import Picture

Floats = NDArray[np.float32]
Colour = tuple[int, int, int]

SIDE = 1200
"""Height and width of the map itself, pixels; the legend stands at its right."""

THUMBNAIL = 96
"""Side of the largest thumbnails, pixels."""

OTHERS = "(others)"
"""What small folders are called together where there are too many."""

_LISTED = 20
_MARGIN, _AXES = 40, 60
_ROOM = 1.04
"""Width and height of a map, as a share of what it is to hold."""

_TEXT, _LINE = 18, 30
_FINE = 2
"""Circles are drawn so many times as large, then shrunk: their edges are smooth."""

_PALETTE: tuple[Colour, ...] = (
    (31, 119, 180), (255, 127, 14), (44, 160, 44), (214, 39, 40), (148, 103, 189),
    (140, 86, 75), (227, 119, 194), (127, 127, 127), (188, 189, 34), (23, 190, 207),
)  # fmt: skip
"""Ten colours that are easily told apart (Tableau 10)."""


def colours(count: int) -> list[Colour]:
    """So many colours: the palette's, and beyond ten others of the colour circle."""
    extra = max(0, count - len(_PALETTE))
    wheel = [colorsys.hsv_to_rgb(k / max(1, extra), 0.55, 0.75) for k in range(extra)]
    return [*_PALETTE, *((round(255 * r), round(255 * g), round(255 * b)) for r, g, b in wheel)][
        :count
    ]


def folders(paths: Sequence[str]) -> list[str]:
    """The sub-folder of each file: the first folder below the one that holds all of them.

    `.` for files in that folder itself.
    """
    parents = [Path(os.path.abspath(path)).parent for path in paths]  # noqa: PTH100 - no links
    if not parents:
        return []
    root = Path(os.path.commonpath(parents))
    return [(*parent.relative_to(root).parts, ".")[0] for parent in parents]


def legend(names: Sequence[str]) -> tuple[list[str], NDArray[np.int64]]:
    """The groups that names form, and the number of each one's group.

    Sorted; of more than twenty, the smaller ones become one group, the last.
    """
    counts = Counter(names)
    known = sorted(counts)
    if len(known) > _LISTED:
        largest = sorted(counts, key=lambda name: (-counts[name], name))[: _LISTED - 1]
        known = [*sorted(largest), OTHERS]
    numbers = {name: number for number, name in enumerate(known)}
    return known, np.array([numbers.get(name, len(known) - 1) for name in names], np.int64)


def fitted(points: Floats, side: int, margin: int) -> Floats:
    """Points in the plane moved and scaled, alike in both directions, into a square; y downwards.

    Those beyond the `limits` lie on the square's edges.

    Args:
        points: (N, 2), y upwards.
        side: of the square, pixels.
        margin: pixels on each side that stay free.
    """
    unit = np.clip(centred(points), -1, 1) / 2
    return np.asarray(side / 2 + unit * (side - 2 * margin), np.float32)


def centred(points: Floats) -> Floats:
    """Points about the origin, those within the `limits` within 1 of it; y downwards."""
    low, high = limits(points)
    extent = float((high - low).max()) or 1.0
    return np.asarray((points - (low + high) / 2) * (2 / extent) * [1, -1], np.float32)


def limits(points: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The lowest and the highest x and y of a map: those of nearly all points.

    What lies further out than three interquartile ranges from the quartiles (Tukey 1977: far out)
    does not stretch the map.

    Args:
        points: (N, 2), at least one.

    Returns:
        (2,) each.
    """
    first, third = np.quantile(points.astype(np.float64), [0.25, 0.75], axis=0)
    reach = 3 * (third - first)
    low = np.maximum(points.min(axis=0), first - reach)
    return low, np.minimum(points.max(axis=0), third + reach)


def dots(
    points: Floats, names: Sequence[str], title: str, axes: tuple[str, str] | None = None
) -> Picture:
    """A map of points in a box, coloured by name, with a legend where there are several names.

    Both axes have one scale. The title says how many points lie beyond the edges; they are drawn on
    these.

    Args:
        points: (N, 2), at least one.
        names: of each point's group.
        title: one line above.
        axes: what x and y are; None where their numbers mean nothing, and are not shown.
    """
    known, groups = legend(names)
    palette = colours(len(known))
    low, high = limits(points)
    middle, half = (low + high) / 2, (float((high - low).max()) / 2 or 0.5) * _ROOM
    room = _MARGIN / 2 if axes is None else _AXES
    edge = _FINE * np.array([room, _MARGIN / 2, SIDE - _MARGIN / 2, SIDE - room])
    across, up = ((float(c - half), float(c + half)) for c in middle)
    frame = Frame((edge[0], edge[1], edge[2], edge[3]), across, up)
    radius = _FINE * min(8.0, max(3.0, 100 / len(points) ** 0.5))
    canvas = PIL.Image.new("RGB", (SIDE * _FINE, SIDE * _FINE), "white")
    draw = ImageDraw.Draw(canvas)
    rim = "white" if len(points) <= 2000 else None
    for row in np.random.default_rng(0).permutation(len(points)):  # no group lies on top
        x, y = frame.place(*map(float, points[row]))
        box = (x - radius, y - radius, x + radius, y + radius)
        draw.ellipse(box, fill=palette[groups[row]], outline=rim, width=_FINE)
    small = canvas.resize((SIDE, SIDE), PIL.Image.Resampling.BOX)
    left, top, right, bottom = (float(at) / _FINE for at in edge)
    if axes is None:
        ImageDraw.Draw(small).rectangle((left, top, right, bottom), outline=GREY)
    else:
        Frame((left, top, right, bottom), across, up).draw(ImageDraw.Draw(small), *axes, grid=False)
    beyond = int(((points < middle - half) | (points > middle + half)).any(axis=1).sum())
    about = f"{title}; {beyond} beyond the edges" if beyond else title
    return _framed(small, known, groups, about)


def side_by_side(left: Picture, right: Picture) -> Picture:
    """Two maps of one height as one picture, at half their size."""
    both = PIL.Image.fromarray(np.concatenate([left, right], axis=1))
    return np.asarray(both.reduce(2))


def thumbnail_side(count: int) -> int:
    """The side of thumbnails that keeps a map of so many readable, pixels."""
    return int(np.clip(SIDE / max(1, count) ** 0.5, 24, THUMBNAIL))


def thumbnails(points: Floats, tiles: Picture, names: Sequence[str], title: str) -> Picture:
    """A map of pictures, framed in the colour of their group where there are several.

    No two overlap: the map is cut into cells of a picture's size, each shows the picture that lies
    nearest its middle; the title says how many are shown.

    Args:
        points: (N, 2), at least one.
        tiles: (N, side, side, 3).
        names: of each picture's group.
        title: one line above.
    """
    known, groups = legend(names)
    palette = colours(len(known))
    side = tiles.shape[1]
    step = side + 6
    places = fitted(points, SIDE, max(_MARGIN, step))
    cells = np.floor(places / step).astype(np.int64)
    distance = np.abs(places / step - cells - 0.5).max(axis=1)
    shown: dict[tuple[int, int], int] = {}
    for row in np.argsort(distance, kind="stable"):
        shown.setdefault((int(cells[row, 0]), int(cells[row, 1])), int(row))
    canvas = PIL.Image.new("RGB", (SIDE, SIDE), "white")
    draw = ImageDraw.Draw(canvas)
    for (column, line), row in shown.items():
        left, top = column * step + 3, line * step + 3
        if len(known) > 1:
            box = (left - 2, top - 2, left + side + 1, top + side + 1)
            draw.rectangle(box, fill=palette[groups[row]])
        canvas.paste(PIL.Image.fromarray(tiles[row]), (left, top))
    about = f"{title}; {len(shown)} of {len(points)} pictures shown"
    return _framed(canvas, known, groups, title if len(shown) == len(points) else about)


def _framed(
    canvas: PIL.Image.Image, names: Sequence[str], groups: NDArray[np.int64], title: str
) -> Picture:
    """A map under its title, beside its legend."""
    font = ImageFont.load_default(_TEXT)
    counts = np.bincount(groups, minlength=len(names))
    lines = [f"{short(n)} ({c})" for n, c in zip(names, counts, strict=True)]
    wide = round(max(map(font.getlength, lines))) + 60 if len(names) > 1 else 0
    width = canvas.width + wide
    sheet = PIL.Image.new("RGB", (width, canvas.height + _MARGIN), "white")
    sheet.paste(canvas, (0, _MARGIN))
    draw = ImageDraw.Draw(sheet)
    draw.text((16, _MARGIN / 2), title, fill="black", font=font, anchor="lm")
    if wide:
        for number, (line, colour) in enumerate(zip(lines, colours(len(names)), strict=True)):
            y = _MARGIN + _LINE * (number + 1)
            left = canvas.width + 8
            draw.ellipse((left, y - 8, left + 16, y + 8), fill=colour)
            draw.text((left + 26, y), line, fill="black", font=font, anchor="lm")
    return np.asarray(sheet)
