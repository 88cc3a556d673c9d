"""The nearest neighbours of every row of an array among the others, by Euclidean distance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterator

Floats = NDArray[np.float32]

_BLOCK = 512


def neighbours(values: Floats, k: int) -> tuple[NDArray[np.int64], Floats]:
    """The k nearest other rows of each row, in no order.

    Args:
        values: (N, D).
        k: at most N - 1.

    Returns:
        Their numbers, (N, k), and the squares of their distances, (N, k).
    """
    parts = [
        (near, np.take_along_axis(squares, near, axis=1))
        for squares in _blocks(values)
        for near in [np.argpartition(squares, k - 1, axis=1)[:, :k]]
    ]
    rows, squares = (np.concatenate(part) for part in zip(*parts, strict=True))
    return rows, np.maximum(squares, 0)


def _blocks(values: Floats) -> Iterator[Floats]:
    """The squared distances of rows to all, (at most `_BLOCK`, N); of each to itself infinite."""
    lengths = np.square(values).sum(axis=1)
    for start in range(0, len(values), _BLOCK):
        part = slice(start, start + _BLOCK)
        squares = lengths[part, None] + lengths - 2 * values[part] @ values.T
        rows = np.arange(len(squares))
        squares[rows, start + rows] = np.inf
        yield squares
