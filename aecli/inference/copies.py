"""Copies of one picture: who they are, which of them is the original, and which are mirrored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from aecli.errors import InputError
from aecli.files.paths import identity, links
from aecli.images import metadata, reading
from aecli.inference import search, thumbnails

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from aecli.inference.vectors import Vectors

_ORIGINALS = ("RAW", "HEIC")
"""What cameras alone write."""

_CAMERA_FORMATS = ("JPEG", "TIFF")
"""What cameras and scanners write, too; pictures of theirs in other formats were converted."""

SIDE = 32
"""Side of the grey squares by which orientations are told apart, pixels."""

_SURELY = 0.5
"""A mirrored copy differs from the picture, mirrored back, by no more than this times as much."""

_VISIBLE = 2.0
"""Mean difference, of 255 levels, below which a picture is its own mirror image."""


@dataclass(frozen=True)
class Group:
    """Near-duplicates.

    Attributes:
        paths: of the files, the best copy first.
        mirrored: those among them that are mirror images of the best copy.
    """

    paths: list[str]
    mirrored: list[str]


def groups(vectors: Vectors, threshold: float, *, workers: int = 2) -> list[Group]:
    """Groups of near-duplicates among pictures, each file once.

    Args:
        vectors: of the pictures.
        threshold: the cosine from which two are near-duplicates.
        workers: threads that read the files again, to see which are mirrored.
    """
    files = one_a_file([str(path) for path in vectors.paths])
    paths = [str(vectors.paths[row]) for row in files]

    def ordered(rows: list[int]) -> list[int]:
        ranks = {path: place for place, path in enumerate(best_first([paths[r] for r in rows]))}
        return sorted(rows, key=lambda row: ranks[paths[row]])

    found = search.duplicates(vectors.values[files], threshold, ordered)
    return [_group([paths[row] for row in rows], workers) for rows in found]


def _group(paths: list[str], workers: int) -> Group:
    pictures, there = thumbnails.read(paths, SIDE, 1, workers=workers)
    flipped = mirrored(pictures) & there
    return Group(paths, [path for path, so in zip(paths, flipped, strict=True) if so])


def best_first(paths: Iterable[str]) -> list[str]:
    """Copies of one picture, the best first.

    Most pixels; of as many, a camera's own file (it says so in EXIF, and is no PNG); then the
    largest file. What cannot be looked at comes last.
    """

    def quality(path: str) -> tuple[int, bool, int]:
        try:
            header = reading.probe(Path(path))
            camera = header.format in _ORIGINALS or (
                header.format in _CAMERA_FORMATS and metadata.names_camera(Path(path))
            )
            return header.width * header.height, camera, Path(path).stat().st_size
        except (InputError, OSError):
            return -1, False, 0

    return sorted(paths, key=quality, reverse=True)


def one_a_file(paths: Sequence[str]) -> list[int]:
    """Rows of paths of which no two are one file; of its names the one that is no link stays."""
    chosen: dict[object, int] = {}
    for row, path in enumerate(map(Path, paths)):
        key = identity(path)
        if key not in chosen or links(path) < links(Path(paths[chosen[key]])):
            chosen[key] = row
    return sorted(chosen.values())


def mirrored(pictures: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which of some copies are mirror images of the first.

    Args:
        pictures: (N, SIDE, SIDE), grey.

    Returns:
        (N,); False where that cannot be told, as of symmetric pictures.
    """
    values = pictures.astype(np.float32)
    turned = np.stack([np.rot90(values, turn, (1, 2)) for turn in range(4)])
    both = np.stack([turned, turned[..., ::-1]])  # as they are, mirrored
    upright, flipped = np.abs(both - values[0]).mean((3, 4)).min(1)
    return np.asarray((flipped <= _SURELY * upright) & (upright > _VISIBLE))
