"""Removing noise from whole pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Literal, Self

import numpy as np

from aecli.checkpoints import store
from aecli.checkpoints.facts import DenoiseFacts
from aecli.errors import UsageError
from aecli.images.alpha import bleed
from aecli.inference import engine as engines
from aecli.inference import tiling
from aecli.inference.tiled import TiledModel
from aecli.models.registry import ESTIMATED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from aecli.checkpoints.format import Meta
    from aecli.checkpoints.store import Found
    from aecli.device import Terms
    from aecli.images.image import Image, Pixels
    from aecli.inference.engine import Areas, Engine, Floats
    from aecli.inference.tiled import Tile

METHODS = ("restore", "estimate_sigma")
"""Of a denoiser."""

_SQUARES = 48
"""The noise level is estimated on at most so many squares."""

_TRIALS = 4
"""On so many of them it is tried whether noise is white."""

_VISIBLE = 2.0
"""Weaker noise than this, on the 0-255 scale, is of no kind."""

_SEEN, _LEFT = 0.4, 0.5
"""Of white noise a model of it sees at least the first part, and leaves at most the second: so it
was for 59 of 62 training photographs at sigma 5. Where it left more than a quarter, it was still
0.4 to 3 dB the better one. Of 744 with other noise it saw as much of 35: of six of these,
as fine as white noise, it left less than a quarter, of one 0.28, of the others 0.58 and more."""


@dataclass(frozen=True)
class Restored:
    """A restored picture.

    Attributes:
        image: the picture.
        sigma: the noise level it was taken to have, on the 0-255 scale.
        model: which model restored it, where several were at hand.
    """

    image: Image
    sigma: float
    model: str | None = None

    @property
    def facts(self) -> Mapping[str, float | str]:
        """What there is to say of it, by name."""
        return {"sigma": self.sigma} | ({} if self.model is None else {"model": self.model})


class Restorer(TiledModel):
    """A denoiser at work on pictures.

    Attributes:
        runs_on: where and in what precision, and who chose that.
    """

    def __init__(
        self,
        engine: Engine,
        meta: Meta,
        runs_on: Terms,
        white: Callable[[], Restorer] | None = None,
    ) -> None:
        """What is loaded.

        Args:
            engine, meta: see `TiledModel`.
            runs_on: see above.
            white: opens the model that pictures are left to whose noise is white.
        """
        super().__init__(engine, meta)
        self.runs_on = runs_on
        self._open_white = white

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
        """Find, verify and load a model.

        Args:
            model: its name or path; None: the default one, which leaves pictures whose noise is
                white to the best model of that, if there is one.
            engine, device, precision, areas: see `aecli.inference.engine.choose`.

        Raises:
            UsageError: no such engine, device or precision.
            ModelError: no such model, or it is damaged.
        """
        found = store.find("denoise", model)
        opened = partial(cls._opened, asked=(engine, device, precision, areas))
        if model is None and _noise(found) != "white":
            for other in store.preferred("denoise"):
                if _noise(other) == "white":
                    return opened(found, partial(opened, other))
        return opened(found)

    @classmethod
    def _opened(
        cls,
        found: Found,
        white: Callable[[], Restorer] | None = None,
        *,
        asked: tuple[str, str, str, Areas],
    ) -> Self:
        """A model for engine, device, precision and areas as `asked`."""
        store.verify(found)
        choice = engines.choose([found.path], METHODS, *asked)
        return cls(choice.open(found.path), found.meta, choice.reason, white)

    @cached_property
    def white(self) -> Restorer | None:
        """The model that pictures are left to whose noise is white; None where there is none.

        Raises:
            ModelError: it is damaged.
        """
        return self._open_white() if self._open_white else None

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
        if self._open_white is None:
            model, tag = self, None
            level = self.estimate_sigma(image) if sigma == "auto" else sigma
        else:
            model, seen = self._fitting(image)
            tag, level = model.meta.tag, seen if sigma == "auto" else sigma
        facts = DenoiseFacts.read(model.meta.training)
        share, factor = 1.0, strength
        if facts.noise == "camera":
            share, factor = min(strength, 1.0), max(strength, 1.0)
        told = min(level * factor, facts.sigma_max)
        if told * share == 0:
            return Restored(image, level, tag)
        pixels = image.pixels
        if image.alpha is not None:  # what is fully transparent leaves no trace
            pixels = bleed(pixels, image.alpha, model.reach)
        maps = [told / 255]
        pixels = model.run(
            "restore", pixels, tile, progress, maps=maps, share=share, ensemble=ensemble
        )
        return Restored(image.with_pixels(pixels, image.alpha), level, tag)

    def estimate_sigma(self, image: Image) -> float:
        """The standard deviation of a picture's noise on the 0-255 scale, for any size at one cost.

        The median of the model's estimates on evenly spaced squares; squares with fully transparent
        pixels count only where there are no others.
        """
        return self._level([self._square(image.pixels[at]) for at in _visible(image)])

    def _fitting(self, image: Image) -> tuple[Restorer, float]:
        """The model of white noise, if a picture's noise is white, else this one; what it sees.

        It is where that model sees what this one sees, and on a few squares leaves little of it:
        noise that a camera has smoothed, or JPEG, is hardly seen or hardly removed by it.
        """
        squares = [self._square(image.pixels[at]) for at in _visible(image)]
        level = self._level(squares)
        if level < _VISIBLE or self.white is None:
            return self, level
        seen = self.white._level(squares)
        if seen < _SEEN * level:
            return self, level
        call = self.white.engine.fp32[0]
        tried = squares[:: -(-len(squares) // _TRIALS)]
        cleaned = [call("restore", x, np.full_like(x[:, :1], seen / 255)).clip(0, 1) for x in tried]
        left = self._level(cleaned)
        return (self.white, seen) if left <= _LEFT * level else (self, level)

    def _level(self, squares: Sequence[Floats]) -> float:
        """The median of the levels of squares, on the 0-255 scale."""
        call = self.engine.fp32[0]
        levels = sorted(float(call("estimate_sigma", square)[0]) for square in squares)
        middle = levels[(len(levels) - 1) // 2 : len(levels) // 2 + 1]  # numpy's median is slow
        return 255 * sum(middle) / len(middle)

    def _square(self, pixels: Pixels) -> Floats:
        side = tiling.padded(ESTIMATED, self.engine.geometry)
        return tiling.window(pixels, (0, side), (0, side))


def _noise(found: Found) -> str:
    """The kind of noise that a model removes."""
    return DenoiseFacts.read(found.meta.training).noise


def _visible(image: Image) -> list[tuple[slice, slice]]:
    """Evenly spaced squares; ones with fully transparent pixels where there are no others."""
    squares = _squares(image.height, image.width)
    if image.alpha is None:
        return squares
    hidden = [int((image.alpha[at] == 0).sum()) for at in squares]
    return [at for at, count in zip(squares, hidden, strict=True) if count == min(hidden)]


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
