"""Any image through a network, tile by tile, with the result of the whole image.

The rule that makes the two equal: a tile is a core and a halo. The halo is at least the receptive
field and lies on the core's interior sides only; at the image's own border there is none, so that
the network's zero padding acts there exactly as it does on the whole image. All edges lie on the
model's grid; to get there the image grows to the right and below by reflection.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from aecli.device import is_out_of_memory
from aecli.errors import InputError, ModelError
from aecli.models.registry import Tiling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from aecli.images.image import Pixels
    from aecli.inference.engine import Engine
    from aecli.models.registry import Geometry

    Floats = NDArray[np.float32]
    Function = Callable[..., Floats]
    Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Box:
    """Rows [top, bottom) and columns [left, right) of the padded image, in input pixels."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def side(self) -> int:
        """The longer side."""
        return max(self.bottom - self.top, self.right - self.left)


def apply(
    functions: Sequence[Function],
    pixels: Pixels,
    geometry: Geometry,
    *,
    tile: int | tuple[int, int] | None,
    maps: Sequence[float] = (),
    progress: Progress | None = None,
) -> Pixels:
    """Run a network over an image.

    Only the tile at work is ever float; the image and the result keep their own type. Grey goes in
    as three equal channels and comes out as their mean. Where memory runs out the tile is halved.

    Args:
        functions: (1, 3, h, w) and, for each of `maps`, (1, 1, h, w)
            -> (1, 3, h * scale, w * scale), float32 in [0, 1]; where the first one's values are not
            finite, the next one's are taken.
        pixels: HxW or HxWx3, uint8 or uint16.
        geometry: of the network behind the functions.
        tile: longest side of a tile's core, in input pixels (a cell of the model's grid at least),
            or of its rows and columns; None: the whole image at once.
        maps: what the functions take besides, each the same at every pixel.
        progress: called with the input pixels done and those in all, after every tile.

    Returns:
        The result, `scale` times as high and wide, of the input's channels and type; clipped, and
        rounded half up.

    Raises:
        InputError: not even the smallest tile fits into memory.
        ModelError: all functions give values that are not finite.
    """
    height, width = pixels.shape[:2]
    cell, scale = geometry.multiple_of, geometry.scale
    out = np.empty((height * scale, width * scale, *pixels.shape[2:]), pixels.dtype)
    whole = Box(0, _up(height, cell), 0, _up(width, cell))
    smallest = max(cell, geometry.radius)  # in still smaller tiles it is the halo that takes memory
    if geometry.tiling is Tiling.WHOLE_ONLY:
        tile, smallest = None, whole.side
    pending = deque(cut(whole, tile or whole.side, cell))
    done = 0
    while pending:
        core = pending.popleft()
        result = _run(functions, pixels, maps, core, geometry)
        if result is None and core.side > smallest:
            pending.appendleft(core)
            pending = deque(part for box in pending for part in cut(box, core.side // 2, cell))
            continue
        if result is None:
            raise InputError(f"not enough memory for {width}x{height} pixels")
        bottom, right = min(core.bottom, height), min(core.right, width)
        here = out[core.top * scale : bottom * scale, core.left * scale : right * scale]
        here[...] = result[: here.shape[0], : here.shape[1]]
        done += (bottom - core.top) * (right - core.left)
        if progress is not None:
            progress(done, height * width)
    return out


def auto_tile(engine: Engine, pixels: Pixels) -> tuple[int, int] | None:
    """The rows and columns of a core with which the least is computed, halos included.

    Of the cuts whose work fits the engine's room; None where the whole image does. As halos are
    computed in vain, a core is never shorter than its halo, even if it does not fit.
    """
    geometry = engine.geometry
    most = engine.room(pixels.nbytes * (1 + geometry.scale**2)) / engine.memory
    height, width = (padded(n, geometry) for n in pixels.shape[:2])
    if height * width <= most:
        return None
    down, across = (_cuts(n, geometry) for n in (height, width))
    best, least = (down[-1].core, across[-1].core), math.inf
    for row in down:
        column = next((c for c in across if row.longest * c.longest <= most), None)
        if column is not None and row.computed * column.computed < least:
            best, least = (row.core, column.core), row.computed * column.computed
    return best


@dataclass(frozen=True)
class _Cut:
    """One way to cut a line into nearly equal cores: their length, and with halos that of the
    longest and of all together."""

    core: int
    longest: int
    computed: int


def _cuts(length: int, geometry: Geometry) -> list[_Cut]:
    """The ways to cut a line, the fewest cores first, none shorter than a halo."""
    cell = geometry.multiple_of
    halo = _up(geometry.radius, cell)
    found = []
    for count in range(1, max(1, length // max(halo, cell)) + 1):
        core = _up(-(-length // count), cell)
        inner = min(count - 1, 2) * halo
        found.append(_Cut(core, core + inner, length + 2 * halo * (count - 1)))
    return found


def padded(length: int, geometry: Geometry) -> int:
    """The length that the network can take an image of this length at."""
    return _up(max(length, geometry.minimum), geometry.multiple_of)


def cut(box: Box, tile: int | tuple[int, int], cell: int) -> Iterator[Box]:
    """Cut a box into nearly equal cores of whole cells, at most `tile` long, row by row."""
    high, wide = (tile, tile) if isinstance(tile, int) else tile
    rows = _segments(box.top, box.bottom, high, cell)
    columns = _segments(box.left, box.right, wide, cell)
    return (Box(*row, *column) for row in rows for column in columns)


def reflect(start: int, stop: int, length: int) -> NDArray[np.intp]:
    """The indices start..stop-1 of a line continued as by numpy's padding mode `reflect`."""
    period = max(2 * (length - 1), 1)
    index = np.arange(start, stop) % period
    return np.minimum(index, period - index) if length > 1 else np.zeros_like(index)


def window(pixels: Pixels, rows: tuple[int, int], columns: tuple[int, int]) -> Floats:
    """A part of an image, continued by reflection, as a network takes it.

    Args:
        pixels: HxW or HxWx3 integers; grey becomes three equal channels.
        rows: first row, and the one after the last.
        columns: the same of columns.

    Returns:
        (1, 3, h, w) float32 in [0, 1].
    """
    part = _continued(_continued(pixels, rows, 0), columns, 1)
    values = np.empty((1, 3, *part.shape[:2]), np.float32)
    planes = part if part.ndim == 2 else np.moveaxis(part, 2, 0)
    np.divide(planes, np.float32(np.iinfo(pixels.dtype).max), out=values[0])
    return values


def _continued(pixels: Pixels, span: tuple[int, int], axis: int) -> Pixels:
    """The rows (axis 0) or columns (axis 1) of a span; a view where all of them are there."""
    length = pixels.shape[axis]
    if span[0] >= 0 and span[1] <= length:
        return pixels[span[0] : span[1]] if axis == 0 else pixels[:, span[0] : span[1]]
    return pixels.take(reflect(*span, length), axis)


def _run(
    functions: Sequence[Function],
    pixels: Pixels,
    maps: Sequence[float],
    core: Box,
    geometry: Geometry,
) -> Pixels | None:
    """The network's result for a core, as integers, or None where memory ran out."""
    height, width = pixels.shape[:2]
    top, bottom = _with_halo(core.top, core.bottom, padded(height, geometry), geometry)
    left, right = _with_halo(core.left, core.right, padded(width, geometry), geometry)
    try:
        x = window(pixels, (top, bottom), (left, right))
        planes = [np.full_like(x[:, :1], value) for value in maps]
        for function in functions:
            y = function(x, *planes)[0]
            s = geometry.scale
            y = y[:, (core.top - top) * s : (core.bottom - top) * s]
            y = y[:, :, (core.left - left) * s : (core.right - left) * s]
            if np.isfinite(y).all():
                return _to_pixels(y, pixels)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return None
    raise ModelError("the model gives values that are not finite")


def _to_pixels(y: Floats, like: Pixels) -> Pixels:
    """(3, H, W) in [0, 1], more or less -> integers with the channels and the type of `like`."""
    values = y.mean(0) if like.ndim == 2 else np.moveaxis(y, 0, 2)
    levels = values.clip(0, 1)
    levels *= np.iinfo(like.dtype).max
    levels += np.float32(0.5)
    return levels.astype(np.uint8) if like.dtype == np.uint8 else levels.astype(np.uint16)


def _with_halo(start: int, stop: int, length: int, geometry: Geometry) -> tuple[int, int]:
    """A core's span with its halo: inside [0, length), and at least the geometry's minimum."""
    cell = geometry.multiple_of
    halo = _up(geometry.radius, cell)
    start, stop = max(start - halo, 0), min(stop + halo, length)
    least = _up(geometry.minimum, cell)
    stop = max(stop, min(start + least, length))
    return max(min(start, stop - least), 0), stop


def _segments(start: int, stop: int, longest: int, cell: int) -> list[tuple[int, int]]:
    """[start, stop) in the fewest parts of whole cells of at most `longest`, evenly."""
    cells = (stop - start) // cell
    count = -(-cells // max(longest // cell, 1))
    edges = [start + cells * i // count * cell for i in range(count + 1)]
    return list(pairwise(edges))


def _up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
