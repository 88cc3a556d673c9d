"""A map as one web page that needs nothing else: pan, zoom, look at a picture, pin it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from aecli.figures import sheet
from aecli.figures.document import document, jpeg_url
from aecli.figures.scatter import centred, colours, legend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from aecli.figures.sheet import Picture

_SPRITE = 4096
"""Longest side, in pixels, of the one picture that holds all thumbnails."""

_SIDES = range(24, 97)
_QUALITY = 75


def thumbnail_side(count: int) -> int:
    """The side of so many thumbnails, pixels."""
    across = int(np.ceil(np.sqrt(max(1, count))))
    return int(np.clip(_SPRITE // across, _SIDES.start, _SIDES.stop - 1))


def page(
    points: NDArray[np.float32],
    tiles: Picture,
    paths: Sequence[str],
    names: Sequence[str],
    title: str,
) -> str:
    """The page.

    Args:
        points: (N, 2), y upwards, at least one.
        tiles: (N, side, side, 3), the thumbnails.
        paths: of the files.
        names: of each one's group.
        title: the page's.
    """
    known, groups = legend(names)
    across = int(np.ceil(np.sqrt(len(tiles))))
    x, y = ([round(float(at), 4) for at in line] for line in centred(points).T)
    data = {
        "x": x,
        "y": y,
        "group": groups.tolist(),
        "paths": list(paths),
        "names": known,
        "colours": [f"rgb({r}, {g}, {b})" for r, g, b in colours(len(known))],
        "side": int(tiles.shape[1]),
        "across": across,
        "sprite": jpeg_url(sheet.grid(tiles, across), _QUALITY),
    }
    safe = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    return document("page.html", title, scripts=True, data=safe)
