"""Photographs and gradients in few colours, mixed by dithering."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as Pillow
from PIL import ImageFilter

from aecli.training.degradations.graphics import parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]


def ordered(rng: np.random.Generator, photos: Sequence[Picture]) -> Picture:
    """By Bayer's matrix of 2, 4 or 8 pixels."""
    return parts.coarse(rng, lambda shape: _by(bayer(int(rng.integers(1, 4))), rng, photos, shape))


def scattered(rng: np.random.Generator, photos: Sequence[Picture]) -> Picture:
    """By thresholds at random: white, or spread evenly, as blue noise is."""
    thresholds = rng.random((128, 128))
    if rng.random() < 0.6:
        around = Pillow.fromarray((255 * np.tile(thresholds, (3, 3))).astype(np.uint8))
        low = np.asarray(around.filter(ImageFilter.GaussianBlur(1.2)))[128:256, 128:256]
        fine = thresholds - low / 255
        thresholds = (fine.ravel().argsort().argsort() / fine.size).reshape(fine.shape)
    return parts.coarse(rng, lambda shape: _by(thresholds, rng, photos, shape))


def diffused(rng: np.random.Generator, photos: Sequence[Picture]) -> Picture:
    """By diffusion of the error (Floyd and Steinberg 1976), to two colours or to a palette."""

    def draw(shape: tuple[int, int]) -> Picture:
        picture = Pillow.fromarray(parts.surface(rng, photos, shape))
        if rng.random() < 0.5:
            return parts.paint(np.asarray(picture.convert("1")), *_inks(rng))
        palette = picture.quantize(int(rng.integers(2, 17)))
        few = picture.quantize(palette=palette, dither=Pillow.Dither.FLOYDSTEINBERG)
        return np.asarray(few.convert("RGB"))

    return parts.coarse(rng, draw)


def bayer(order: int) -> Any:
    """The matrix of 2 ** order rows: thresholds in (0, 1)."""
    matrix = np.zeros((1, 1))
    for _ in range(order):
        matrix = np.block([[4 * matrix, 4 * matrix + 2], [4 * matrix + 3, 4 * matrix + 1]])
    return (matrix + 0.5) / matrix.size


def _by(
    thresholds: Any, rng: np.random.Generator, photos: Sequence[Picture], shape: tuple[int, int]
) -> Picture:
    """A photograph to two colours, or to a few levels a channel, by thresholds that repeat."""
    picture = parts.surface(rng, photos, shape)
    tiles = [-(-side // step) for side, step in zip(shape, thresholds.shape, strict=True)]
    tiled = np.tile(thresholds, tiles)[: shape[0], : shape[1]]
    if rng.random() < 0.5:
        grey = np.asarray(Pillow.fromarray(picture).convert("L")) / 255
        return parts.paint(grey > tiled, *_inks(rng))
    steps = int(rng.integers(1, 5))
    levels = np.minimum(np.floor(picture / 255 * steps + tiled[..., None]), steps)
    few: Picture = np.rint(levels * (255 / steps)).astype(np.uint8)
    return few


def _inks(rng: np.random.Generator) -> tuple[parts.Colour, parts.Colour]:
    """Black and white in most cases."""
    return ((0, 0, 0), (255, 255, 255)) if rng.random() < 0.6 else parts.pair(rng)
