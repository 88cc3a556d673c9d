"""Pictures to vectors: the encoder of an autoencoder, and how unlike its training data each is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from aecli.checkpoints import store
from aecli.datasets import collecting, midi
from aecli.errors import AecliError, ModelError
from aecli.images.square import square
from aecli.inference import batch
from aecli.inference.sample import Sampler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from aecli.checkpoints.store import Found
    from aecli.datasets.item import Item

    Floats = NDArray[np.float32]
    Pictures = NDArray[np.uint8]

MUSIC = "melodies"
"""The model that tunes are embedded with."""

METHODS = ("encode", "decode")
"""Of a model that embeds; it decodes to tell how well it knows a picture."""

BATCH = 64
"""Pictures read, and then computed, at a time."""

_FINER = 2
"""A JPEG is decoded at no less than this many times the size the model needs, and then shrunk."""


def find(model: str | Path | None = None) -> Found:
    """The file of a model to embed with.

    One for the task `embed`; where there is none of that name, one for `generate` serves too.

    Raises:
        ModelError: there is neither.
    """
    try:
        return store.find("embed", model)
    except ModelError:
        if model is None:
            raise
        try:
            return store.find("generate", model)
        except ModelError:
            pass
        raise


def usual(names: Sequence[str]) -> str | None:
    """The model for what is named, where no other is wanted: that of tunes, or None, the default.

    Raises:
        UsageError: as `aecli.datasets.collecting.gather`.
    """
    paths = [source.path for source in collecting.gather(names).sources] if names else []
    tunes = bool(paths) and all(path is not None and midi.is_tune(path) for path in paths)
    return MUSIC if tunes else None


def small(item: Item, size: int, channels: int, content: bytes | None = None) -> Pictures:
    """A picture as `aecli.images.square.square` gives it, a large JPEG decoded in a hurry.

    Args:
        item: the picture.
        size: side of the result in pixels.
        channels: 1 for grey, 3 for RGB.
        content: what `item.read` has given, if it has been called.

    Raises:
        InputError: it cannot be read or decoded.
    """
    content = item.read() if content is None else content
    return square(item.decode(content, at_least=_FINER * size), size, channels)


@dataclass(frozen=True, eq=False)
class Entry:
    """What became of one input.

    Attributes:
        item: the input.
        digest: sha256 of its content; None where it cannot be read.
        vector: float32, (D,); None where there is none, or it was known already.
        novelty: percentile of its novelty; NaN where unknown.
        error: why there is no vector.
    """

    item: Item
    digest: bytes | None = None
    vector: Floats | None = None
    novelty: float = float("nan")
    error: AecliError | OSError | MemoryError | None = None


@dataclass(frozen=True, eq=False)
class _Read:
    """An input on its way to the network; `picture` is None where it is not to be computed."""

    entry: Entry
    picture: Pictures | None = None


class Embedder:
    """A model that turns pictures into vectors; opened once for any number of them.

    Attributes:
        name: the model's name.
        sha256: checksum of the file of its weights.
        size: side of the squares it sees, pixels.
        channels: 1 (grey) or 3 (RGB) of these.
        dimension: length of a vector.
        choice: what it runs on; its vectors are computed in fp32 everywhere.
    """

    def __init__(self, found: Found, *, engine: str = "auto", device: str = "auto") -> None:
        self._sampler = Sampler.open(
            found, methods=METHODS, engine=engine, device=device, precision="fp32"
        )
        if len(self._sampler.latent) != 1 and found.task != "embed":
            raise ModelError(
                f"the latents of {found.name} are grids, not vectors",
                "aecli embed works with models of `aecli train embed`, or with VAEs",
            )
        self.name, self.sha256 = self._sampler.name, self._sampler.sha256
        self.size, self.channels = self._sampler.size, self._sampler.channels
        self.dimension = prod(self._sampler.latent)
        self.choice = self._sampler.choice

    @classmethod
    def open(
        cls, model: str | Path | None = None, *, engine: str = "auto", device: str = "auto"
    ) -> Embedder:
        """Find, verify and load a model.

        Args:
            model: name or path; None: the default one.
            engine, device: see `aecli.inference.engine.choose`.

        Raises:
            UsageError: no such engine or device.
            ModelError: there is no such model, it is damaged, or has no latent vectors.
        """
        return cls(find(model), engine=engine, device=device)

    def small(self, item: Item, content: bytes | None = None) -> Pictures:
        """A picture as the model sees it: size x size, or size x size x 3.

        Raises:
            InputError: it cannot be decoded.
        """
        return small(item, self.size, self.channels, content)

    def embed(self, pictures: Pictures, *, batch: int = BATCH) -> tuple[Floats, Floats]:
        """Vectors (N, D) and their novelty (N,), percentiles, of pictures from `small`.

        Args:
            pictures: (N, size, size), or (N, size, size, 3) in colour.
            batch: computed at a time on torch, shorter ones being filled up; 1 is quickest for one
                picture, its last digits may differ.

        Raises:
            ModelError: the model gives values that are not finite.
        """
        latents = self._sampler.encode(pictures, None, batch=batch)
        novelty = self._sampler.novelty(pictures, latents, None, batch=batch)
        return latents.reshape(len(latents), -1), novelty

    def reconstruct(self, vectors: Floats) -> Pictures:
        """The pictures that vectors (N, D) stand for, as `small` has them."""
        return self._sampler.decode(vectors.reshape(-1, *self._sampler.latent), None)

    def run(
        self,
        items: Sequence[Item],
        *,
        known: Callable[[bytes], bool] = lambda _: False,
        workers: int = 2,
    ) -> Iterator[Entry]:
        """Embed pictures; what becomes of each, in their order. Reading and computing overlap.

        Args:
            items: the inputs.
            known: digest -> whether its vector is at hand, so that none is made.
            workers: threads that read and decode.
        """

        def load(part: Sequence[Item]) -> list[_Read]:
            return [self._load(item, known) for item in part]

        parts = [items[start : start + BATCH] for start in range(0, len(items), BATCH)]
        with self._sampler.engine.reserve_threads(workers):
            for outcome in batch.run(parts, load, self._compute, _same, workers=workers):
                if outcome.value is None:
                    yield from (Entry(item, error=outcome.error) for item in outcome.job)
                else:
                    yield from outcome.value

    def _load(self, item: Item, known: Callable[[bytes], bool]) -> _Read:
        try:
            data = item.read()
            digest = hashlib.sha256(data).digest()
            if known(digest):
                return _Read(Entry(item, digest))
            return _Read(Entry(item, digest), self.small(item, data))
        except (AecliError, MemoryError) as error:
            return _Read(Entry(item, error=error))

    def _compute(self, loaded: Sequence[_Read]) -> list[Entry]:
        pictures = [item.picture for item in loaded if item.picture is not None]
        if not pictures:
            return [item.entry for item in loaded]
        results = zip(*self.embed(np.stack(pictures)), strict=True)
        entries = []
        for item in loaded:
            entry = item.entry
            if item.picture is not None:
                vector, novelty = next(results)
                entry = Entry(entry.item, entry.digest, vector, float(novelty))
            entries.append(entry)
        return entries


def _same(_: object, entries: list[Entry]) -> list[Entry]:
    return entries
