"""What a run learns from, whatever its task: a source of samples, and which images it gets."""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    Batch = Mapping[str, Tensor]

T = TypeVar("T")


class Source(Protocol):
    """Images by number, without end.

    Attributes:
        names: of the images, to tell when the data has changed.
    """

    names: list[str]

    def __len__(self) -> int:
        """How many different images there are."""
        ...


class Stream(IntEnum):
    """What a run's seed is used for; each use draws from a generator of its own."""

    CROP = 0
    ORDER = 1
    SPLIT = 2


class Shuffled:
    """An endless order of `count` things: all of them once, then all again in another order."""

    def __init__(self, seed: int, count: int) -> None:
        self._seed, self._count = seed, count
        self._epoch = lru_cache(maxsize=4)(self._shuffled)

    def places(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which things come at those places of the order."""
        epochs, within = np.divmod(numbers, self._count)
        found = np.empty_like(numbers)
        for epoch in np.unique(epochs):
            here = epochs == epoch
            found[here] = self._epoch(int(epoch))[within[here]]
        return found

    def _shuffled(self, epoch: int) -> NDArray[np.int64]:
        return np.random.default_rng([self._seed, Stream.ORDER, epoch]).permutation(self._count)


def split(images: Sequence[T], share: float, seed: int) -> tuple[list[T], list[T]]:
    """Training and validation images: a seeded random `share`; at least one of each from two on."""
    if len(images) < 2 or share == 0:
        return list(images), list(images)
    count = min(max(1, round(share * len(images))), len(images) - 1)
    order = np.random.default_rng([seed, Stream.SPLIT]).permutation(len(images))
    return [images[i] for i in sorted(order[count:])], [images[i] for i in sorted(order[:count])]
