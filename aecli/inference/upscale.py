"""Enlarging whole pictures: a chain of models, then one resampling to the exact size."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations_with_replacement
from math import prod
from typing import TYPE_CHECKING, Self

from aecli.checkpoints import store
from aecli.checkpoints.facts import UpscaleFacts
from aecli.errors import ModelError, UsageError
from aecli.images import consistency
from aecli.images.alpha import bleed
from aecli.images.metadata import resized
from aecli.images.resample import resample
from aecli.inference import engine as engines
from aecli.inference.tiled import TiledModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from aecli.checkpoints.store import Found
    from aecli.images.image import Image, Pixels
    from aecli.inference.engine import Areas, Choice
    from aecli.inference.tiled import Tile
    from aecli.inference.tiling import Progress

_SHARP = "clean"
"""The family for pictures that are not degraded, such as another model's result."""


def chain(factor: float, available: Iterable[int]) -> tuple[int, ...]:
    """The models to run one after the other to enlarge a picture at least so many times.

    They are the fewest that do; of these the ones that overshoot least; the smallest first, as it
    is the first that sees the fewest pixels.

    Args:
        factor: 1 or more.
        available: factors of the models there are.

    Raises:
        ModelError: there are none that enlarge.
    """
    factors = sorted(scale for scale in available if scale > 1)
    if not factors:
        raise ModelError("there is no model that enlarges")
    count = 0
    while factors[-1] ** count < factor:
        count += 1
    chains = combinations_with_replacement(factors, count)
    return min((c for c in chains if prod(c) >= factor), key=prod)


@dataclass(frozen=True)
class Enlarged:
    """An enlarged picture, and the factors of the models that did it, in order.

    `error` is how far it is from consistent, where that was wanted (`consistency.error`).
    """

    image: Image
    networks: tuple[int, ...]
    error: float | None = None


class Upscaler:
    """A family of models at work on pictures; each is loaded when it is first needed, and kept.

    Attributes:
        choice: what they run on.
    """

    def __init__(self, members: Mapping[int, Found], choice: Choice) -> None:
        self.choice = choice
        self._members = members
        self._models: dict[Path, TiledModel] = {}

    @classmethod
    def open(
        cls,
        model: str | Path | None = None,
        *,
        engine: str = "auto",
        device: str = "auto",
        precision: str = "auto",
        areas: Areas = (),
    ) -> Self:
        """Find and verify a family of models.

        Args:
            model: the name of a family or of one of its members, or a path; None: the default.
            engine, device, precision, areas: see `aecli.inference.engine.choose`.

        Raises:
            UsageError: no such engine, device or precision.
            ModelError: no such model, or one of them is damaged.
        """
        members = store.scales("upscale", model)
        for found in members.values():
            store.verify(found)
        paths = [found.path for found in members.values()]
        asked = engine, device, precision, areas
        return cls(members, engines.choose(paths, ["upscale"], *asked))

    def upscale(
        self,
        image: Image,
        width: int,
        height: int,
        *,
        consistent: bool | None = None,
        ensemble: bool = False,
        tile: Tile = "auto",
        progress: Progress | None = None,
    ) -> Enlarged:
        """Enlarge a picture; alpha is resampled on its own, metadata follow the size.

        Args:
            image: the small picture.
            width: columns of the result, at least the picture's.
            height: rows of the result, at least the picture's.
            consistent: make the result one that shrinks to the picture (`consistency.project`);
                None: where the model was trained on pictures that were only shrunk.
            ensemble, tile: see `TiledModel.run`.
            progress: called with the pixels done and those in all, of all models.

        Raises:
            UsageError: the size is smaller than the picture's, or tile is not positive.
            InputError: not enough memory, even for small tiles.
            ModelError: a model is damaged, or gives values that are not finite.
        """
        if width < image.width or height < image.height:
            raise UsageError(
                f"{image.width}x{image.height} pixels cannot be enlarged to {width}x{height}"
            )
        if (width, height) == (image.width, image.height):
            return Enlarged(image, ())
        networks = chain(max(width / image.width, height / image.height), self._members)
        models = self._opened(networks)
        small = image.pixels
        if image.alpha is not None:  # what is fully transparent leaves no trace
            reach = sum(model.reach for model in models) + consistency.REACH
            small = bleed(small, image.alpha, reach)
        pixels = _run(models, small, tile, progress, ensemble=ensemble)
        pixels = resample(pixels, height, width)
        if consistent is None:
            consistent = self._degradation(networks[0]) == "bicubic"
        error = None
        if consistent:
            error = consistency.error(consistency.project(pixels, small), small)
        return Enlarged(_with_pixels(image, pixels), networks, error)

    def _degradation(self, scale: int) -> str | None:
        """What the inputs of the family's member for a scale went through."""
        return UpscaleFacts.read(self._members[scale].meta.training).degradation

    def _opened(self, networks: Sequence[int]) -> list[TiledModel]:
        """The models of a chain; after one that cleans there is nothing left to clean."""
        members = self._members
        later = dict(members)
        if len(networks) > 1 and self._degradation(networks[0]) == "photo":
            later |= _sharp()
        found = [members[networks[0]], *(later[scale] for scale in networks[1:])]
        return [self._model(member) for member in found]

    def _model(self, found: Found) -> TiledModel:
        if found.path not in self._models:
            store.verify(found)
            self._models[found.path] = TiledModel(self.choice.open(found.path), found.meta)
        return self._models[found.path]


def bicubic(image: Image, width: int, height: int) -> Image:
    """The picture enlarged without a model, as results are compared with."""
    return _with_pixels(image, resample(image.pixels, height, width))


def _sharp() -> Mapping[int, Found]:
    """The members of the family for pictures that are not degraded, as far as installed."""
    try:
        return store.scales("upscale", _SHARP)
    except ModelError:
        return {}


def _run(
    models: Sequence[TiledModel],
    pixels: Pixels,
    tile: Tile,
    progress: Progress | None,
    *,
    ensemble: bool,
) -> Pixels:
    """Colours through one model after the other."""
    scales = [model.engine.geometry.scale for model in models]
    areas = [pixels.shape[0] * pixels.shape[1] * prod(scales[:n]) ** 2 for n in range(len(scales))]

    def told(before: int, done: int, _total: int) -> None:
        if progress is not None:
            progress(before + done, sum(areas))

    for number, model in enumerate(models):
        follow = partial(told, sum(areas[:number]))
        pixels = model.run("upscale", pixels, tile, follow, ensemble=ensemble)
    return pixels


def _with_pixels(image: Image, pixels: Pixels) -> Image:
    """The picture with enlarged colours, its alpha and metadata following."""
    height, width = pixels.shape[:2]
    alpha = None if image.alpha is None else resample(image.alpha, height, width)
    metadata = resized(image.metadata, (image.width, image.height), (width, height))
    return replace(image, pixels=pixels, alpha=alpha, metadata=metadata)
