"""From images to batches.

The sample with global number k is a pure function of the images, the recipe and k. So a run resumes
exactly where it stopped, and several ranks see together what one rank would have seen.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from concurrent.futures import ThreadPoolExecutor
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from PIL import Image as Pillow

from aecli.errors import InputError, TrainingError
from aecli.images import reading

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from aecli.training.config import DataConfig

Batch = dict[str, "NDArray[np.generic]"]


class Source(Protocol):
    """Images by number, without end.

    Attributes:
        config: the recipe's [data].
        names: of the images, to tell when the data has changed.
    """

    config: DataConfig
    names: list[str]

    def __len__(self) -> int:
        """How many different images there are."""
        ...

    def __getitem__(self, number: int) -> tuple[Any, np.random.Generator]:
        """Image `number`, and the generator that its degradation or noise comes from."""
        ...


T = TypeVar("T")


class Stream(IntEnum):
    """What a run's seed is used for; each use draws from a generator of its own."""

    CROP = 0
    ORDER = 1
    SPLIT = 2


VISITS_PER_IMAGE = 64
"""Crops taken while an image stays in memory, where not all images fit."""


class ImagePool:
    """Decoded images, kept in memory up to a limit, the least recently used given up first.

    Args:
        paths: image files. Those whose header cannot be read are reported and left out.
        limit: bytes of decoded pixels held at most (one image more while it is being used).
        report: called with one line for each file that cannot be used.

    Raises:
        TrainingError: none of the files is a readable image.
    """

    def __init__(
        self, paths: Sequence[Path], limit: int, report: Callable[[str], None] = lambda _: None
    ) -> None:
        self._limit = limit
        self._report = report
        self._lock = threading.Lock()
        self._held: OrderedDict[int, NDArray[np.uint8]] = OrderedDict()
        self._bytes = 0
        self._broken: set[int] = set()
        self.paths: list[Path] = []
        size = 0
        for path in paths:
            try:
                header = reading.probe(path)
            except InputError as error:
                report(f"skipped: {error.message}")
                continue
            self.paths.append(path)
            size += header.width * header.height * min(header.channels, 3)
        if not self.paths:
            raise TrainingError("there is no readable image to train on", "give a folder of images")
        self.fits = size <= limit
        self.window = (
            len(self.paths) if self.fits else max(1, len(self.paths) * limit // (2 * size))
        )

    def __len__(self) -> int:
        return len(self.paths)

    def get(self, index: int) -> NDArray[np.uint8]:
        """Image `index` as HxW or HxWx3; the next readable one where it turns out to be corrupt."""
        for step in range(len(self.paths)):
            pixels = self._get((index + step) % len(self.paths))
            if pixels is not None:
                return pixels
        raise TrainingError("none of the images can be decoded any more")

    def _get(self, index: int) -> NDArray[np.uint8] | None:
        with self._lock:
            if index in self._broken:
                return None
            if index in self._held:
                self._held.move_to_end(index)
                return self._held[index]
        try:
            pixels = reading.decode(self.paths[index]).pixels
        except InputError as error:
            with self._lock:
                known = index in self._broken
                self._broken.add(index)
            if not known:
                self._report(f"skipped: {error.message}")
            return None
        deep = pixels.dtype == np.uint16
        image = (pixels >> 8).astype(np.uint8) if deep else pixels.astype(np.uint8, copy=False)
        with self._lock:
            if index not in self._held:
                self._held[index] = image
                self._bytes += image.nbytes
                while self._bytes > self._limit and len(self._held) > 1:
                    self._bytes -= self._held.popitem(last=False)[1].nbytes
        return image


class Crops:
    """Random square crops of a pool's images, by number."""

    def __init__(self, pool: ImagePool, config: DataConfig, seed: int) -> None:
        self.pool = pool
        self.config = config
        self.seed = seed
        self.names = [path.name for path in pool.paths]

    def __len__(self) -> int:
        return len(self.pool)

    def __getitem__(self, number: int) -> tuple[NDArray[np.uint8], np.random.Generator]:
        """Crop `number`, HxW or HxWx3, and the generator that its degradation goes on with."""
        rng = np.random.default_rng([self.seed, Stream.CROP, number])
        image = self.pool.get(self._index(number, rng))
        c = self.config
        if c.grey and rng.random() < c.grey:
            image_crop = luma(self._crop(image, rng))
        else:
            image_crop = self._crop(image, rng)
        if c.flips:
            image_crop = symmetry(image_crop, int(rng.integers(8)))
        return np.ascontiguousarray(image_crop), rng

    def _index(self, number: int, rng: np.random.Generator) -> int:
        n = len(self.pool)
        if self.pool.fits:
            return int(rng.integers(n))
        # A window slides over the shuffled images, so that each is decoded about once a pass.
        place = number // VISITS_PER_IMAGE + int(rng.integers(self.pool.window))
        epoch, within = divmod(place, n)
        return int(np.random.default_rng([self.seed, Stream.ORDER, epoch]).permutation(n)[within])

    def _crop(self, image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        side = self.config.crop
        factor = 1.0
        if self.config.shrink and rng.random() < self.config.shrink:
            factor = min(float(rng.uniform(1, 2)), max(1.0, min(image.shape[:2]) / side))
        source = round(side * factor)
        drawn = [cut(image, source, rng) for _ in range(self.config.candidates)]
        crop = max(drawn, key=detail) if len(drawn) > 1 else drawn[0]
        if source == side:
            return crop
        small = Pillow.fromarray(crop).resize((side, side), Pillow.Resampling.BICUBIC)
        return np.asarray(small)


def cut(image: NDArray[np.uint8], side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A random square of `side` pixels; an image smaller than that is extended by reflection."""
    image = at_least(image, side)
    top = int(rng.integers(image.shape[0] - side + 1))
    left = int(rng.integers(image.shape[1] - side + 1))
    return image[top : top + side, left : left + side]


def detail(image: NDArray[np.uint8]) -> float:
    """Mean absolute difference of neighbours (0 to 255): how much there is to learn."""
    signed = image.astype(np.int16)
    return float(sum(np.abs(np.diff(signed, axis=axis)).mean() for axis in (0, 1)) / 2)


def centre(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The central square of `side` pixels; an image smaller than that is extended by reflection."""
    image = at_least(image, side)
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    return image[top : top + side, left : left + side]


def at_least(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The image extended by reflection on the right and at the bottom to at least `side` pixels."""
    missing = [max(0, side - n) for n in image.shape[:2]]
    if not any(missing):
        return image
    return np.pad(image, [(0, m) for m in missing] + [(0, 0)] * (image.ndim - 2), mode="reflect")


def luma(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """HxWx3 or HxW -> HxW: BT.601 luma as Pillow computes it."""
    return image if image.ndim == 2 else np.asarray(Pillow.fromarray(image).convert("L"))


def symmetry(image: NDArray[np.uint8], number: int) -> NDArray[np.uint8]:
    """One of the square's 8 symmetries: `number % 4` quarter turns, mirrored from 4 on."""
    turned = np.rot90(image, number % 4)
    return turned[:, ::-1] if number >= 4 else turned


def batches(
    source: Source,
    sample: Callable[[Any, np.random.Generator], Batch],
    *,
    first_step: int,
    rank: int = 0,
    ranks: int = 1,
) -> Generator[Batch]:
    """An endless stream of this rank's share of each batch, made ahead in background threads.

    Args:
        source: the images.
        sample: turns one of them into named arrays (a training objective's `sample`).
        first_step: the step to start with.
        rank, ranks: which share; the global batch is the same whatever the number of ranks.

    Yields:
        Named arrays, the samples stacked along a new first axis.
    """
    whole = source.config.batch
    share = whole // ranks

    def make(step: int) -> Batch:
        start = step * whole + rank * share
        samples = [sample(*source[k]) for k in range(start, start + share)]
        return {name: np.stack([s[name] for s in samples]) for name in samples[0]}

    workers = source.config.workers
    with ThreadPoolExecutor(workers, thread_name_prefix="crops") as threads:
        ahead = deque(threads.submit(make, first_step + i) for i in range(2 * workers))
        step = first_step + len(ahead)
        try:
            while True:
                batch = ahead.popleft().result()
                ahead.append(threads.submit(make, step))
                step += 1
                yield batch
        finally:
            for future in ahead:
                future.cancel()


def validation_crops(
    paths: Sequence[Path], side: int, limit: int, report: Callable[[str], None]
) -> list[NDArray[np.uint8]]:
    """The central square of up to `limit` images, evenly chosen from `paths`."""
    pool = ImagePool(paths, 0, report)
    return [centre(pool.get(i), side).copy() for i in evenly(range(len(pool)), limit)]


def evenly(images: Sequence[T], limit: int) -> Sequence[T]:
    """Up to `limit` of the images, evenly chosen."""
    return images[:: max(1, len(images) // limit)][:limit]


def split(images: Sequence[T], share: float, seed: int) -> tuple[list[T], list[T]]:
    """Training and validation images: a seeded random `share`; at least one of each from two on."""
    if len(images) < 2 or share == 0:
        return list(images), list(images)
    count = min(max(1, round(share * len(images))), len(images) - 1)
    order = np.random.default_rng([seed, Stream.SPLIT]).permutation(len(images))
    return [images[i] for i in sorted(order[count:])], [images[i] for i in sorted(order[:count])]
