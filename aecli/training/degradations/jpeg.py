"""JPEG in torch, step by step as libjpeg codes and decodes: rounding, tables, chroma and all."""

from __future__ import annotations

import functools
import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F

from aecli.images.levels import BT601
from aecli.training.degradations.chosen import change
from aecli.training.degradations.colour import from_opponent, mixed, to_opponent
from aecli.training.degradations.draws import constant, on_device
from aecli.training.degradations.resize import resize

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

# The example tables of the standard (ITU-T T.81, annex K), which libjpeg scales by the quality.
_LUMA = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMA = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * 8,) * 4,
)
_TABLES = np.array([_LUMA, _CHROMA]).reshape(2, 64)

_FROM_RGB = (
    BT601,
    (-0.168735892, -0.331264108, 0.5),
    (0.5, -0.418687589, -0.081312411),
)
_TO_RGB = ((0, 1.402), (-0.344136286, -0.714136286), (1.772, 0))
"""What the colour differences add to red, green and blue."""

Cell = tuple[int, int]

_CELLS: tuple[Cell, ...] = ((1, 1), (1, 2), (2, 2))
"""Pixels, down and across, that share a colour: 4:4:4, 4:2:2, 4:2:0, numbered as Pillow does."""

_UP = 1 + 1e-6
"""Rounds halves away from zero, as libjpeg does: there are many, and nothing is as near to one."""

_SHRINK_BIAS = {(1, 2): (0.0, 0.5), (2, 2): (0.25, 0.5)}
_ENLARGE_BIAS = {(1, 2): (0.25, 0.5), (2, 2): (0.5, 7 / 16)}
"""What libjpeg adds, in even and odd columns, to a mean of colours before it cuts off fractions."""


def jpeg(pictures: Tensor, quality: NDArray[np.int64], subsampling: NDArray[np.int64]) -> Tensor:
    """What is left of pictures after JPEG.

    The colour transform, the reduction and "fancy" enlargement of the colours, quantisation and all
    roundings are libjpeg's; only the cosine transforms are exact where libjpeg's are integers.
    Grey pictures stay exactly grey and are coded as if they had one channel.

    Args:
        pictures: (N, 3, H, W) in [0, 1], of any size.
        quality: (N,), 1 to 100, as libjpeg scales its tables.
        subsampling: (N,), 0 for 4:4:4, 1 for 4:2:2, 2 for 4:2:0.

    Returns:
        (N, 3, H, W), multiples of 1 / 255 in [0, 1].
    """
    out = pictures.clone(memory_format=torch.contiguous_format)
    jpeg_(out, np.ones(len(out), bool), quality, subsampling)
    return out


def jpeg_(
    pictures: Tensor,
    chosen: NDArray[np.bool_],
    quality: NDArray[np.int64],
    subsampling: NDArray[np.int64],
) -> None:
    """As `jpeg`, in place, of those of the pictures that are chosen, (N,)."""
    tables = on_device(quantisation(quality), pictures.device)
    for number, cell in enumerate(_CELLS):
        change(
            pictures, chosen & (subsampling == number), partial(_coded, tables=tables, cell=cell)
        )


def subsample_(pictures: Tensor, chosen: NDArray[np.bool_], subsampling: NDArray[np.int64]) -> None:
    """Take from the colours of those that are chosen what JPEG does, without coding, in place.

    Args:
        pictures: (N, 3, H, W) in [0, 1].
        chosen: (N,).
        subsampling: (N,), as for `jpeg`.
    """
    for number, cell in enumerate(_CELLS[1:], 1):
        change(pictures, chosen & (subsampling == number), partial(_subsampled, cell=cell))


