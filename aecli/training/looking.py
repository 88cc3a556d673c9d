"""What the user's pictures are like, by which a recipe is made to fit them."""

from __future__ import annotations

import functools
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from aecli.datasets import midi
from aecli.datasets.collecting import collect, evenly
from aecli.errors import InputError
from aecli.files.inputs import SEPARATOR
from aecli.images.levels import to_8_bits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aecli.images.image import Image

ICON = 64
"""Side of images unless told otherwise; small ones that are all of one size keep it."""

EDGE = 26
"""Levels from black, or from white, that are nearly so."""

LEAST = 16
"""Side of the smallest images that models take, pixels."""

LOOKED_AT = 48
"""Pictures by which DATA is judged."""


@dataclass(frozen=True)
class Look:
    """What DATA is like, as some of its pictures show.

    Attributes:
        side: of square pictures that are all of one size and small, `LEAST` to `ICON` pixels; None
            of others.
        grey: whether all are.
        extreme: share of their pixels that are nearly black or white, 0 to 1.
        music: whether all are of MIDI files.
    """

    side: int | None = None
    grey: bool = False
    extreme: float = 0.0
    music: bool = False


@functools.lru_cache(maxsize=2)
def look(data: tuple[str, ...]) -> Look:
    """Look at some pictures, evenly chosen; those that cannot be read tell nothing.

    Raises:
        UsageError, InputError: as `aecli.datasets.collecting.collect`.
    """
    images = []
    items = evenly(collect(data, training=True), LOOKED_AT)
    for item in items:
        try:
            images.append(item.image(at_least=ICON))
        except InputError:
            continue
    if not images:
        return Look()
    sizes = {(image.height, image.width) for image in images}
    height, width = next(iter(sizes))
    small = len(sizes) == 1 and height == width and LEAST <= height <= ICON
    return Look(
        height if small else None,
        all(image.grey for image in images),
        float(np.mean([_extreme(image) for image in images])),
        all(midi.is_tune(Path(item.path.rpartition(SEPARATOR)[0])) for item in items),
    )


def longest(data: Sequence[str]) -> int:
    """The longest side of some pictures, evenly chosen, told by their headers; 0 without any."""
    found = 0
    for item in evenly(collect(data, training=True), LOOKED_AT):
        with suppress(InputError):
            found = max(found, *item.size())
    return found


def _extreme(image: Image) -> float:
    """The share of a picture's pixels whose channels are all nearly black, or all nearly white."""
    level = to_8_bits(image.pixels).reshape(image.height, image.width, -1).astype(np.int64)
    dark, light = (level < EDGE).all(axis=2), (level > 255 - EDGE).all(axis=2)
    return float((dark | light).mean())
