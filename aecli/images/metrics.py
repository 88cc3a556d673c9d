"""How near two pictures are: PSNR and SSIM of arrays, strip by strip so that large ones fit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aecli.images.levels import LUMA

if TYPE_CHECKING:
    from collections.abc import Iterator

Array = NDArray[Any]

_STRIP = 1 << 20
"""Samples a strip holds, about."""


def psnr(a: Array, b: Array, peak: float = 255.0) -> float:
    """Peak signal-to-noise ratio in dB over all samples; infinite for equal pictures.

    Args:
        a: HxW or HxWxC, any real dtype.
        b: the same shape.
        peak: the value of white.

    Raises:
        ValueError: the shapes differ.
    """
    _refuse_different(a, b)
    total = 0.0
    for rows in _strips(a, overlap=0):
        difference = np.subtract(a[rows], b[rows], dtype=np.float64)
        total += float(np.vdot(difference, difference))
    return decibels(total / a.size, peak)


def decibels(error: float, peak: float) -> float:
    """PSNR in dB of a mean squared error; infinite for none."""
    return 10 * math.log10(peak**2 / error) if error > 0 else math.inf


def ssim(a: Array, b: Array, peak: float = 255.0) -> float:
    """Mean structural similarity, 1.0 for equal pictures.

    Wang, Bovik, Sheikh, Simoncelli: Image Quality Assessment: From Error Visibility to Structural
    Similarity, 2004: Gaussian window of 11x11 and sigma 1.5, K1 = 0.01, K2 = 0.03, only where the
    window fits, mean of the channels. Where a picture is smaller than the window, the window
    shrinks to its size.

    Args:
        a, b, peak: see `psnr`.

    Raises:
        ValueError: the shapes differ.
    """
    _refuse_different(a, b)
    vertical, horizontal = (_gaussian(min(11, n)) for n in a.shape[:2])
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2

    def blur(x: Array) -> Array:
        return _correlate(_correlate(x, vertical, 0), horizontal, 1)

    total, count = 0.0, 0
    for rows in _strips(a, overlap=len(vertical) - 1):
        x, y = a[rows].astype(np.float64), b[rows].astype(np.float64)
        mx, my = blur(x), blur(y)
        vx, vy, vxy = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
        similarity = (2 * mx * my + c1) * (2 * vxy + c2)
        similarity /= (mx * mx + my * my + c1) * (vx + vy + c2)
        total += float(similarity.sum())
        count += similarity.size
    return total / count


def luma(image: Array) -> Array:
    """BT.601 luma of a picture in 0 to 255, as super-resolution is scored on: 16 to 235, unrounded.

    HxWx3 RGB or HxW grey -> HxW float64.
    """
    full = image.astype(np.float64) if image.ndim == 2 else image @ LUMA.astype(np.float64)
    return np.asarray(16 + full * (219 / 255))


def _refuse_different(a: Array, b: Array) -> None:
    if a.shape != b.shape:
        raise ValueError(f"cannot compare pictures of the shapes {a.shape} and {b.shape}")


def _strips(a: Array, overlap: int) -> Iterator[slice]:
    """Row ranges of `a`; the last `overlap` rows of each are the first of the next."""
    height = a.shape[0]
    step = max(1, _STRIP // max(1, a[0].size))
    for top in range(0, height - overlap, step):
        yield slice(top, min(top + step + overlap, height))


def _gaussian(taps: int, sigma: float = 1.5) -> Array:
    x = np.arange(taps) - (taps - 1) / 2
    weights = np.exp(-(x**2) / (2 * sigma**2))
    return np.asarray(weights / weights.sum())


def _correlate(x: Array, weights: Array, axis: int) -> Array:
    """Weighted sum of shifted copies along `axis`; shorter by one less than there are weights."""
    valid = x.shape[axis] - len(weights) + 1
    index = [slice(None)] * x.ndim
    out = np.zeros((*x.shape[:axis], valid, *x.shape[axis + 1 :]))
    for shift, weight in enumerate(weights):
        index[axis] = slice(shift, shift + valid)
        out += weight * x[tuple(index)]
    return out
