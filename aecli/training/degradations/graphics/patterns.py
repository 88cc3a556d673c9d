"""Regular patterns at the scale of pixels, and gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from aecli.training.degradations.graphics import parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]


def scanlines(rng: np.random.Generator, photos: Sequence[Picture]) -> Picture:
    """A photograph whose rows are darkened in turn, or whose pixels show one colour each."""
    shape = parts.size(rng)
    picture = parts.surface(rng, photos, shape).astype(np.float32)
    period, share = int(rng.integers(2, 5)), rng.uniform(0, 0.9)
    if rng.random() < 0.75:
        dark = np.arange(shape[0]) % period >= rng.integers(1, period)
        picture[dark] *= np.float32(share)
    else:
        column = np.arange(shape[1])[:, None] % 3
        picture *= np.where(column == np.arange(3), 1, share).astype(np.float32)
    return np.rint(picture).astype(np.uint8)


def regular(rng: np.random.Generator, _photos: Sequence[Picture]) -> Picture:
    """Stripes, checkers or a grid of a few pixels, in two colours."""
    return _regular(rng, parts.size(rng))


def quilt(rng: np.random.Generator, photos: Sequence[Picture]) -> Picture:
    """Patches of patterns beside one another, on a photograph, a gradient or a plain colour."""
    shape = parts.size(rng)
    ground = parts.surface(rng, photos, shape) if rng.random() < 0.5 else _plain(rng, shape)
    picture = ground.copy()
    for _ in range(int(rng.integers(3, 12))):
        height, width = (int(rng.integers(16, side // 2)) for side in shape)
        top, left = int(rng.integers(shape[0] - height)), int(rng.integers(shape[1] - width))
        draw = (_regular, _regular, _gratings, _plain)[rng.integers(4)]
        picture[top : top + height, left : left + width] = draw(rng, (height, width))
    return picture


def gratings(rng: np.random.Generator, _photos: Sequence[Picture]) -> Picture:
    """Waves of any direction, or two of them, whose moire is coarser than they are."""
    return _gratings(rng, parts.size(rng))


def zones(rng: np.random.Generator, _photos: Sequence[Picture]) -> Picture:
    """A zone plate: rings that get finer outwards, down to pixels and beyond."""
    shape = parts.size(rng)
    y, x = parts.grid(shape)
    y, x = y - shape[0] * rng.random(), x - shape[1] * rng.random()
    finest = np.pi * rng.uniform(0.3, 1.2)
    wave = np.cos((y * y + x * x) * (finest / (2 * max(shape))))
    return parts.paint(_hard(rng, wave), *parts.pair(rng))


def gradient(rng: np.random.Generator, _photos: Sequence[Picture]) -> Picture:
    """A gradient in 8 bits, or in fewer, whose bands show."""
    picture = parts.ramp(rng, parts.size(rng))
    if rng.random() < 0.5:
        step = int(rng.integers(2, 33))
        picture = (picture // step * step).astype(np.uint8)
    return picture


def _regular(rng: np.random.Generator, shape: tuple[int, int]) -> Picture:
    y, x = (np.arange(side) + int(rng.integers(16)) for side in shape)
    y, x = y[:, None], x[None]
    width = int(rng.integers(1, 5))
    gap = width if rng.random() < 0.6 else int(rng.integers(1, 9))
    kind = rng.integers(6)
    if kind == 0:
        mask: Any = (x + 0 * y) % (width + gap) < width
    elif kind == 1:
        mask = (y + 0 * x) % (width + gap) < width
    elif kind == 2:
        mask = (x + y * rng.choice([-1, 1])) % (width + gap) < width
    elif kind == 3:
        mask = (x // width + y // width) % 2 == 0
    elif kind == 4:
        period = int(rng.integers(3, 33))
        mask = (x % period < min(width, 2)) | (y % period < min(width, 2))
    else:
        period = int(rng.integers(2, 9))
        mask = (x % period < min(width, period - 1)) & (y % period < min(width, period - 1))
    return parts.paint(mask, *parts.pair(rng))


def _gratings(rng: np.random.Generator, shape: tuple[int, int]) -> Picture:
    y, x = parts.grid(shape)
    period, angle = rng.uniform(2, 9), rng.uniform(0, np.pi)
    wave: Any = 1.0
    for k in range(int(rng.integers(1, 3))):
        turned = angle + k * rng.uniform(0.02, 0.3)
        wave = wave * np.cos((x * np.cos(turned) + y * np.sin(turned)) * (2 * np.pi / period))
    return parts.paint(_hard(rng, wave), *parts.pair(rng))


def _plain(rng: np.random.Generator, shape: tuple[int, int]) -> Picture:
    return np.full((*shape, 3), parts.colour(rng), np.uint8)


def _hard(rng: np.random.Generator, wave: Any) -> Any:
    """A wave from -1 to 1 as it is, or as an edge: 0 to 1."""
    return wave > 0 if rng.random() < 0.4 else 0.5 + 0.5 * wave
