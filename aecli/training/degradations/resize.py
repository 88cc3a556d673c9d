"""Resampling as matrix products: the rows of a picture by one matrix, its columns by another."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
import torch

from aecli.images.resample import BICUBIC, Kernel, band, keys
from aecli.training.degradations.draws import constant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    Array = NDArray[np.float64]


def _box(x: Array) -> Array:
    return np.where((x >= -0.5) & (x < 0.5), 1.0, 0.0)


def _tent(x: Array) -> Array:
    return np.where(np.abs(x) < 1, 1 - np.abs(x), 0.0)


def _hamming(x: Array) -> Array:
    return np.where(np.abs(x) < 1, np.sinc(x) * (0.54 + 0.46 * np.cos(np.pi * x)), 0.0)


def _lanczos(x: Array) -> Array:
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0)


KERNELS = {
    "box": Kernel(_box, 0.5),
    "bilinear": Kernel(_tent, 1),
    "hamming": Kernel(_hamming, 1),
    "bicubic": BICUBIC,
    "lanczos": Kernel(_lanczos, 3),
    "nearest": Kernel(_box, 0.5, antialias=False),
    "plain bilinear": Kernel(_tent, 1, antialias=False),
    "plain bicubic": Kernel(keys, 2, antialias=False),
}
"""How programs resize pictures: the first five antialiased, the others not."""


def resize(pictures: Tensor, height: int, width: int, kernel: str = "bicubic") -> Tensor:
    """Pictures of another size, one for all.

    Args:
        pictures: (N, C, H, W).
        height, width: of the results.
        kernel: one of `KERNELS`.

    Returns:
        (N, C, height, width), with the kernel's over- and undershoots.
    """
    rows, columns = (
        _matrix(before, after, kernel, before, after, pictures.device)
        for before, after in zip(pictures.shape[-2:], (height, width), strict=True)
    )
    return rows @ pictures @ columns.T


def resize_each(
    pictures: Tensor,
    before: NDArray[np.int64],
    after: NDArray[np.int64],
    kernels: Sequence[str],
    canvas: tuple[int, int],
) -> Tensor:
    """Pictures that have sizes of their own, and get other ones, in batches of one shape.

    A picture that is smaller than its place in the batch lies in the place's upper left corner; its
    last row and column are repeated from there on.

    Args:
        pictures: (N, C, H, W).
        before: (N, 2), heights and widths, at most H and W.
        after: (N, 2), heights and widths of the results.
        kernels: N of `KERNELS`.
        canvas: height and width of the result's places, at least those of `after`.

    Returns:
        (N, C, *canvas), with the kernels' over- and undershoots.
    """
    rows, columns = (
        torch.stack(
            [
                _matrix(old, new, kernel, place, canvas[axis], pictures.device)
                for old, new, kernel in zip(
                    before[:, axis].tolist(), after[:, axis].tolist(), kernels, strict=True
                )
            ]
        )
        for axis, place in enumerate(pictures.shape[-2:])
    )
    lines = pictures.flatten(1, 2) @ columns.mT
    return rows[:, None] @ lines.view(*pictures.shape[:3], -1)


def resample(pictures: Tensor, height: int, width: int) -> Tensor:
    """What `images.resample` makes of 8-bit pictures: bicubic, rounded after each of two passes.

    Args:
        pictures: (N, C, H, W), multiples of 1 / 255 in [0, 1].
        height, width: of the results.

    Returns:
        (N, C, height, width), multiples of 1 / 255 in [0, 1].
    """
    lines = to_levels(resize(pictures * 255, height, pictures.shape[-1]))
    return to_levels(resize(lines, height, width)).div_(255)


def shrink(pictures: Tensor, scale: int) -> Tensor:
    """`resample` to a whole part of the size: (N, C, H, W) -> (N, C, H / scale, W / scale)."""
    return resample(pictures, pictures.shape[-2] // scale, pictures.shape[-1] // scale)


def to_levels(values: Tensor) -> Tensor:
    """Values on the 0-255 scale as 8-bit files hold them: rounded half up and clipped, in place."""
    return values.add_(0.5).floor_().clamp_(0, 255)


def rounded(pictures: Tensor) -> Tensor:
    """Pictures, [0, 1] scale, as 8-bit files hold them."""
    return to_levels(pictures * 255).div_(255)


@functools.lru_cache(maxsize=1024)
def _matrix(
    source: int, target: int, kernel: str, place: int, canvas: int, device: torch.device
) -> Tensor:
    """(canvas, place): from lines of `source` samples to lines of `target`, the last repeated."""
    matrix = np.zeros((canvas, place), np.float32)
    if source == target:
        matrix[:target, :source] = np.eye(target)
    else:
        used, weights = band(source, target, 0, target, KERNELS[kernel])
        matrix[:target, used] = weights
    matrix[target:] = matrix[target - 1]
    return constant(matrix, device)
