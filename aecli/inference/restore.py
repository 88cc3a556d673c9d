"""Removing noise from whole pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from aecli.checkpoints import store
from aecli.checkpoints.facts import DenoiseFacts
from aecli.errors import UsageError
from aecli.images.alpha import bleed
from aecli.inference import engine as engines
from aecli.inference import tiling
from aecli.inference.tiled import TiledModel
from aecli.models.registry import ESTIMATED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from aecli.checkpoints.format import Meta
    from aecli.device import Terms
    from aecli.images.image import Image, Pixels
    from aecli.inference.engine import Engine, Floats
    from aecli.inference.tiled import Tile

METHODS = ("restore", "estimate_sigma")
"""Of a denoiser."""

_SQUARES = 48
"""The noise level is estimated on at most so many squares."""


@dataclass(frozen=True)
class Restored:
    """A restored picture, and the noise level it was taken to have (0 to 255)."""

    image: Image
    sigma: float

    @property
    def facts(self) -> Mapping[str, float | str]:
        """What there is to say of it, by name."""
        return {"sigma": self.sigma}


class Restorer(TiledModel):
    """A denoiser at work on pictures.

    Attributes:
        runs_on: where and in what precision, and who chose that.
    """

    def __init__(self, engine: Engine, meta: Meta, runs_on: Terms) -> None:
        super().__init__(engine, meta)
        self.runs_on = runs_on

    @classmethod
    def open(
        cls,
        model: str | Path | None = None,
        *,
        engine: str = "auto",
        device: str = "auto",
        precision: str = "auto",
    ) -> Self:
        """Find, verify and load a model.

        Args:
            model: its name or path; None: the default one.
            engine, device, precision: see `aecli.inference.engine.choose`.

        Raises:
            UsageError: no such engine, device or precision.
            ModelError: no such model, or it is damaged.
        """
        found = store.find("denoise", model)
        store.verify(found)
        choice = engines.choose([found.path], METHODS, engine, device, precision)
        return cls(choice.open(found.path), found.meta, choice.reason)

    def denoise(
        self,
        image: Image,
        *,
        sigma: float | Literal["auto"] = "auto",
        strength: float = 1.0,
        ensemble: bool = False,
        tile: Tile = "auto",
        progress: tiling.Progress | None = None,
    ) -> Restored:
        """Remove noise; alpha and metadata stay as they are.

        Args:
            image: the noisy picture.
            sigma: standard deviation of its noise on the 0-255 scale, or `auto`: estimated.
            strength: factor on sigma; 0 changes nothing. The product is cut to the trained range.
                Models of cameras' noise look for themselves how much there is, so that below 1 it
                is the share of what they would remove instead.
            ensemble: see `TiledModel.run`.
            tile: pixels along a tile, `off` for the whole image at once, or `auto`: by memory.
            progress: called with the pixels done and those in all.

        Raises:
            UsageError: sigma or strength is negative or not a number, or tile is not positive.
            InputError: not enough memory, even for small tiles.
            ModelError: the model gives values that are not finite.
        """
        for name, value in (("sigma", 0 if sigma == "auto" else sigma), ("strength", strength)):
            if not (value >= 0 and math.isfinite(value)):
                raise UsageError(f"{name} must be zero or more, not {value}")
        level = self.estimate_sigma(image) if sigma == "auto" else sigma
        facts = DenoiseFacts.read(self.meta.training)
        share, factor = 1.0, strength
        if facts.noise == "camera":
            share, factor = min(strength, 1.0), max(strength, 1.0)
        told = min(level * factor, facts.sigma_max)
        if told * share == 0:
            return Restored(image, level)
        pixels = image.pixels
        if image.alpha is not None:  # what is fully transparent leaves no trace
            pixels = bleed(pixels, image.alpha, self.reach)
        maps = [told / 255]
        pixels = self.run(
            "restore", pixels, tile, progress, maps=maps, share=share, ensemble=ensemble
        )
        return Restored(image.with_pixels(pixels, image.alpha), level)

    def estimate_sigma(self, image: Image) -> float:
        """The standard deviation of a picture's noise on the 0-255 scale, for any size at one cost.

        The median of the model's estimates on evenly spaced squares; squares with fully transparent
        pixels count only where there are no others.
        """
        squares = _squares(image.height, image.width)
        if image.alpha is not None:
            hidden = [int((image.alpha[rows, columns] == 0).sum()) for rows, columns in squares]
            squares = [s for s, count in zip(squares, hidden, strict=True) if count == min(hidden)]
        levels = sorted(
            float(self.engine.fp32[0]("estimate_sigma", self._square(image.pixels[s]))[0])
            for s in squares
        )
        middle = levels[(len(levels) - 1) // 2 : len(levels) // 2 + 1]  # numpy's median is slow
        return 255 * sum(middle) / len(middle)

    def _square(self, pixels: Pixels) -> Floats:
        side = tiling.padded(ESTIMATED, self.engine.geometry)
        return tiling.window(pixels, (0, side), (0, side))


def _squares(height: int, width: int) -> list[tuple[slice, slice]]:
    """At most `_SQUARES` squares, evenly spaced in rows and columns; smaller where the image is."""
    rows, columns = (max(1, n // ESTIMATED) for n in (height, width))
    if rows * columns > _SQUARES:
        rows = min(rows, _SQUARES, max(1, round((_SQUARES * height / width) ** 0.5)))
        columns = min(columns, _SQUARES // rows)
    return [(y, x) for y in _spread(height, rows) for x in _spread(width, columns)]


def _spread(length: int, count: int) -> list[slice]:
    """`count` spans of at most `ESTIMATED`, from the middle of a line or from end to end."""
    room = max(length - ESTIMATED, 0)
    starts = [room // 2] if count == 1 else [room * i // (count - 1) for i in range(count)]
    return [slice(start, start + ESTIMATED) for start in starts]
