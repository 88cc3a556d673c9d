"""Data consistency: a large picture that, shrunk again, is the small one it was made from.

Iterative back-projection (Irani & Peleg 1991): the large picture is shrunk, and what the small one
has more than that is enlarged and added. Here the enlarging is the pseudo-inverse of the shrinking:
it changes the picture least and would agree at once, were it not for black, white and rounding.

The small picture's samples were rounded: the large one, shrunk, need not meet them, but only come
so near that it rounds to them, a convex set to project on as JPEG's intervals are (Zakhor 1992).
Meeting them would put the noise of their rounding into the large picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aecli.images.resample import band

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aecli.images.image import Pixels

Floats = NDArray[np.float32]

ROUNDS = 5
"""Passes over the picture; after the first only what black and white hold back is left to do."""

_PUSH = 1.3
"""How much more than is lacking is added from the second pass on: that gets there sooner."""

_LEEWAY = 0.15
"""Levels by which the large picture, shrunk, may differ before anything is done: less than half, as
the large one is rounded, too. On clean photographs at 37 dB that is worth 0.03 dB at x2."""

_BLOCK = 32
"""Lines of the small picture that are worked on at once."""

_MARGIN = 12
"""Lines around a block that its pseudo-inverse takes into account, more than matter."""

REACH = ROUNDS * (_MARGIN + 4)
"""How many small pixels away a change can have its cause."""

_LEAST_FREE = 0.25
"""Where fewer pixels can still change, they are not pushed any harder."""


@dataclass(frozen=True)
class _Block:
    """Neighbouring lines of the small picture and those of the large one in their place.

    Attributes:
        small: lines of the small picture.
        large: lines of the large one; blocks cover both without gap or overlap.
        seen: the large lines that `small` is shrunk from.
        down: the weights of that, small x seen.
        felt: the small lines whose differences change `large`.
        up: the weights of that, large x felt.
    """

    small: slice
    large: slice
    seen: slice
    down: Floats
    felt: slice
    up: Floats


_HALF = np.full((2, 2), 0.5, np.float32)
"""Added before rounding down: rounds to the nearest."""

_DITHER = np.array([[0.3125, 0.5625], [0.6875, 0.4375]], np.float32)
"""The same on average over four neighbours: what a flat area still lacks, less than half a level,
some of them take over. In the last pass, as it costs a little noise (0.01 dB at 40)."""


def project(large: Pixels, small: Pixels, *, rounds: int = ROUNDS) -> Pixels:
    """Change a large picture, as little as possible, into one that shrinks to the small one.

    Shrinking is antialiased bicubic (`aecli.images.resample`), and near enough is what rounds to
    the small one, but for single levels that the large one's own rounding leaves. Where the small
    picture has contrasts that nothing between black and white shrinks to, the result comes near.
    Beside the pictures there are only some lines of floats.

    Args:
        large: HxW or HxWx3 integers; changed in place.
        small: hxw or hxwx3 of the same type, h <= H and w <= W.
        rounds: passes over the picture.

    Returns:
        `large`.
    """
    rows, columns = (_blocks(large.shape[axis], small.shape[axis]) for axis in (0, 1))
    for number in range(rounds):
        push = _PUSH if number else 1.0
        offsets = _DITHER if number == rounds - 1 else _HALF
        window: list[tuple[_Block, Floats]] = []
        for block in rows:
            window.append((block, push * _lacking(large, small, block, columns)))
            if len(window) > 1:  # the block before is looked at no more: it can change
                _add(large, window[-2][0], columns, window, offsets)
                del window[:-2]
        _add(large, rows[-1], columns, window, offsets)
    return large


def error(large: Pixels, small: Pixels) -> float:
    """How far a large picture, shrunk, is from a small one: mean difference, of 255 levels.

    Args:
        large: HxW or HxWx3 integers.
        small: hxw or hxwx3 of the same type, h <= H and w <= W.
    """
    peak = int(np.iinfo(large.dtype).max)
    rows, columns = (_blocks(large.shape[axis], small.shape[axis]) for axis in (0, 1))
    total = 0.0
    for block in rows:
        shrunk = _shrunk(_planes(large[block.seen]), block, columns).clip(0, peak)
        total += float(np.abs(_planes(small[block.small]) - shrunk).sum(dtype=np.float64))
    return total / small.size * (255 / peak)


def _blocks(large: int, small: int) -> list[_Block]:
    """The blocks of a line of `small` samples, and of `large` in the large picture."""
    blocks = []
    for start in range(0, small, _BLOCK):
        stop = min(start + _BLOCK, small)
        first, last = max(start - _MARGIN, 0), min(stop + _MARGIN, small)
        around, shrink = band(large, small, first, last)
        down = shrink.astype(np.float64)
        inverse = np.linalg.solve(down @ down.T, down).T
        here = slice(start * large // small, stop * large // small)
        blocks.append(
            _Block(
                slice(start, stop),
                here,
                *band(large, small, start, stop),
                slice(first, last),
                inverse[here.start - around.start : here.stop - around.start].astype(np.float32),
            )
        )
    return blocks


def _lacking(large: Pixels, small: Pixels, block: _Block, columns: Sequence[_Block]) -> Floats:
    """What must be added to a block of rows as seen in the small picture, (C, h, w).

    That is what the small picture has more than the large one shrunk, beyond the leeway; and all
    the more of it as less of the pixels concerned can follow, black or white as they are already.
    """
    peak = int(np.iinfo(large.dtype).max)
    seen = _planes(large[block.seen])
    lacking: Floats = _planes(small[block.small]) - _shrunk(seen, block, columns).clip(0, peak)
    lacking -= lacking.clip(-_LEEWAY, _LEEWAY)
    white, black = seen == peak, seen == 0
    if white.any() or black.any():
        stuck = _shrunk(white.astype(np.float32) - black, block, columns) * np.sign(lacking)
        lacking /= (1 - stuck).clip(_LEAST_FREE, 1)
    return lacking


def _shrunk(seen: Floats, block: _Block, columns: Sequence[_Block]) -> Floats:
    """The lines that a block is shrunk from, (C, H, W) -> the block, (C, h, w)."""
    narrow = block.down @ seen
    out = np.empty((*narrow.shape[:2], columns[-1].small.stop), np.float32)
    for column in columns:
        out[..., column.small] = narrow[..., column.seen] @ column.down.T
    return out


def _add(
    large: Pixels,
    block: _Block,
    columns: Sequence[_Block],
    window: Sequence[tuple[_Block, Floats]],
    offsets: Floats,
) -> None:
    """Enlarge what a block of rows lacks and add it, given that of the blocks around.

    Sums are rounded down after one of four offsets, by place, is added.
    """
    top = window[0][0].small.start
    lacking = np.concatenate([part for _, part in window], axis=1)
    lacking = lacking[:, block.felt.start - top : block.felt.stop - top]
    high = block.up @ lacking
    values = _planes(large[block.large])
    for column in columns:
        values[..., column.large] += high[..., column.felt] @ column.up.T
    for down, across in np.ndindex(2, 2):
        values[:, (block.large.start + down) % 2 :: 2, across::2] += offsets[down, across]
    np.clip(values, 0, np.iinfo(large.dtype).max, out=values)  # the cast below cuts down
    large[block.large] = np.moveaxis(values, 0, -1).reshape(large[block.large].shape)


def _planes(pixels: Pixels) -> Floats:
    """HxW or HxWxC integers -> (C, H, W) floats."""
    samples: Any = pixels[..., None] if pixels.ndim == 2 else pixels
    return np.ascontiguousarray(np.moveaxis(samples, -1, 0), np.float32)
