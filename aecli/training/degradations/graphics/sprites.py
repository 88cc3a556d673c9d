"""Pixel art: little figures of few colours, every pixel a square."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from aecli.training.degradations.graphics import parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]


def scene(rng: np.random.Generator, _photos: Sequence[Picture]) -> Picture:
    """Tiles for a ground, and sprites on them, enlarged one to six times."""
    shape = parts.size(rng)
    factor = int(rng.integers(1, 7))
    height, width = (-(-side // factor) for side in shape)
    palette = np.array([parts.colour(rng) for _ in range(int(rng.integers(4, 17)))], np.uint8)
    side = int(rng.choice([8, 16]))
    tiles = rng.integers(0, len(palette), (4, side, side))
    tiles[: int(rng.integers(1, 5))] = rng.integers(0, len(palette))  # plain ones
    rows, columns = -(-height // side), -(-width // side)
    chosen = tiles[rng.integers(0, 4, (rows, columns)) * (rng.random((rows, columns)) < 0.3)]
    index = chosen.transpose(0, 2, 1, 3).reshape(rows * side, columns * side)
    for _ in range(int(rng.integers(4, 4 + min(60, rows * columns)))):
        sprite = _sprite(rng, len(palette))
        h, w = sprite.shape
        top, left = int(rng.integers(index.shape[0])), int(rng.integers(index.shape[1]))
        place = index[top : top + h, left : left + w]
        sprite = sprite[: place.shape[0], : place.shape[1]]
        place[sprite >= 0] = sprite[sprite >= 0]
    return parts.enlarge(palette[index[:height, :width]], factor, shape)


def _sprite(rng: np.random.Generator, colours: int) -> Any:
    """A figure with a mirror axis and an outline: colours, -1 where the ground is seen."""
    height, half = int(rng.integers(6, 17)), int(rng.integers(3, 9))
    solid = rng.random((height, half)) < 0.55
    inside = np.pad(solid, 1)
    sprite = np.where(inside, rng.integers(0, colours, inside.shape) // 2 * 2 % colours, -1)
    edge = np.zeros_like(inside)
    for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
        edge |= np.roll(inside, step, axis)
    sprite[edge & ~inside] = rng.integers(0, colours)
    sprite = sprite[:, :-1]  # the axis lies there
    return np.concatenate([sprite, sprite[:, ::-1]], axis=1)
