"""Blurs: every picture of a batch with a kernel of its own."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    Array = NDArray[np.float64]

TAPS = 21
"""Rows and columns of the kernels made here."""


def blur(pictures: Tensor, kernels: Tensor) -> Tensor:
    """Every picture convolved with its kernel, and continued by reflection.

    Args:
        pictures: (N, C, H, W).
        kernels: (N, K, K), K odd; where K // 2 is not below H and W, they are cut.

    Returns:
        (N, C, H, W).
    """
    height, width = pictures.shape[-2:]
    cut = max(kernels.shape[-1] // 2 - min(height, width) + 1, 0)
    if cut:
        kernels = kernels[:, cut:-cut, cut:-cut]
        kernels = kernels / kernels.sum((1, 2), keepdim=True)
    reach = kernels.shape[-1] // 2
    padded = F.pad(pictures, (reach,) * 4, mode="reflect")
    size = (_fast(height + 2 * reach), _fast(width + 2 * reach))
    spectra = torch.fft.rfft2(padded, size) * torch.fft.rfft2(kernels[:, None], size)
    whole: Tensor = torch.fft.irfft2(spectra, size)
    return whole[..., 2 * reach :, 2 * reach :][..., :height, :width]


@functools.cache
def _fast(length: int) -> int:
    """The next length, from this one on, that a Fourier transform likes: 2, 3 and 5 divide it."""
    rest = length
    for factor in (2, 3, 5):
        while rest % factor == 0:
            rest //= factor
    return length if rest == 1 else _fast(length + 1)


def gaussian(sigma: Array, ratio: Array, angle: Array, shape: Array | float = 1) -> Array:
    """Gaussian kernels, round or not, and their generalisation (Zhang et al. 2021, BSRGAN).

    Args:
        sigma: (N,), standard deviation along the long axis, pixels. 0 leaves a picture alone.
        ratio: (N,), the short axis' deviation as a part of it.
        angle: (N,), of the long axis, radians.
        shape: exponent: 1 the Gaussian, lower with a sharper peak and longer tails, higher flatter.

    Returns:
        (N, TAPS, TAPS), each of sum 1.
    """
    return _normalised(np.exp(-0.5 * _distances(sigma, ratio, angle) ** _columns(shape)))


def plateau(sigma: Array, ratio: Array, angle: Array, shape: Array | float = 1) -> Array:
    """1 / (1 + r ** (2 shape)): kernels with a flat top; as `gaussian`."""
    return _normalised(1 / (1 + _distances(sigma, ratio, angle) ** _columns(shape)))


def sinc(cutoff: Array) -> Array:
    """Round low-pass filters, which leave rings around edges (Wang et al. 2021, Real-ESRGAN).

    Args:
        cutoff: (N,), radians a pixel, above 0 and at most pi.

    Returns:
        (N, TAPS, TAPS), each of sum 1.
    """
    y, x = _grid()
    radius = np.hypot(y, x)
    argument = _columns(cutoff) * radius
    bessel = torch.special.bessel_j1(torch.from_numpy(argument)).numpy()
    centre = _columns(cutoff) ** 2 / (4 * np.pi)
    rings = _columns(cutoff) * bessel / (2 * np.pi * np.where(radius == 0, 1, radius))
    return _normalised(np.where(radius == 0, centre, rings))


def unsharp(sigma: Array, amount: Array) -> Array:
    """Sharpening: a picture and `amount` (N,) times what a Gaussian blur takes from it."""
    soft = gaussian(sigma, np.ones_like(sigma), np.zeros_like(sigma))
    return identity(len(sigma)) * (1 + _columns(amount)) - _columns(amount) * soft


def identity(count: int) -> Array:
    """(count, TAPS, TAPS) kernels that leave pictures alone."""
    kernels = np.zeros((count, TAPS, TAPS))
    kernels[:, TAPS // 2, TAPS // 2] = 1
    return kernels


def _distances(sigma: Array, ratio: Array, angle: Array) -> Array:
    """(N, TAPS, TAPS): squares of the distances from the centre in standard deviations."""
    y, x = _grid()
    cos, sin = _columns(np.cos(angle)), _columns(np.sin(angle))
    long = _columns(np.maximum(sigma, 1e-3))
    short = _columns(np.maximum(sigma * ratio, 1e-3))
    return ((x * cos + y * sin) / long) ** 2 + ((y * cos - x * sin) / short) ** 2


def _grid() -> tuple[Array, Array]:
    y, x = np.mgrid[:TAPS, :TAPS] - float(TAPS // 2)
    return y, x


def _columns(values: Array | float) -> Array:
    return np.reshape(values, (-1, 1, 1))


def _normalised(kernels: Array) -> Array:
    out: Array = kernels / kernels.sum((1, 2), keepdims=True)
    return out
