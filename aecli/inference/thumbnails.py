"""Pictures read again from their files, small and square, to be shown beside their vectors."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from aecli.datasets.collecting import find
from aecli.errors import AecliError
from aecli.files.inputs import STDIN
from aecli.inference.embed import small

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

_ABSENT = 224
"""The grey of what cannot be read any more."""


def read(
    paths: Iterable[str], size: int, channels: int = 3, *, workers: int = 2
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """The pictures at paths, as `aecli.images.square.square` gives them.

    Args:
        paths: of files, or FILE::PLACE.
        size: side of the results in pixels.
        channels: 1 for grey, 3 for RGB.
        workers: threads that read.

    Returns:
        (N, size, size), or (N, size, size, 3) in colour, plain grey where a file is gone; and which
        of them were read, (N,).
    """
    gone = np.full((size, size, 3) if channels == 3 else (size, size), _ABSENT, np.uint8)

    def picture(path: str) -> tuple[NDArray[np.uint8], bool]:
        if path == STDIN:
            return gone, False
        try:
            return small(find(path), size, channels), True
        except AecliError:
            return gone, False

    with ThreadPoolExecutor(workers, thread_name_prefix="aecli-files") as pool:
        tiles, there = zip(*pool.map(picture, map(str, paths)), strict=True)
    return np.stack(tiles), np.array(there)
