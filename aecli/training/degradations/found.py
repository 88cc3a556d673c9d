"""Small pictures as people hold them: soft, shrunk by some program, noisy, compressed, or twice so.

After Zhang et al. 2021 (BSRGAN) and Wang et al. 2021 (Real-ESRGAN), milder: most photos that are
worth enlarging have been shrunk and saved once, and are hardly noisy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from aecli.training.degradations import blur
from aecli.training.degradations.chosen import change
from aecli.training.degradations.jpeg import jpeg_
from aecli.training.degradations.noise import is_grey, noise
from aecli.training.degradations.resize import resize_each, to_levels

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from aecli.training.degradations.draws import Draws

    Array = NDArray[np.float64]
    Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Life:
    """What a picture goes through between two files, at most.

    Attributes:
        name: of its draws.
        blurred: probability of a blur before the picture is resized.
        blur: its largest standard deviation, pixels of the smaller of the two sizes.
        noisy: probability of noise.
        noise: its largest standard deviation in the middle greys, on the 0-255 scale.
        finished: probability of a filter after the picture is resized: sharpened, rung, softened.
        compressed: probability of JPEG.
        quality: the lowest and the highest.
    """

    name: str
    blurred: float
    blur: float
    noisy: float
    noise: float
    finished: float
    compressed: float
    quality: tuple[int, int]


EARLIER = Life("found/earlier", 0.6, 0.7, 0.6, 6.0, 0.15, 0.7, (55, 97))
LAST = Life("found/last", 0.85, 1.2, 0.8, 8.0, 0.2, 0.9, (40, 95))

TWICE = 0.35
"""The part of the pictures that had an earlier life."""

GENTLE = 0.12
"""The part of the pictures that nearly nothing happened to, in any of their lives."""

KERNELS = ("box", "bilinear", "hamming", "bicubic", "lanczos", "plain bilinear", "plain bicubic")
_SHARES = (0.18, 0.36, 0.54, 0.72, 0.90, 0.97)
"""How programs resize photos, and how often: where the next one begins."""


def found_photo(clean: Tensor, scale: int, draws: Draws) -> Tensor:
    """Small pictures as people hold them.

    An earlier life, which some have had, ends at a size by chance, mostly between the large one and
    the small one; the last life ends at the small one.

    Args:
        clean: (N, 3, H, W), multiples of 1 / 255 in [0, 1], H and W multiples of `scale`.
        scale: the factor by which pictures shrink.
        draws: of these N samples.

    Returns:
        (N, 3, H / scale, W / scale), multiples of 1 / 255 in [0, 1]; grey stays grey.
    """
    grey = is_grey(clean)
    fate = draws.uniform("found/fate", 3)
    harm = np.where(fate[:, 0] < GENTLE, 0.1, 1.0)
    twice = fate[:, 1] < TWICE
    large = np.tile(clean.shape[-2:], (len(draws), 1))
    small = large // scale
    sizes = np.where(twice[:, None], _sizes(large, small, fate[:, 2]), large)

    def earlier(some: Tensor, rows: Rows, index: Tensor) -> Tensor:
        places = (large[rows], sizes[rows], (clean.shape[2], clean.shape[3]))
        return live(some, EARLIER, *places, harm[rows], grey[index], draws.rows(rows))

    pictures = clean.clone(memory_format=torch.contiguous_format)
    change(pictures, twice, earlier)
    harm = np.where(twice, 0.6 * harm, harm)
    canvas = (clean.shape[2] // scale, clean.shape[3] // scale)
    out = live(pictures, LAST, sizes, small, canvas, harm, grey, draws)
    return torch.where(grey, out[:, :1], out)


def live(
    pictures: Tensor,
    life: Life,
    before: NDArray[np.int64],
    after: NDArray[np.int64],
    canvas: tuple[int, int],
    harm: Array,
    grey: Tensor,
    draws: Draws,
) -> Tensor:
    """What pictures are after a life.

    Args:
        pictures: (N, 3, H, W) in [0, 1], of the sizes `before` (N, 2) in the upper left corners;
            written to.
        life: what may happen.
        after: (N, 2), the sizes that they get.
        canvas: height and width of the result.
        harm: (N,), factor on all that happens to a picture.
        grey: (N, 1, 1, 1), which are grey.
        draws: of these samples.

    Returns:
        (N, 3, *canvas), multiples of 1 / 255 in [0, 1].
    """
    u = draws.uniform(life.name, 24)
    factor = np.maximum(before / after, 1).mean(axis=1)
    strength = life.noise * harm * u[:, 0] ** 1.5
    shot, common = u[:, 1], np.select([u[:, 2] < 0.3, u[:, 2] < 0.5], [1.0, u[:, 3]], 0.0)
    noisy, resized_noisy = u[:, 4] < life.noisy, u[:, 5] < 0.8

    def grained(some: Tensor, rows: Rows, index: Tensor) -> Tensor:
        sigma = strength * np.where(resized_noisy, 1, factor)  # shrinking takes noise away
        kind = (sigma[rows], shot[rows], common[rows], grey[index])
        return noise(some, *kind, draws.rows(rows), f"{life.name}/noise")

    finished = np.flatnonzero(u[:, 17] < life.finished)
    filters, noise_last = _filters(harm[finished], u[finished, 12:15]), u[finished, 18] < 0.5
    kernels = [KERNELS[k] for k in np.digitize(u[:, 19], _SHARES)]
    blurred = u[:, 20] < life.blurred
    sigma = (life.blur * factor * harm * (0.08 + 0.92 * u[:, 6]))[blurred]
    blur.blur_(pictures, _blurs(sigma, u[blurred, 7:12]), np.flatnonzero(blurred))
    change(pictures, noisy & ~resized_noisy, grained)
    pictures = resize_each(pictures, before, after, kernels, canvas)
    blur.blur_(pictures, filters[noise_last], finished[noise_last])
    change(pictures, noisy & resized_noisy, grained)
    blur.blur_(pictures, filters[~noise_last], finished[~noise_last])
    to_levels(pictures.mul_(255)).div_(255)
    low, high = life.quality
    quality = np.rint(high - (high - low) * np.sqrt(harm) * u[:, 15]).astype(np.int64)
    jpeg_(pictures, u[:, 21] < life.compressed, quality, np.digitize(u[:, 16], (0.3, 0.4)))
    return pictures


def _sizes(large: NDArray[np.int64], small: NDArray[np.int64], u: Array) -> NDArray[np.int64]:
    """(N, 2): sizes by chance, in whole JPEG blocks: a quarter of them below the small size."""
    most = np.log(large[:, 0] / small[:, 0])
    factor = np.where(u < 0.25, 0.75 + u, np.exp(most * (u - 0.25) / 0.75))
    sizes = 8 * np.rint(small * factor[:, None] / 8).astype(np.int64)
    return np.clip(sizes, np.minimum(8, large), large)


def _blurs(sigma: Array, u: Array) -> Array:
    """Kernels for (N,) deviations and (N, 5) draws: half of them round, few other than Gaussian."""
    ratio = np.where(u[:, 0] < 0.5, 1.0, 0.4 + 0.6 * u[:, 1])
    angle = np.pi * u[:, 2]
    shape = np.where(u[:, 3] < 0.15, 2 ** (2 * u[:, 4] - 1), 1.0)
    kernels = blur.gaussian(sigma, ratio, angle, shape)
    flat = u[:, 3] > 0.95
    kernels[flat] = blur.plateau(sigma[flat], ratio[flat], angle[flat])
    return kernels


def _filters(harm: Array, u: Array) -> Array:
    """Kernels of the last filter, for (N,) factors and (N, 3) draws."""
    kernels = blur.gaussian(harm * (0.2 + 0.5 * u[:, 1]))
    sharp, rung = u[:, 0] < 0.45, (u[:, 0] >= 0.45) & (u[:, 0] < 0.65)
    amount = harm[sharp] * (0.2 + 0.8 * u[sharp, 2])
    kernels[sharp] = blur.unsharp(0.5 + 0.7 * u[sharp, 1], amount)
    kernels[rung] = blur.sinc(np.pi * (1 - 0.45 * harm[rung] * u[rung, 1]))
    return kernels
