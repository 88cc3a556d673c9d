"""Blurs: every picture of a batch with a kernel of its own."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F

from aecli.training.degradations.draws import on_device

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    Array = NDArray[np.float64]

TAPS = 21
"""Rows and columns of the kernels made here."""

LOST = 1e-3
"""Share of a kernel that may be cut off: a quarter of a level at the hardest edge."""

CHANNELS, OF_GPU = 16, 96
"""Channels to a call, of pictures with like kernels: a CPU takes 16 at once."""


def blur_(pictures: Tensor, kernels: Array, rows: NDArray[np.int64]) -> None:
    """Some of the pictures convolved with a kernel each, continued by reflection; in place.

    By sums, not by Fourier transforms: few kernels are as large as they might be.

    Args:
        pictures: (N, C, H, W).
        kernels: (n, K, K), K odd, each of sum 1; they are cut where `LOST` of them is cut off, and
            to the size of the pictures.
        rows: which of the pictures, (n,).
    """
    reaches = np.minimum(_reaches(kernels), min(pictures.shape[-2:]) - 1)
    kernels = _cut(kernels, reaches)
    order = np.argsort(-reaches, kind="stable")[: np.count_nonzero(reaches)]
    channels = CHANNELS if pictures.device.type == "cpu" else OF_GPU
    few = max(1, channels // pictures.shape[1])
    for part in (order[start : start + few] for start in range(0, len(order), few)):
        index = on_device(rows[part], pictures.device)
        some = _blur(pictures.index_select(0, index), kernels[part], reaches[part[0]])
        pictures.index_copy_(0, index, some)


def blur(pictures: Tensor, kernels: Array) -> Tensor:
    """Every picture (N, C, H, W) convolved with its kernel (N, K, K), as by `blur_`."""
    out = pictures.clone(memory_format=torch.contiguous_format)
    blur_(out, kernels, np.arange(len(out)))
    return out


def soften(pictures: Tensor, sigma: Array) -> Tensor:
    """Pictures (N, C, H, W) after round Gaussian blurs of (N,) standard deviations, pixels."""
    return blur(pictures, gaussian(sigma))


def around(planes: Tensor, middle: float = 1.0) -> Tensor:
    """Each pixel and its eight neighbours, weighted [1 `middle` 1] in both directions, summed up.

    (N, C, H, W), continued by reflection.
    """
    p = F.pad(planes, (1, 1, 1, 1), mode="reflect")
    rows = torch.add(p[..., :-2, :], p[..., 1:-1, :], alpha=middle).add_(p[..., 2:, :])
    return torch.add(rows[..., :-2], rows[..., 1:-1], alpha=middle).add_(rows[..., 2:])


def _blur(pictures: Tensor, kernels: Array, reach: int) -> Tensor:
    """Every picture convolved with its kernel, which ends `reach` from its centre."""
    n, channels, height, width = pictures.shape
    middle = slice(kernels.shape[-1] // 2 - reach, kernels.shape[-1] // 2 + reach + 1)
    turned = kernels[:, None, middle, middle][..., ::-1, ::-1]
    weights = on_device(turned, pictures.device).repeat_interleave(channels, dim=0)
    padded = F.pad(pictures, (reach,) * 4, mode="reflect").flatten(0, 1)[None]
    return F.conv2d(padded, weights, groups=len(weights)).view(n, channels, height, width)


def _reaches(kernels: Array) -> NDArray[np.int64]:
    """(N,): how far from the centre all of a kernel lies, but for the share `LOST`."""
    rings, within = _rings(kernels.shape[-1])
    weight = np.abs(kernels).reshape(len(kernels), rings.size)
    enough = (1 - LOST) * weight.sum(1)[:, None]
    reaches: NDArray[np.int64] = (weight @ within < enough).sum(1)
    return reaches


def _cut(kernels: Array, reaches: NDArray[np.int64]) -> Array:
    """Kernels without what lies further from the centre, (N,), each of sum 1."""
    return _normalised(kernels * (_rings(kernels.shape[-1])[0] <= _columns(reaches)))


@functools.cache
def _rings(size: int) -> tuple[NDArray[np.int64], Array]:
    """How far from the centre a place of a kernel is, along the axis on which it is further.

    Returns:
        (size, size), and 1 where place k is no further than r, (size * size, size // 2).
    """
    place = np.abs(np.arange(size) - size // 2)
    rings = np.maximum(place[:, None], place)
    return rings, (rings.reshape(-1, 1) <= np.arange(size // 2)).astype(np.float64)


def gaussian(
    sigma: Array, ratio: Array | float = 1, angle: Array | float = 0, shape: Array | float = 1
) -> Array:
    """Gaussian kernels, round or not, and their generalisation (Zhang et al. 2021, BSRGAN).

    Args:
        sigma: (N,), standard deviation along the long axis, pixels. 0 leaves a picture alone.
        ratio: (N,) or one for all, as the others: the short axis' deviation as a part of it.
        angle: of the long axis, radians.
        shape: exponent: 1 the Gaussian, lower with a sharper peak and longer tails, higher flatter.

    Returns:
        (N, TAPS, TAPS), each of sum 1.
    """
    return _normalised(np.exp(-0.5 * _distances(sigma, ratio, angle) ** _columns(shape)))


def plateau(
    sigma: Array, ratio: Array | float = 1, angle: Array | float = 0, shape: Array | float = 1
) -> Array:
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
    soft = gaussian(sigma)
    return identity(len(sigma)) * (1 + _columns(amount)) - _columns(amount) * soft


def identity(count: int) -> Array:
    """(count, TAPS, TAPS) kernels that leave pictures alone."""
    kernels = np.zeros((count, TAPS, TAPS))
    kernels[:, TAPS // 2, TAPS // 2] = 1
    return kernels


def _distances(sigma: Array, ratio: Array | float, angle: Array | float) -> Array:
    """(N, TAPS, TAPS): squares of the distances from the centre in standard deviations."""
    y, x = _grid()
    cos, sin = _columns(np.cos(angle)), _columns(np.sin(angle))
    long = _columns(np.maximum(sigma, 1e-3))
    short = _columns(np.maximum(sigma * ratio, 1e-3))
    return ((x * cos + y * sin) / long) ** 2 + ((y * cos - x * sin) / short) ** 2


@functools.cache
def _grid() -> tuple[Array, Array]:
    y, x = np.mgrid[:TAPS, :TAPS] - float(TAPS // 2)
    return y, x


def _columns(values: Array | NDArray[np.int64] | float) -> Array:
    return np.reshape(values, (-1, 1, 1))


def _normalised(kernels: Array) -> Array:
    out: Array = kernels / kernels.sum((1, 2), keepdims=True)
    return out
