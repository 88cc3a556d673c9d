"""Square pictures of one size, all in memory: what generative models learn from."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from aecli.errors import InputError, TrainingError, UsageError, did_you_mean
from aecli.images.square import square
from aecli.training.data import Shuffled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from aecli.datasets.item import Item
    from aecli.training.config import DataConfig


@dataclass(frozen=True, eq=False)
class Squares:
    """Pictures and their classes.

    Attributes:
        images: uint8, (N, size, size) or (N, size, size, 3).
        labels: int64, (N,): places in the model's classes; as many as there are classes: none.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, part: slice) -> Squares:
        return Squares(self.images[part], self.labels[part])

    def with_mirrored(self) -> Squares:
        """All of them, and all of them mirrored left to right."""
        return Squares(
            np.concatenate([self.images, self.images[:, :, ::-1]]),
            np.concatenate([self.labels, self.labels]),
        )


def load(
    items: Sequence[Item],
    *,
    size: int,
    channels: int,
    classes: Sequence[str],
    config: DataConfig,
    report: Callable[[str], None],
) -> Squares:
    """Decode, crop and shrink all pictures; those that cannot be decoded are reported and left out.

    Args:
        items: the pictures.
        size: side of the squares, pixels.
        channels: 1 for grey, 3 for RGB.
        classes: names of the model's classes; empty: labels do not matter.
        config: threads to use, and memory that the squares may take.
        report: called with one line for each picture left out.

    Raises:
        UsageError: they need more memory than `config` grants, or a picture is of no known class.
        TrainingError: none of them can be decoded.
    """
    needed = (len(items) * size * size * channels) >> 20
    if needed > config.cache_mb:
        raise UsageError(
            f"{len(items)} squares of {size} pixels take {needed} MiB, more than data.cache_mb",
            f"allow them by data.cache_mb={needed + 1}, or choose a smaller size",
        )
    numbers = {name: number for number, name in enumerate(classes)}
    for item in items:
        if classes and item.label not in numbers:
            where = f"is of the class {item.label!r}" if item.label else "is of no class"
            raise UsageError(
                f"{item.name} {where}, and the model has {len(classes)} classes",
                did_you_mean(item.label, classes),
            )

    def read(item: Item) -> NDArray[np.uint8] | str:
        try:
            return square(item.image(), size, channels)
        except InputError as error:
            return error.message

    images, labels = [], []
    with ThreadPoolExecutor(max(1, config.workers), thread_name_prefix="squares") as threads:
        for item, read_in in zip(items, threads.map(read, items), strict=True):
            if isinstance(read_in, str):
                report(f"skipped: {read_in}")
            else:
                images.append(read_in)
                labels.append(numbers.get(item.label, len(classes)))
    if not images:
        raise TrainingError("there is no readable image to train on", "give a folder of images")
    return Squares(np.stack(images), np.array(labels, np.int64))


class SquareDataset:
    """The squares of a run by number: all of them once, then all again in another order.

    Args:
        squares: those drawn from.
        seed: of the order.
        device: where their pixels are to be.

    Attributes:
        images: uint8, as those of `squares`, on the device.
        labels: as those of `squares`, in the host's memory.
        names: a checksum of them, to tell when the data has changed.
    """

    def __init__(self, squares: Squares, seed: int, device: torch.device) -> None:
        self.images = torch.from_numpy(np.ascontiguousarray(squares.images)).to(device)
        self.labels = squares.labels
        digest = hashlib.sha256(squares.images.data)
        digest.update(squares.labels.data)
        self.names = [digest.hexdigest()]
        self._order = Shuffled(seed, len(squares))

    def __len__(self) -> int:
        return len(self.labels)

    def places(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which squares the samples with those numbers are."""
        return self._order.places(numbers)
