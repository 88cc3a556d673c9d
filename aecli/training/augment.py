"""Edited copies of a picture, such as people make and send on: what search has to see through."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as Pillow
from PIL import ImageFilter

from aecli.errors import UsageError
from aecli.images.levels import LUMA, from_unit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Augmentation:
    """How far copies may differ from their original; each copy draws its own of all this.

    Attributes:
        crop: the least share of the side that a crop keeps, 0 to 1.
        border: the widest plain border put around, as a share of the side.
        turn: the largest angle of a turn, and of a slant, degrees; above 0 copies may be stretched
            by a few percent, too.
        mirror: whether copies may be mirrored left to right.
        colour: strength of changes of brightness, contrast, gamma and saturation, 0 to 1.
        damage: strength of noise, blur and JPEG compression, 0 to 1.
    """

    crop: float = 0.6
    border: float = 0.2
    turn: float = 12.0
    mirror: bool = True
    colour: float = 1.0
    damage: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.crop <= 1:
            raise UsageError("objective.crop must lie above 0, and not above 1")
        if not (0 <= self.border < 1 and 0 <= self.turn < 90):
            raise UsageError("objective.border must lie between 0 and 1, turn between 0 and 90")
        if not (0 <= self.colour <= 1 and 0 <= self.damage <= 1):
            raise UsageError("objective.colour and damage must lie between 0 and 1")


@dataclass(frozen=True)
class Window:
    """A square part of a picture: its corner and its side, pixels."""

    left: float
    top: float
    side: float


def windows(width: int, height: int, least: float, rng: np.random.Generator) -> Window:
    """A random square of a picture, its side at least the share `least` of the shorter side."""
    side = min(width, height) * rng.uniform(least, 1)
    return Window(rng.uniform(0, width - side), rng.uniform(0, height - side), side)


def central(width: int, height: int) -> Window:
    """The largest square in the middle of a picture."""
    side = min(width, height)
    return Window((width - side) / 2, (height - side) / 2, side)


def plain(picture: Pillow.Image, window: Window, size: int) -> Picture:
    """The window, `size` pixels wide, antialiased."""
    left, top = window.left, window.top
    box = (left, top, left + window.side, top + window.side)
    return np.array(picture.resize((size, size), Pillow.Resampling.BICUBIC, box=box))


def augmented(
    picture: Pillow.Image,
    window: Window,
    size: int,
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> Picture:
    """An edited copy of the window, `size` pixels wide.

    Args:
        picture: grey (`L`) or `RGB`; a crop may show a little of what lies around the window.
        window: the original.
        size: side of the result, pixels.
        augmentation: what may be done to it.
        rng: chooses what is.

    Returns:
        size x size, or size x size x 3.
    """
    fine = _moved(picture, window, 2 * size, augmentation, rng)
    if rng.random() < 0.3 * augmentation.damage:
        fine = fine.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 2)))
    if rng.random() < 0.3 * augmentation.damage:
        file = io.BytesIO()
        fine.save(file, "JPEG", quality=int(rng.integers(8, 60)))
        fine = Pillow.open(file)
    pixels = np.divide(np.asarray(fine.reduce(2)), 255, dtype=np.float32)
    pixels = _recoloured(pixels, augmentation.colour, rng)
    if rng.random() < 0.3 * augmentation.damage:
        pixels += np.float32(rng.uniform(0, 0.1)) * rng.standard_normal(pixels.shape, np.float32)
    return from_unit(pixels)


def _moved(
    picture: Pillow.Image,
    window: Window,
    size: int,
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> Pillow.Image:
    """The window cropped or framed, turned, slanted and mirrored, `size` pixels wide."""
    x, y = window.left + window.side / 2, window.top + window.side / 2
    fill = _fill(picture, plain_edge=augmentation.border == 0, rng=rng)
    if augmentation.border and rng.random() < 0.25:
        left, top, right, bottom = (
            round(v) for v in (window.left, window.top, x + window.side / 2, y + window.side / 2)
        )
        picture = picture.crop((left, top, right, bottom))
        x, y = x - left, y - top
        zoom = 1 + 2 * rng.uniform(0, augmentation.border)
    else:
        zoom = rng.uniform(augmentation.crop, 1) if rng.random() < 0.7 else 1.0
        slack = ((1 - zoom) / 2 + 0.1 * (1 - zoom)) * window.side
        x, y = x + rng.uniform(-slack, slack), y + rng.uniform(-slack, slack)
    turn, slant = (
        math.radians(rng.uniform(-augmentation.turn, augmentation.turn)) * (rng.random() < share)
        for share in (0.5, 0.25)
    )
    mirror = -1 if augmentation.mirror and rng.random() < 0.3 else 1
    stretch = (
        math.exp(rng.uniform(-0.08, 0.08)) if augmentation.turn and rng.random() < 0.3 else 1.0
    )
    cos, sin = math.cos(turn), math.sin(turn)
    matrix = np.array([[cos, -sin], [sin, cos]]) @ np.array([[1, math.tan(slant)], [0, 1]])
    matrix = matrix @ np.diag([mirror * stretch, 1 / stretch]) * (window.side * zoom / size)
    (a, b), (d, e) = matrix
    c, f = np.array([x, y]) - matrix @ [size / 2, size / 2]
    return picture.transform(
        (size, size),
        Pillow.Transform.AFFINE,
        (a, b, c, d, e, f),
        Pillow.Resampling.BICUBIC,
        fillcolor=fill,
    )


def _fill(
    picture: Pillow.Image, *, plain_edge: bool, rng: np.random.Generator
) -> int | tuple[int, ...]:
    """What lies outside a picture: the colour of its corner, or black, white or any grey."""
    if plain_edge or rng.random() < 0.25:
        corner = picture.getpixel((0, 0))
        assert corner is not None
        return corner if isinstance(corner, tuple) else int(corner)
    level = (0, 255, int(rng.integers(256)))[rng.integers(3)]
    return level if picture.mode == "L" else (level,) * 3


def _recoloured(
    pixels: NDArray[np.float32], strength: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Brighter or darker, more or less contrast, another gamma, more or less colour, or grey."""
    if not strength or rng.random() < 0.3:
        return pixels
    gamma, gain, contrast = np.exp(strength * rng.normal(0, [0.2, 0.25, 0.2]))
    pixels = np.power(pixels.clip(0, 1), np.float32(gamma)) * np.float32(gain)
    mean = pixels.mean()
    pixels = (mean + (pixels - mean) * np.float32(contrast)).astype(np.float32)
    if pixels.ndim == 3:
        grey = (pixels @ LUMA)[..., None]
        colour = 0.0 if rng.random() < 0.25 * strength else 1 + strength * rng.uniform(-0.6, 0.6)
        pixels = (grey + (pixels - grey) * np.float32(colour)).astype(np.float32)
    return pixels