def quantisation(quality: NDArray[np.int64]) -> NDArray[np.float32]:
    """(N,) qualities -> (N, 2, 64): the steps of luma and colours, frequencies row by row."""
    q = quality.astype(np.int64)[:, None, None]
    percent = np.where(q < 50, 5000 // q, 200 - 2 * q)
    steps: NDArray[np.float32] = ((_TABLES * percent + 50) // 100).clip(1, 255).astype(np.float32)
    return steps


def _coded(pictures: Tensor, _: object, index: Tensor, tables: Tensor, cell: Cell) -> Tensor:
    """Pictures whose colours are shared by cells of the same size; theirs are `tables[index]`."""
    height, width = pictures.shape[-2:]
    tables = tables[index]
    from_rgb, to_rgb = _matrices(pictures.device)
    planes = mixed((_extended(pictures, cell) * 255).round_(), from_rgb).round_()
    light = _code(planes[:, :1] - 128, tables[:, 0])[..., :height, :width] + 128
    colours = planes[:, 1:]
    if cell != (1, 1):
        colours = _cut(_means(colours, cell), _SHRINK_BIAS[cell])
    colours = _code(colours, tables[:, 1])
    colours = colours[..., : math.ceil(height / cell[0]), : math.ceil(width / cell[1])]
    if cell != (1, 1):
        colours = _cut(_enlarged(colours, cell), _ENLARGE_BIAS[cell])[..., :height, :width]
    return mixed(colours, to_rgb).round_().add_(light).clamp_(0, 255).div_(255)


def _subsampled(pictures: Tensor, *_: object, cell: Cell) -> Tensor:
    height, width = pictures.shape[-2:]
    planes = to_opponent(pictures)
    colours = _means(_extended(planes[:, 1:], cell), cell)
    planes[:, 1:] = _enlarged(colours, cell)[..., :height, :width]
    return from_opponent(planes).clamp_(0, 1)


def _extended(planes: Tensor, cell: Cell) -> Tensor:
    """Planes of whole blocks, whose last row and column are repeated as often as it takes."""
    height, width = planes.shape[-2:]
    missing = (0, -width % (8 * cell[1]), 0, -height % (8 * cell[0]))
    return F.pad(planes, missing, mode="replicate") if any(missing) else planes


def _means(colours: Tensor, cell: Cell) -> Tensor:
    """The mean of each cell."""
    if cell[0] == 2:
        colours = (colours[..., 0::2, :] + colours[..., 1::2, :]).mul_(0.5)
    return (colours[..., 0::2] + colours[..., 1::2]).mul_(0.5)


def _enlarged(colours: Tensor, cell: Cell) -> Tensor:
    """Interpolated by the triangle filter."""
    height, width = colours.shape[-2:]
    return resize(colours, height * cell[0], width * cell[1], "plain bilinear")


def _code(planes: Tensor, tables: Tensor) -> Tensor:
    """Planes (N, C, H, W) around zero, of whole blocks, coded and decoded; tables (N, 64)."""
    n, c, h, w = planes.shape
    transform = _cosines(planes.device)
    blocks = planes.reshape(n, c, h // 8, 8, w // 8, 8).transpose(3, 4).reshape(n, -1, 64)
    steps = tables[:, None]
    whole = (blocks @ (8 * transform.T)).round_().mul_(_UP / (8 * steps)).round_()
    blocks = (whole.mul_(steps) @ transform).add_(0.5).floor_().clamp_(-128, 127)
    return blocks.view(n, c, h // 8, w // 8, 8, 8).transpose(3, 4).reshape(n, c, h, w)


@functools.cache
def _cosines(device: torch.device) -> Tensor:
    """(64, 64), orthonormal: a block of 8x8 samples, row by row, to its frequencies."""
    k = np.arange(8)
    rows = np.cos(np.pi * k[:, None] * (2 * k + 1) / 16) / 2
    rows[0] /= math.sqrt(2)
    return constant(np.kron(rows, rows), device)


@functools.cache
def _matrices(device: torch.device) -> tuple[Tensor, Tensor]:
    """(3, 3), from RGB to luma and colour differences, and (3, 2), what those add to it."""
    return constant(np.array(_FROM_RGB), device), constant(np.array(_TO_RGB), device)


def _cut(colours: Tensor, bias: tuple[float, float]) -> Tensor:
    """Add a bias to the even columns and one to the odd ones, then cut down to whole numbers."""
    return colours.add_(_columns(bias, colours.shape[-1], colours.device)).floor_()


@functools.cache
def _columns(values: tuple[float, float], count: int, device: torch.device) -> Tensor:
    """(count,): two values in turns."""
    return constant(np.resize(values, count), device)
