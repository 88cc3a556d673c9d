"""Random crops of image files, by number.

Where all pictures fit in a share of the training device's free memory they lie there, else in the
host's; where they do not fit there either, each is decoded again when its turn comes.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from aecli import cores
from aecli.datasets.collecting import evenly
from aecli.errors import InputError, TrainingError
from aecli.images.levels import LUMA
from aecli.training.degradations.draws import on_device
from aecli.training.pictures import Packed, Pyramid, at_least, colour, packed_size, read
from aecli.training.shelves import Resident, Shelf, Streamed, pyramid
from aecli.training.threads import side_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from aecli.datasets.item import Item
    from aecli.training.config import DataConfig
    from aecli.training.degradations.draws import Draws
    from aecli.training.observer import Observer

    Picture = NDArray[np.uint8]


class RandomCrops:
    """The crops of a run by number, from image files and, for a share of them, from `extras`.

    Args:
        shelf: the files' pictures.
        names: of the files, to tell when the data has changed.
        config: the recipe's [data].
        extras: pictures, HxW or HxWx3, that stay as they are: neither shrunk nor turned grey.
        share: of the crops, taken from `extras`, 0 to 1.
        device: where the crops are to be.
    """

    def __init__(
        self,
        shelf: Shelf,
        names: list[str],
        config: DataConfig,
        device: torch.device,
        extras: Sequence[Picture] = (),
        share: float = 0.0,
    ) -> None:
        self.names = names
        self._shelf, self._config, self._device = shelf, config, device
        self._share = share if extras else 0.0
        self._extras = None
        if self._share:
            pyramids = [pyramid(colour(e), config, whole=True) for e in extras]
            self._extras = Resident(Packed(pyramids, device), config)

    def __len__(self) -> int:
        return len(self._shelf)

    def take(self, draws: Draws) -> tuple[Tensor, NDArray[np.bool_]]:
        """Clean crops: float32 (N, 3, crop, crop) in [0, 1], and which of them are extras, (N,)."""
        extra = draws.uniform("crops/extra", 1)[:, 0] < self._share
        places = draws.uniform("crops/places", 4 + 2 * self._config.candidates)
        grey = (draws.uniform("crops/grey", 1)[:, 0] < self._config.grey) & ~extra
        if self._extras is None or not extra.any():
            pixels = self._of_files(draws, places)
        elif extra.all():
            pixels = self._extras.crops(draws, places)
        else:
            usual, others = np.flatnonzero(~extra), np.flatnonzero(extra)
            parts = [
                self._of_files(draws.rows(usual), places[usual]),
                self._extras.crops(draws.rows(others), places[others]),
            ]
            back = np.argsort(np.concatenate([usual, others]))
            pixels = torch.cat(parts)[on_device(back, self._device)]
        clean = pixels.float().div_(255)
        if grey.any():
            dull = on_device(np.flatnonzero(grey), self._device)
            weights = on_device(LUMA, self._device)
            luma = (clean[dull].permute(0, 2, 3, 1) @ weights * 255).round() / 255
            clean.index_copy_(0, dull, luma[:, None].expand(-1, 3, -1, -1))
        return clean, extra

    def _of_files(self, draws: Draws, places: NDArray[np.float64]) -> Tensor:
        pixels = self._shelf.crops(draws, places)
        if self._device.type == "cuda" and not pixels.is_cuda:
            return pixels.pin_memory().to(self._device, non_blocking=True)
        return pixels.to(self._device)


def open_crops(
    items: Sequence[Item],
    config: DataConfig,
    seed: int,
    device: torch.device,
    observer: Observer,
    extras: Sequence[Picture] = (),
    share: float = 0.0,
) -> RandomCrops:
    """The crops of image files, the pictures as near to the training device as they fit.

    Files that cannot be read are reported and left out. `extras` and `share`: see `RandomCrops`.

    Raises:
        TrainingError: none of them is a readable image.
    """
    known: list[Item] = []
    sizes: list[tuple[int, int]] = []
    for item in items:
        try:
            sizes.append(item.size())
        except InputError as error:
            observer.warn(f"skipped: {error.message}")
            continue
        known.append(item)
    if not known:
        raise TrainingError(*_NOTHING_READABLE)
    size = packed_size(sizes, shrunk=config.shrink > 0)
    where = _room(size, config, device)
    shelf: Shelf
    if where is None:
        window = max(1, len(known) * (config.cache_mb << 20) // (2 * size))
        shelf = Streamed(known, config, seed, window, observer.warn)
        observer.note(f"{size >> 20} MiB of pictures do not fit in memory: decoded when needed")
    else:
        known, packed = _decoded(known, config, where, observer)
        shelf = Resident(packed, config)
    return RandomCrops(
        shelf, [Path(item.path).name for item in known], config, device, extras, share
    )


def validation_crops(
    items: Sequence[Item], side: int, limit: int, warn: Callable[[str], None]
) -> list[Picture]:
    """The central squares, side x side x 3, of up to `limit` images, evenly chosen from `items`.

    Raises:
        TrainingError: none of them is a readable image.
    """
    found: list[Picture] = []
    with side_threads(cores.usable(), "validation") as threads:
        for picture in threads.map(_read, evenly(items, limit)):
            if isinstance(picture, str):
                warn(f"skipped: {picture}")
            else:
                found.append(centre(picture, side).copy())
    if not found:
        raise TrainingError(*_NOTHING_READABLE)
    return found


def centre(picture: Picture, side: int) -> Picture:
    """The central square of `side` pixels; a smaller picture is extended by reflection."""
    picture = at_least(picture, side)
    top, left = (picture.shape[0] - side) // 2, (picture.shape[1] - side) // 2
    return picture[top : top + side, left : left + side]


_NOTHING_READABLE = "there is no readable image to train on", "give a folder of images"


def _room(size: int, config: DataConfig, device: torch.device) -> torch.device | None:
    """Where so many bytes of pictures fit: the training device, the host, or nowhere."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        if size <= config.device_share * free:
            return device
    return torch.device("cpu") if size <= config.cache_mb << 20 else None


def _decoded(
    items: Sequence[Item], config: DataConfig, where: torch.device, observer: Observer
) -> tuple[list[Item], Packed]:
    """All pictures in memory, and what they are from."""
    observer.note(f"decoding {len(items)} images")
    began = time.monotonic()
    found: list[Item] = []
    pyramids: list[Pyramid] = []

    def decode(item: Item) -> Pyramid | str:
        picture = _read(item)
        return picture if isinstance(picture, str) else pyramid(picture, config)

    with side_threads(cores.usable(), "decode") as threads:
        for item, made in zip(items, threads.map(decode, items), strict=True):
            if isinstance(made, str):
                observer.warn(f"skipped: {made}")
            else:
                found.append(item)
                pyramids.append(made)
    if not found:
        raise TrainingError(*_NOTHING_READABLE)
    packed = Packed(pyramids, where)
    seconds = time.monotonic() - began
    observer.note(f"decoded in {seconds:.1f} s, {packed.pixels.nbytes >> 20} MiB on {where}")
    return found, packed


def _read(item: Item) -> Picture | str:
    """The picture, or what is wrong with it."""
    try:
        return read(item)
    except InputError as error:
        return error.message
