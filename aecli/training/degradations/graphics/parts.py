"""What several kinds of graphics are made of: sizes, colours, photographs, smooth surfaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as Pillow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]
    Colour = tuple[int, int, int]

SMALLEST, LARGEST = 256, 512


def size(rng: np.random.Generator) -> tuple[int, int]:
    """Height and width by chance."""
    height, width = rng.integers(SMALLEST, LARGEST + 1, 2)
    return int(height), int(width)


def colour(rng: np.random.Generator) -> Colour:
    """Black, white, a primary, a grey or any other."""
    kind = rng.random()
    if kind < 0.15:
        return (0, 0, 0)
    if kind < 0.3:
        return (255, 255, 255)
    if kind < 0.4:
        level = int(rng.integers(256))
        return (level, level, level)
    if kind < 0.5:
        r, g, b = rng.choice([0, 255], 3)
    else:
        r, g, b = rng.integers(0, 256, 3)
    return (int(r), int(g), int(b))


def pair(rng: np.random.Generator) -> tuple[Colour, Colour]:
    """Two colours: often black and white, sometimes hardly different, else any."""
    kind = rng.random()
    if kind < 0.3:
        first, second = (0, 0, 0), (255, 255, 255)
    elif kind < 0.6:
        first = colour(rng)
        shift = rng.integers(4, 40) * rng.choice([-1, 1])
        r, g, b = np.clip(np.add(first, shift), 0, 255)
        second = (int(r), int(g), int(b))
    else:
        first, second = colour(rng), colour(rng)
    return (first, second) if rng.random() < 0.5 else (second, first)


def contrasting(rng: np.random.Generator) -> tuple[Colour, Colour]:
    """Two colours that can be told apart: paper and ink, dark ink twice as often as light."""
    paper, ink = (255, 255, 255), (0, 0, 0)
    if rng.random() < 0.6:
        light, dark = rng.integers(190, 256, 3), rng.integers(0, 110, 3)
        paper, ink = _triple(light), _triple(dark)
    return (paper, ink) if rng.random() < 0.67 else (ink, paper)


def _triple(values: Any) -> Colour:
    r, g, b = values
    return (int(r), int(g), int(b))


def paint(mask: Any, first: Colour, second: Colour) -> Picture:
    """HxW from 0, the first colour, to 1, the second -> HxWx3."""
    a, b = np.array(first, np.float32), np.array(second, np.float32)
    painted: Picture = np.rint(a + np.asarray(mask, np.float32)[..., None] * (b - a)).astype(
        np.uint8
    )
    return painted


def surface(rng: np.random.Generator, photos: Sequence[Picture], shape: tuple[int, int]) -> Picture:
    """A photograph, cropped and often shrunk, or a gradient: HxWx3."""
    if not len(photos) or rng.random() < 0.2:
        return ramp(rng, shape)
    photo = Pillow.fromarray(photos[int(rng.integers(len(photos)))]).convert("RGB")
    height, width = shape
    most = min(photo.width / width, photo.height / height)
    zoom = rng.uniform(min(most, 1), min(most, 3))
    w, h = int(width * zoom), int(height * zoom)
    left, top = rng.integers(photo.width - w + 1), rng.integers(photo.height - h + 1)
    box = (int(left), int(top), int(left) + w, int(top) + h)
    return np.asarray(photo.resize((width, height), Pillow.Resampling.BICUBIC, box))


def ramp(rng: np.random.Generator, shape: tuple[int, int]) -> Picture:
    """A smooth passage between two colours, straight or round: HxWx3."""
    y, x = grid(shape)
    if rng.random() < 0.6:
        angle = rng.uniform(0, 2 * np.pi)
        t = x * np.cos(angle) + y * np.sin(angle)
    else:
        t = np.hypot(y - shape[0] * rng.random(), x - shape[1] * rng.random())
    t -= t.min()
    return paint(t / t.max(), *pair(rng))


def grid(shape: tuple[int, int]) -> tuple[Any, Any]:
    """Row and column of every pixel, float32, (H, 1) and (1, W)."""
    height, width = shape
    return np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)[None]


def enlarge(picture: Picture, factor: int, shape: tuple[int, int]) -> Picture:
    """Every pixel a square of `factor` pixels, cut to H x W."""
    large = picture.repeat(factor, 0).repeat(factor, 1)
    return large[: shape[0], : shape[1]]


def coarse(rng: np.random.Generator, draw: Callable[[tuple[int, int]], Picture]) -> Picture:
    """What `draw` makes of a height and a width, as it is or, now and then, of larger pixels."""
    shape = size(rng)
    factor = int(rng.choice([1, 1, 1, 1, 2, 3]))
    small = draw((-(-shape[0] // factor), -(-shape[1] // factor)))
    return enlarge(small, factor, shape)
