"""Any image through a network, tile by tile, with the result of the whole image.

The rule that makes the two equal: a tile is a core and a halo. The halo is at least the receptive
field and lies on the core's interior sides only; at the image's own border there is none, so that
the network's zero padding acts there exactly as it does on the whole image. All edges lie on the
model's grid; to get there the image grows to the right and below by reflection.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch

from aecli.device import Precision, is_out_of_memory
from aecli.errors import InputError, ModelError
from aecli.models.registry import Tiling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from aecli.device import Runtime
    from aecli.images.image import Pixels
    from aecli.models.registry import Geometry

    Function = Callable[[Tensor], Tensor]
    Progress = Callable[[int, int], None]

_CPU_TOTAL = 1000 << 20
_CPU_LEAST = 340 << 20
_GPU_MOST = 4 << 30


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
    function: Function,
    pixels: Pixels,
    geometry: Geometry,
    *,
    runtime: Runtime,
    tile: int | None,
    progress: Progress | None = None,
) -> Pixels:
    """Run a network over an image.

    Only the tile at work is ever float; the image and the result keep their own type. Grey goes in
    as three equal channels and comes out as their mean. Where memory runs out the tile is halved.

    Args:
        function: (1, 3, h, w) -> (1, 3, h * scale, w * scale), float32 in [0, 1], on the runtime's
            device.
        pixels: HxW or HxWx3, uint8 or uint16.
        geometry: of the network behind `function`.
        runtime: where it runs.
        tile: longest side of a tile's core, in input pixels (a cell of the model's grid at least);
            None: the whole image at once.
        progress: called with the input pixels done and those in all, after every tile.

    Returns:
        The result, `scale` times as high and wide, of the input's channels and type; clipped, and
        rounded half up.

    Raises:
        InputError: not even the smallest tile fits into memory.
        ModelError: the network gives values that are not finite, in fp32 too.
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
        result = _run(function, pixels, core, geometry, runtime)
        if result is None and core.side > smallest:
            pending.appendleft(core)
            pending = deque(part for box in pending for part in cut(box, core.side // 2, cell))
            continue
        if result is None:
            raise InputError(f"not enough memory for {width}x{height} pixels on {runtime.device}")
        bottom, right = min(core.bottom, height), min(core.right, width)
        here = out[core.top * scale : bottom * scale, core.left * scale : right * scale]
        here[...] = result[: here.shape[0], : here.shape[1]]
        done += (bottom - core.top) * (right - core.left)
        if progress is not None:
            progress(done, height * width)
    return out


def auto_tile(geometry: Geometry, runtime: Runtime, pixels: Pixels) -> int | None:
    """The largest tile whose work fits the memory budget, or None where the whole image does.

    On the CPU the image, the result and the work share 1000 MiB, the work has 340 of them at least;
    on a GPU the work has half of what is free, and 4 GiB at most. As halos are computed in vain, a
    tile is never shorter than its halo.
    """
    if runtime.device.type == "cuda":
        budget = min(torch.cuda.mem_get_info(runtime.device)[0] // 2, _GPU_MOST)
    else:
        budget = max(_CPU_TOTAL - pixels.nbytes * (1 + geometry.scale**2), _CPU_LEAST)
    per_pixel = geometry.memory * (1 if runtime.precision is Precision.FP32 else 0.6)
    side = int((budget / per_pixel) ** 0.5)
    height, width = (padded(n, geometry) for n in pixels.shape[:2])
    if height * width <= side * side:
        return None
    cell = geometry.multiple_of
    halo = _up(geometry.radius, cell)
    return max((side - 2 * halo) // cell * cell, halo, cell)


def padded(length: int, geometry: Geometry) -> int:
    """The length that the network can take an image of this length at."""
    return _up(max(length, geometry.minimum), geometry.multiple_of)


def cut(box: Box, tile: int, cell: int) -> Iterator[Box]:
    """Cut a box into nearly equal cores of whole cells, at most `tile` long, row by row."""
    rows = _segments(box.top, box.bottom, tile, cell)
    columns = _segments(box.left, box.right, tile, cell)
    return (Box(*row, *column) for row in rows for column in columns)


def reflect(start: int, stop: int, length: int) -> NDArray[np.intp]:
    """The indices start..stop-1 of a line continued as by numpy's padding mode `reflect`."""
    period = max(2 * (length - 1), 1)
    index = np.arange(start, stop) % period
    return np.minimum(index, period - index) if length > 1 else np.zeros_like(index)


def window(pixels: Pixels, rows: tuple[int, int], columns: tuple[int, int]) -> Tensor:
    """A part of an image, continued by reflection, as a tensor.

    Args:
        pixels: HxW or HxWx3 integers; grey becomes three equal channels.
        rows: first row, and the one after the last.
        columns: the same of columns.

    Returns:
        (1, 3, h, w) float32 in [0, 1], channels last in memory.
    """
    height, width = pixels.shape[:2]
    values = pixels[reflect(*rows, height)[:, None], reflect(*columns, width)].astype(np.float32)
    values /= np.iinfo(pixels.dtype).max
    if values.ndim == 2:
        values = np.repeat(values[..., None], 3, axis=2)
    return torch.from_numpy(values).permute(2, 0, 1)[None]


def _run(
    function: Function, pixels: Pixels, core: Box, geometry: Geometry, runtime: Runtime
) -> Pixels | None:
    """The network's result for a core, as integers, or None where memory ran out."""
    height, width = pixels.shape[:2]
    top, bottom = _with_halo(core.top, core.bottom, padded(height, geometry), geometry)
    left, right = _with_halo(core.left, core.right, padded(width, geometry), geometry)
    try:
        x = window(pixels, (top, bottom), (left, right)).to(runtime.device)
        for attempt in dict.fromkeys((runtime, runtime.in_fp32())):
            with torch.inference_mode(), attempt.autocast():
                y = function(x)[0].float()
            s = geometry.scale
            y = y[:, (core.top - top) * s : (core.bottom - top) * s]
            y = y[:, :, (core.left - left) * s : (core.right - left) * s]
            if y.isfinite().all():
                return _to_pixels(y, pixels)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return None
    raise ModelError("the model gives values that are not finite")


def _to_pixels(y: Tensor, like: Pixels) -> Pixels:
    """(3, H, W) in [0, 1], more or less -> integers with the channels and the type of `like`."""
    peak = int(np.iinfo(like.dtype).max)
    values = y.mean(0) if like.ndim == 2 else y.permute(1, 2, 0)
    levels: NDArray[np.float32] = (values.clamp(0, 1) * peak + 0.5).cpu().numpy()
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
