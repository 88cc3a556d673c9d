"""Levels of pictures: 8 and 16 bits a channel, and the luma of colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aecli.images.image import Pixels

BT601 = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in luma (ITU-R BT.601)."""

LUMA = np.array(BT601, np.float32)

_ROWS = 64


def from_unit(values: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Values from 0 to 1, black to white, more or less -> 8 bits, clipped and rounded."""
    return (values.clip(0, 1) * 255).round().astype(np.uint8)


def to_8_bits(pixels: Pixels) -> NDArray[np.uint8]:
    """uint16 rounded to the nearest of 8 bits; uint8 stays as it is."""
    if pixels.dtype == np.uint8:
        return pixels.astype(np.uint8, copy=False)
    out = np.empty(pixels.shape, np.uint8)
    for top in range(0, len(pixels), _ROWS):
        rows = pixels[top : top + _ROWS].astype(np.uint32)
        out[top : top + _ROWS] = (rows * 255 + 32767) // 65535
    return out


def to_16_bits(pixels: Pixels) -> NDArray[np.uint16]:
    """uint8 with its white at that of 16 bits; uint16 stays as it is."""
    if pixels.dtype == np.uint16:
        return pixels.astype(np.uint16, copy=False)
    return pixels.astype(np.uint16) * np.uint16(257)


def scaled(samples: NDArray[Any], before: int, after: int) -> NDArray[np.uint16]:
    """Levels from 0 to `before`, rounded to those from 0 to `after`."""
    out = np.empty(samples.shape, np.uint16)
    for top in range(0, len(samples), _ROWS):
        rows = samples[top : top + _ROWS].astype(np.uint32)
        out[top : top + _ROWS] = (rows * after + before // 2) // before
    return out


def luma(pixels: NDArray[Any]) -> NDArray[Any]:
    """HxWx3 -> HxW, unrounded, on the scale of the colours; grey, HxW, stays as it is."""
    return pixels if pixels.ndim == 2 else pixels @ LUMA
