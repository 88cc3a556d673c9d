"""Pictures as people hold them, before a denoiser: every kind of noise that files have.

In a random order of what may happen to a picture, after Zhang et al. (2022, "Practical Blind Image
Denoising via Swin-Conv-UNet and Data Synthesis"): a scene, sharp or soft, bright or dark; noise,
white, coloured or a camera's; then enlarging, sharpening and JPEG, once or twice. What happens to
the scene itself, and would to the mean of many shots, happens to the target as well; what is to be
removed is noise and what JPEG makes of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch.nn.functional as F

from aecli.training.degradations.camera import gaussian, photographs
from aecli.training.degradations.draws import on_device
from aecli.training.degradations.grain import coloured_noise
from aecli.training.degradations.jpeg import jpeg
from aecli.training.degradations.noise import is_grey, noise
from aecli.training.degradations.resize import rounded

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from aecli.training.degradations.draws import Draws

STILL, WHITE, COLOURED, CAMERA = range(4)
"""Kinds of noise: none, the same everywhere, `noise.coloured_noise`, `camera.photographs`."""

ZOOMS = (1.25, 1.5, 1.75, 2.0, 2.5)
"""Factors by which pictures are enlarged, before their noise or after it."""


@dataclass(frozen=True)
class Mixture:
    """How often which kind of noise is drawn; what is left of 1 has none.

    Attributes:
        white, coloured, camera: shares of the pictures.
        sigma_max, sigma_power: of white noise, sigma_max * u ** sigma_power, 0 to 255 scale.
        plain: whether scenes stay as they are, and files are never compressed.
    """

    white: float = 0.3
    coloured: float = 0.4
    camera: float = 0.24
    sigma_max: float = 60.0
    sigma_power: float = 1.3
    plain: bool = False

    def kinds(self, draws: Draws, still: NDArray[np.bool_]) -> NDArray[np.int64]:
        """A kind a sample; of those in `still`, graphics, three quarters have no noise."""
        u = draws.uniform("kind", 2)
        edges = np.cumsum([self.white, self.coloured, self.camera])
        kinds = np.array([WHITE, COLOURED, CAMERA, STILL])[np.searchsorted(edges, u[:, 0], "right")]
        return np.where(still & (u[:, 1] < 0.75), STILL, kinds)


def noisy_photos(
    clean: Tensor, draws: Draws, still: NDArray[np.bool_], mixture: Mixture
) -> tuple[Tensor, Tensor]:
    """Noisy pictures, as 8-bit files hold them, and what a denoiser should make of them.

    Args:
        clean: (N, 3, H, W) in [0, 1], H and W even; three equal channels where grey, and so is
            then the noise.
        draws: of all that is random.
        still: which samples are graphics, whose pixels are neither softened nor toned.
        mixture: shares of the kinds.

    Returns:
        Two of the same shape.
    """
    kinds = mixture.kinds(draws, still)
    scene = clean if mixture.plain else _scene(clean, draws, kinds, still)
    grey = is_grey(scene)
    noisy, target = scene.clone(), scene.clone()

    rows = np.flatnonzero(kinds == WHITE)
    if len(rows):
        at = on_device(rows, clean.device)
        sigma = (
            mixture.sigma_max * draws.rows(rows).uniform("white", 1)[:, 0] ** mixture.sigma_power
        )
        noisy[at] = white_noise(scene[at], sigma, grey[at], draws.rows(rows))
    rows = np.flatnonzero(kinds == COLOURED)
    if len(rows):
        at = on_device(rows, clean.device)
        noisy[at] = scene[at] + coloured_noise(scene[at], draws.rows(rows), grey[at])
    rows = np.flatnonzero(kinds == CAMERA)
    if len(rows):
        at = on_device(rows, clean.device)
        noisy[at], target[at] = photographs(scene[at], draws.rows(rows), grey[at])
    if mixture.plain:
        return rounded(noisy), target
    return _processed(noisy, target, draws, kinds, still)


def white_noise(clean: Tensor, sigma: NDArray[np.float64], grey: Tensor, draws: Draws) -> Tensor:
    """Pictures with additive white Gaussian noise, sigma (N,) on the 0-255 scale, not rounded."""
    none = np.zeros_like(sigma)
    return noise(clean, sigma, none, none, grey, draws, "white")


def _scene(
    clean: Tensor, draws: Draws, kinds: NDArray[np.int64], still: NDArray[np.bool_]
) -> Tensor:
    """What is photographed: as it is, or softened as lenses and enlargements do, or darker."""
    u = draws.uniform("scene", 10)
    often = np.select([kinds == WHITE, kinds == STILL], [0.15, 0.5], 0.8)
    soft = (u[:, 0] < often) & ~still
    zoomed = soft & (u[:, 1] < 0.45)
    scene = _zoom(clean, np.where(zoomed, (u[:, 2] * len(ZOOMS)).astype(np.int64), -1))
    blurred = soft & (~zoomed | (u[:, 3] < 0.3))
    rows = np.flatnonzero(blurred)
    if len(rows):
        at = on_device(rows, clean.device)
        width = draws.on_device(0.3 + 1.5 * u[rows, 4] ** 1.3)
        scene = scene.index_copy(0, at, gaussian(scene[at], width))
    toned = (u[:, 5] < np.where(kinds == WHITE, 0.1, 0.35)) & ~still
    rows = np.flatnonzero(toned)
    if len(rows):
        at = on_device(rows, clean.device)
        power, top, bottom = (
            draws.on_device(v)[:, None, None, None]
            for v in (
                np.exp(0.7 * (2 * u[rows, 6] - 0.7)),
                1 - 0.6 * u[rows, 7] ** 2,
                0.25 * u[rows, 8] ** 2,
            )
        )
        part = scene[at].clamp_min(0) ** power
        scene = scene.index_copy(0, at, bottom + (top - bottom).clamp_min(0.2) * part)
    return scene.clamp(0, 1)


def _processed(
    noisy: Tensor,
    target: Tensor,
    draws: Draws,
    kinds: NDArray[np.int64],
    still: NDArray[np.bool_],
) -> tuple[Tensor, Tensor]:
    """What becomes of a noisy picture: enlarged, sharpened, compressed once or twice."""
    u = draws.uniform("processed", 14)
    plain = (kinds == WHITE) & (u[:, 0] < 0.8)  # as simulations and tests have it
    rough = ~plain & ~still
    first = rough & (u[:, 1] < 0.2)
    noisy = _compressed(noisy, first, u[:, 2:5], least=60)
    zoomed = rough & (u[:, 5] < np.where(kinds == STILL, 0.0, 0.1))
    zooms = np.where(zoomed, (u[:, 6] * len(ZOOMS)).astype(np.int64), -1)
    noisy, target = _zoom(noisy, zooms), _zoom(target, zooms)
    sharpened = rough & (kinds == COLOURED) & (u[:, 7] < 0.2)
    rows = np.flatnonzero(sharpened)
    if len(rows):
        at = on_device(rows, noisy.device)
        width = draws.on_device(0.5 + 0.8 * u[rows, 8])
        amount = draws.on_device(0.2 + 1.0 * u[rows, 9])[:, None, None, None]
        noisy, target = (
            p.index_copy(0, at, (p[at] + amount * (p[at] - gaussian(p[at], width))).clamp(0, 1))
            for p in (noisy, target)
        )
    often = np.select([kinds == STILL], [0.5], 0.85)
    last = (rough & (u[:, 10] < often)) | (still & (kinds == STILL) & (u[:, 10] < 0.2))
    return _compressed(rounded(noisy), last, u[:, 11:14], least=65), target


def _compressed(
    pictures: Tensor, which: NDArray[np.bool_], u: NDArray[np.float64], least: int
) -> Tensor:
    """Some of the pictures after JPEG of quality `least` to 98, 4:2:0 in three of four."""
    rows = np.flatnonzero(which)
    if not len(rows):
        return pictures
    at = on_device(rows, pictures.device)
    quality = (least + (99 - least) * u[rows, 0] ** 0.9).astype(np.int64)
    subsampling = np.select([u[rows, 1] < 0.6, u[rows, 1] < 0.7], [2, 1], 0)
    return pictures.index_copy(0, at, jpeg(pictures[at], quality, subsampling))


def _zoom(pictures: Tensor, zooms: NDArray[np.int64]) -> Tensor:
    """The middle of some of the pictures, enlarged to the whole: indices of `ZOOMS`, or -1."""
    side = pictures.shape[-1]
    result = pictures
    for kind in np.unique(zooms[zooms >= 0]):
        at = on_device(np.flatnonzero(zooms == kind), pictures.device)
        part = round(side / ZOOMS[kind])
        start = (side - part) // 2
        middle = pictures[at][..., start : start + part, start : start + part]
        large = F.interpolate(middle, size=pictures.shape[-2:], mode="bicubic", align_corners=False)
        result = result.index_copy(0, at, large.clamp(0, 1))
    return result
