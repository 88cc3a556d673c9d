"""Decoded pictures, packed so that crops of many are gathered in one go.

All pixels lie in one flat array, colour by colour, on the training device or in the host's memory;
a crop is so many stretches of it, found by index arithmetic. Beside the pixels each picture has
smaller versions of itself, so that no crop is resampled, and a table that tells how much detail
lies in any rectangle.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F

from aecli.images.levels import to_8_bits
from aecli.images.square import on_white
from aecli.training.degradations.draws import on_device

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from aecli.datasets.item import Item

    Picture = NDArray[np.uint8]

REDUCED = (0.75, 0.5)
"""Sides of the smaller versions, as a share of the whole."""

CELL = 8
"""Side of the squares whose detail is known, pixels."""


def read(item: Item) -> Picture:
    """A picture as training sees it: HxWx3, 8 bits, on white where it is transparent.

    Raises:
        InputError: it cannot be read, or is damaged.
    """
    image = item.image()
    pixels = image.pixels
    if image.alpha is not None:
        pixels = on_white(pixels, image.alpha, image.peak)
    return colour(to_8_bits(pixels))


def colour(picture: Picture) -> Picture:
    """HxW or HxWx3 -> HxWx3."""
    return picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)


def at_least(picture: Picture, side: int) -> Picture:
    """A picture extended by reflection, on the right and at the bottom, to at least `side`."""
    missing = [max(0, side - n) for n in picture.shape[:2]]
    if not any(missing):
        return picture
    return np.pad(picture, [(0, m) for m in missing] + [(0, 0)] * (picture.ndim - 2), "reflect")


def detail(picture: Picture) -> NDArray[np.float32]:
    """Summed differences of neighbours in squares of `CELL` pixels, as a summed-area table.

    Of the green channel, which is much like the others. Entry (i, j) holds the detail of all whole
    squares above row i and left of column j.
    """
    green = torch.from_numpy(picture[..., 1].astype(np.int16))
    change = torch.zeros_like(green)
    change[1:] += (green[1:] - green[:-1]).abs_()
    change[:, 1:] += (green[:, 1:] - green[:, :-1]).abs_()
    cells = F.avg_pool2d(change[None, None].float(), CELL)[0, 0].numpy()
    table: NDArray[np.float64] = cells.cumsum(0, np.float64).cumsum(1)
    return np.pad(table, ((1, 0), (1, 0))).astype(np.float32)


def reduced(picture: Picture, height: int, width: int) -> Picture:
    """A smaller version, HxWx3, antialiased bicubic."""
    whole = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None]
    small = F.interpolate(whole, (height, width), mode="bicubic", antialias=True)
    pixels: Picture = small[0].permute(1, 2, 0).numpy()
    return pixels


@dataclass(frozen=True, eq=False)
class Pyramid:
    """A picture and its smaller versions, HxWx3 each, the largest first, and their detail."""

    levels: list[Picture]
    details: list[NDArray[np.float32]]

    @classmethod
    def of(cls, picture: Picture, side: int, *, shrunk: bool, detailed: bool) -> Pyramid:
        """The pyramid of a picture.

        Args:
            picture: HxWx3.
            side: of the crops: no version is smaller than that; a smaller picture is extended.
            shrunk: whether there are smaller versions at all.
            detailed: whether crops are chosen by their detail.
        """
        levels = [at_least(picture, side)]
        for share in REDUCED if shrunk else ():
            height, width = (round(n * share) for n in picture.shape[:2])
            if min(width, height) >= side:
                levels.append(reduced(picture, height, width))
        return cls(levels, [detail(level) if detailed else _NOTHING for level in levels])


_NOTHING = np.zeros((1, 1), np.float32)


class Packed:
    """Pyramids in one flat array.

    Args:
        pyramids: taken out of the list one by one, so that no picture is held twice.
        device: where the pixels are to be; all else stays in the host's memory.
    """

    def __init__(self, pyramids: list[Pyramid], device: torch.device) -> None:
        levels = [level for pyramid in pyramids for level in pyramid.levels]
        tables = [table for pyramid in pyramids for table in pyramid.details]
        self._count = np.array([len(p.levels) for p in pyramids])
        self._first = np.cumsum(self._count) - self._count
        self._height, self._width = np.array([level.shape[:2] for level in levels]).T
        sizes = self._height * self._width
        self._start = np.cumsum(sizes) - sizes
        self._columns = np.array([table.shape[1] for table in tables])
        self._table = np.array([0, *accumulate(table.size for table in tables)][:-1])
        self._details = np.concatenate([table.ravel() for table in tables])
        self.pixels: Tensor = torch.empty(3 * int(sizes.sum()), dtype=torch.uint8, device=device)
        del levels
        position = 0
        while pyramids:
            for level in pyramids.pop(0).levels:
                planes = torch.from_numpy(np.array(level)).permute(2, 0, 1)
                place = self.pixels[position : position + planes.numel()]
                place.copy_(planes.flatten())
                position += planes.numel()

    def __len__(self) -> int:
        return len(self._count)

    def crops(
        self,
        picture: NDArray[np.int64],
        u: NDArray[np.float64],
        side: int,
        *,
        shrink: float,
        flips: bool,
    ) -> Tensor:
        """Random crops.

        Args:
            picture: whose, (N,).
            u: uniform draws, (N, 3 + 2 * candidates), in [0, 1).
            side: of the crops, pixels.
            shrink: share of them taken from a smaller version.
            flips: whether they are turned and mirrored, too.

        Returns:
            uint8 (N, 3, side, side), where the pixels are.
        """
        count = self._count[picture]
        smaller = (u[:, 0] < shrink) & (count > 1)
        level = self._first[picture]
        level = level + np.where(smaller, 1 + (u[:, 1] * (count - 1)).astype(np.int64), 0)
        height, width = self._height[level][:, None], self._width[level][:, None]
        tops, lefts = np.split(u[:, 3:], 2, axis=1)
        tops = (tops * (height - side + 1)).astype(np.int64)
        lefts = (lefts * (width - side + 1)).astype(np.int64)
        row = np.arange(len(u))
        best = self._detail_within(level[:, None], tops, lefts, side).argmax(1)
        top, left = tops[row, best], lefts[row, best]

        # A symmetry of the square: from its last line up, mirrored, turned about its diagonal.
        symmetry = (u[:, 2] * 8).astype(np.int64) if flips else np.zeros(len(u), np.int64)
        upwards, kind = symmetry & 1, symmetry >> 1
        width, area = width[:, 0], (width * height)[:, 0]
        start = 3 * self._start[level] + (top + upwards * (side - 1)) * width + left
        lattice = np.stack([start, area, width * (1 - 2 * upwards)])
        rows = [np.flatnonzero(kind == k) for k in range(4)]
        plain, mirrored, turned, both = (self._gather(lattice[:, some], side) for some in rows)
        crops = torch.cat([plain, mirrored.flip(-1), turned.mT, both.flip(-1).mT])
        return crops.index_select(0, on_device(np.argsort(np.concatenate(rows)), crops.device))

    def _gather(self, lattice: NDArray[np.int64], side: int) -> Tensor:
        """Squares, (N, 3, side, side): (3, N) of starts, steps to the next colour and line."""
        start, colour, line = on_device(lattice, self.pixels.device)[:, :, None, None]
        place = torch.arange(max(3, side), device=start.device)
        index = start + colour * place[:3, None] + line * place[:side]
        lines = self.pixels.as_strided((len(self.pixels) - side + 1, side), (1, 1))
        return lines.index_select(0, index.flatten()).view(*index.shape, side)

    def _detail_within(
        self, level: NDArray[np.int64], top: NDArray[np.int64], left: NDArray[np.int64], side: int
    ) -> Any:
        """Detail of squares, in as far as whole cells tell, (N, candidates)."""
        if top.shape[1] == 1:
            return np.zeros(top.shape, np.float32)
        columns, table = self._columns[level], self._table[level]
        rows = [(n + CELL // 2) // CELL for n in (top, top + side)]
        edges = [np.minimum((n + CELL // 2) // CELL, columns - 1) for n in (left, left + side)]
        rows = [np.minimum(n, self._height[level] // CELL) for n in rows]

        def up_to(i: NDArray[np.int64], j: NDArray[np.int64]) -> Any:
            return self._details[table + i * columns + j]

        inside = up_to(rows[1], edges[1]) - up_to(rows[0], edges[1])
        return inside - up_to(rows[1], edges[0]) + up_to(rows[0], edges[0])


def packed_size(sizes: Sequence[tuple[int, int]], *, shrunk: bool) -> int:
    """Bytes of pixels that pictures of such sizes take when packed, about."""
    share = 1 + sum(s * s for s in REDUCED if shrunk)
    return round(3 * share * sum(height * width for height, width in sizes))
