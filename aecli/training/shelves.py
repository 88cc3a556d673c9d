"""Where the pictures are that crops are taken of: all in memory, or a few at a time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from aecli.errors import InputError, TrainingError
from aecli.training.data import Shuffled
from aecli.training.pictures import Packed, Pyramid, read

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from aecli.datasets.item import Item
    from aecli.training.config import DataConfig
    from aecli.training.degradations.draws import Draws

    Picture = NDArray[np.uint8]

VISITS_PER_IMAGE = 64
"""Crops taken while a picture stays in memory, where not all fit."""


class Shelf(Protocol):
    """Pictures that crops are taken of."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def crops(self, draws: Draws, u: NDArray[np.float64]) -> Tensor:
        """One crop a sample: uint8 (N, 3, side, side).

        `u`, uniform draws, (N, 4 + 2 * candidates): the picture, then as `Packed.crops`.
        """
        ...


class Resident:
    """Pictures that are all in memory.

    Args:
        packed: all of them.
        config: the recipe's [data].
    """

    def __init__(self, packed: Packed, config: DataConfig) -> None:
        self._packed = packed
        self._config = config

    def __len__(self) -> int:
        return len(self._packed)

    def crops(self, _draws: Draws, u: NDArray[np.float64]) -> Tensor:
        """As `Shelf` says."""
        return _cut(self._packed, (u[:, 0] * len(self)).astype(np.int64), u[:, 1:], self._config)


class Streamed:
    """Pictures decoded when their turn comes.

    A window slides over the shuffled files, so that each is decoded about once a pass; what the
    window holds stays in memory, up to a limit. Threads decode, not processes: they hold the
    interpreter's lock for an eighth of the time only, and start at once.

    Args:
        items: pictures with a readable header.
        config: the recipe's [data].
        seed: of the order.
        window: files that the crops of the moment come from.
        warn: called with one line for each file that turns out to be damaged.
    """

    def __init__(
        self,
        items: Sequence[Item],
        config: DataConfig,
        seed: int,
        window: int,
        warn: Callable[[str], None],
    ) -> None:
        self._items, self._config, self._window, self._warn = items, config, window, warn
        self._lock = threading.Lock()
        self._held: OrderedDict[int, Packed] = OrderedDict()
        self._broken: set[int] = set()
        self._order = Shuffled(seed, len(items))

    def __len__(self) -> int:
        return len(self._items)

    def crops(self, draws: Draws, u: NDArray[np.float64]) -> Tensor:
        """As `Shelf` says."""

        files = self.files(draws.numbers, u[:, 0])

        def one(row: int) -> Tensor:
            picture = np.zeros(1, np.int64)  # of the only one that is packed there
            return _cut(self.get(int(files[row])), picture, u[row : row + 1, 1:], self._config)

        with ThreadPoolExecutor(max(1, self._config.workers), "crops") as threads:
            return torch.cat(list(threads.map(one, range(len(u)))))

    def files(self, numbers: NDArray[np.int64], u: NDArray[np.float64]) -> NDArray[np.int64]:
        """The files that samples come from, u uniform draws, (N,) each."""
        return self._order.places(numbers // VISITS_PER_IMAGE + (u * self._window).astype(np.int64))

    def get(self, index: int) -> Packed:
        """Picture `index`; the next readable one where it turns out to be damaged.

        Raises:
            TrainingError: none is readable any more.
        """
        for step in range(len(self)):
            packed = self._get((index + step) % len(self))
            if packed is not None:
                return packed
        raise TrainingError("none of the images can be decoded any more")

    def _get(self, index: int) -> Packed | None:
        with self._lock:
            if index in self._broken:
                return None
            if index in self._held:
                self._held.move_to_end(index)
                return self._held[index]
        try:
            packed = Packed([pyramid(read(self._items[index]), self._config)], torch.device("cpu"))
        except InputError as error:
            with self._lock:
                known = index in self._broken
                self._broken.add(index)
            if not known:
                self._warn(f"skipped: {error.message}")
            return None
        with self._lock:
            self._held[index] = packed
            limit = self._config.cache_mb << 20
            while sum(p.pixels.nbytes for p in self._held.values()) > limit and len(self._held) > 1:
                self._held.popitem(last=False)
        return packed


def pyramid(picture: Picture, config: DataConfig, *, whole: bool = False) -> Pyramid:
    """A picture and its smaller versions, none with `whole`, as a recipe's [data] wants them."""
    return Pyramid.of(
        picture,
        config.crop,
        shrunk=config.shrink > 0 and not whole,
        detailed=config.candidates > 1,
    )


def _cut(
    packed: Packed, picture: NDArray[np.int64], u: NDArray[np.float64], config: DataConfig
) -> Tensor:
    return packed.crops(picture, u, config.crop, shrink=config.shrink, flips=config.flips)
