"""Pictures in memory at a moderate size, of which parts are taken and edited: for `embed`."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from PIL import Image as Pillow

from aecli.errors import InputError, TrainingError, UsageError
from aecli.images.square import fitted
from aecli.training.data import Shuffled, Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from aecli.datasets.item import Item
    from aecli.training.config import DataConfig

T = TypeVar("T")

FINER = 3
"""The shorter side of pictures in memory, in sides of what the model sees; less if they are so."""


def load(
    items: Sequence[Item],
    *,
    size: int,
    channels: int,
    config: DataConfig,
    report: Callable[[str], None],
) -> list[Pillow.Image]:
    """Decode and shrink pictures; those that cannot be decoded are reported and left out.

    Args:
        items: the pictures.
        size: side of what the model sees, pixels; smaller pictures are enlarged to that.
        channels: 1 for grey, 3 for RGB.
        config: threads to use, and memory that the pictures may take.
        report: called with one line for each picture left out.

    Raises:
        UsageError: they need more memory than `config` grants.
        TrainingError: none of them can be decoded.
    """

    def read(item: Item) -> Pillow.Image | str:
        try:
            image = item.image()
        except InputError as error:
            return error.message
        shorter = max(size, min(FINER * size, image.width, image.height))
        return Pillow.fromarray(fitted(image, shorter, channels))

    pictures: list[Pillow.Image] = []
    held = 0
    with ThreadPoolExecutor(max(1, config.workers), thread_name_prefix="views") as threads:
        for picture in threads.map(read, items):
            if isinstance(picture, str):
                report(f"skipped: {picture}")
                continue
            pictures.append(picture)
            held += picture.width * picture.height * channels
            if held >> 20 > config.cache_mb:
                raise UsageError(
                    f"{len(items)} pictures take more than {config.cache_mb} MiB, data.cache_mb",
                    "allow more by a larger data.cache_mb, or choose a smaller size",
                )
    if not pictures:
        raise TrainingError("there is no readable image to train on", "give a folder of images")
    return pictures


class ViewDataset:
    """The pictures of a run by number: all of them once, then all again in another order.

    Args:
        pictures: those drawn from.
        config: the recipe's [data].
        seed: of the order, and of what is done to them.

    Attributes:
        names: a checksum of them, to tell when the data has changed.
    """

    def __init__(self, pictures: list[Pillow.Image], config: DataConfig, seed: int) -> None:
        self._pictures, self._seed = pictures, seed
        self._threads = max(1, config.workers)
        self._order = Shuffled(seed, len(pictures))
        digest = hashlib.sha256()
        for picture in pictures:
            digest.update(picture.tobytes())
        self.names = [digest.hexdigest()]

    def __len__(self) -> int:
        return len(self._pictures)

    def map(
        self, view: Callable[[Pillow.Image, np.random.Generator], T], numbers: NDArray[np.int64]
    ) -> list[T]:
        """What `view` makes of the samples' pictures, each with a generator of its own."""

        def one(place: int, number: int) -> T:
            rng = np.random.default_rng([self._seed, Stream.CROP, number])
            return view(self._pictures[place], rng)

        with ThreadPoolExecutor(self._threads, thread_name_prefix="views") as threads:
            return list(threads.map(one, self._order.places(numbers), numbers))
