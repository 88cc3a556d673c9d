"""Pictures as people hold them, before a denoiser: every kind of noise that files have.

In a random order of what may happen to a picture, after Zhang et al. (2022, "Practical Blind Image
Denoising via Swin-Conv-UNet and Data Synthesis"): a scene, sharp or soft, bright or dark; noise,
white, coloured or a camera's; then enlarging, sharpening and JPEG, once or twice. What happens to
the scene itself, and would to the mean of many shots, happens to the target as well; what is to be
removed is noise and what JPEG makes of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from aecli.training.degradations import blur
from aecli.training.degradations.camera import photographs
from aecli.training.degradations.chosen import change
from aecli.training.degradations.colour import power_
from aecli.training.degradations.grain import coloured_noise
from aecli.training.degradations.jpeg import jpeg_, subsample_
from aecli.training.degradations.noise import is_grey, noise
from aecli.training.degradations.resize import resize, to_levels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from aecli.training.degradations.chosen import Rows
    from aecli.training.degradations.draws import Draws

    Array = NDArray[np.float64]
    Chosen = NDArray[np.bool_]

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
    target = clean.clone() if mixture.plain else _scene(clean, draws, kinds, still)
    grey = is_grey(target)
    noisy = target.clone()

    def white(some: Tensor, rows: Rows, index: Tensor) -> Tensor:
        u = draws.rows(rows).uniform("white", 1)[:, 0]
        sigma = mixture.sigma_max * u**mixture.sigma_power
        return white_noise(some, sigma, grey[index], draws.rows(rows))

    def coloured(some: Tensor, rows: Rows, index: Tensor) -> Tensor:
        return some + coloured_noise(some, draws.rows(rows), grey[index])

    def photographed(some: Tensor, rows: Rows, index: Tensor) -> Tensor:
        shots, references = photographs(some, draws.rows(rows), grey[index])
        target.index_copy_(0, index, references)
        return shots

    change(noisy, kinds == WHITE, white)
    change(noisy, kinds == COLOURED, coloured)
    change(noisy, kinds == CAMERA, photographed)
    if not mixture.plain:
        _process(noisy, target, draws, kinds, still)
    return to_levels(noisy.mul_(255)).div_(255), target


def white_noise(clean: Tensor, sigma: NDArray[np.float64], grey: Tensor, draws: Draws) -> Tensor:
    """Pictures with additive white Gaussian noise, sigma (N,) on the 0-255 scale, not rounded."""
    none = np.zeros_like(sigma)
    return noise(clean, sigma, none, none, grey, draws, "white")


def _scene(clean: Tensor, draws: Draws, kinds: Rows, still: Chosen) -> Tensor:
    """What is photographed: as it is, or softened as lenses and enlargements do, or darker."""
    u = draws.uniform("scene", 10)
    often = np.select([kinds == WHITE, kinds == STILL], [0.15, 0.5], 0.8)
    soft = (u[:, 0] < often) & ~still
    zoomed = soft & (u[:, 1] < 0.45)
    blurred = soft & (~zoomed | (u[:, 3] < 0.3))
    toned = (u[:, 5] < np.where(kinds == WHITE, 0.1, 0.35)) & ~still
    width = 0.3 + 1.5 * u[:, 4] ** 1.3
    powers = np.exp(0.7 * (2 * u[:, 6] - 0.7))
    bottoms = 0.25 * u[:, 8] ** 2
    spans = (1 - 0.6 * u[:, 7] ** 2 - bottoms).clip(0.2)

    def tone(some: Tensor, rows: Rows, _: Tensor) -> Tensor:
        columns = draws.on_device(np.stack([powers, spans, bottoms], 1)[rows])
        power, span, bottom = columns.view(-1, 3, 1, 1, 1).unbind(1)
        return power_(some.clamp_min_(0), power).mul_(span).add_(bottom)

    scene = clean.clone()
    _zoom([scene], zoomed, u[:, 2])
    blur.blur_(scene, blur.gaussian(width[blurred]), np.flatnonzero(blurred))
    change(scene, toned, tone)
    return scene.clamp_(0, 1)


def _process(noisy: Tensor, target: Tensor, draws: Draws, kinds: Rows, still: Chosen) -> None:
    """What becomes of noisy pictures, in place: enlarged, sharpened, compressed once or twice."""
    u = draws.uniform("processed", 14)
    plain = (kinds == WHITE) & (u[:, 0] < 0.8)  # as simulations and tests have it
    rough = ~plain & ~still
    first = rough & (u[:, 1] < 0.2)
    zoomed = rough & (u[:, 5] < np.where(kinds == STILL, 0.0, 0.1))
    sharpened = rough & (kinds == COLOURED) & (u[:, 7] < 0.2)
    often = np.select([kinds == STILL], [0.5], 0.85)
    last = (rough & (u[:, 10] < often)) | (still & (kinds == STILL) & (u[:, 10] < 0.2))
    sharpening = blur.unsharp(0.5 + 0.8 * u[sharpened, 8], 0.2 + 1.0 * u[sharpened, 9])
    _compress(noisy, target, first, u[:, 2:5], least=60)
    _zoom([noisy, target], zoomed, u[:, 6])
    for pictures in (noisy, target):
        blur.blur_(pictures, sharpening, np.flatnonzero(sharpened))
        pictures.clamp_(0, 1)
    _compress(noisy, target, last, u[:, 11:14], least=65)


def _compress(noisy: Tensor, target: Tensor, chosen: Chosen, u: Array, least: int) -> None:
    """JPEG of some of the pictures, in place, of quality `least` to 98, 4:2:0 in three of four.

    Their targets lose the resolution of the colours, too: the mean of many shots has no more.
    """
    quality = (least + (99 - least) * u[:, 0] ** 0.9).astype(np.int64)
    subsampling = np.select([u[:, 1] < 0.6, u[:, 1] < 0.7], [2, 1], 0)
    jpeg_(noisy, chosen, quality, subsampling)
    subsample_(target, chosen, subsampling)


def _zoom(batches: Sequence[Tensor], chosen: Chosen, u: Array) -> None:
    """The middle of some of the pictures enlarged to the whole, in place, by one of `ZOOMS`."""
    kinds = (u * len(ZOOMS)).astype(np.int64)
    for kind, factor in enumerate(ZOOMS):
        for pictures in batches:
            change(pictures, chosen & (kinds == kind), partial(_enlarged, factor=factor))


def _enlarged(pictures: Tensor, *_: object, factor: float) -> Tensor:
    height, width = pictures.shape[-2:]
    tall, wide = round(height / factor), round(width / factor)
    top, left = (height - tall) // 2, (width - wide) // 2
    middle = pictures[..., top : top + tall, left : left + wide]
    return resize(middle, height, width).clamp_(0, 1)
