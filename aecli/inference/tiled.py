"""A model at work on pictures of any size: its engine, and its tiles."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from aecli.errors import UsageError
from aecli.inference import tiling
from aecli.inference.ensemble import averaged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aecli.checkpoints.format import Meta
    from aecli.images.image import Pixels
    from aecli.inference.engine import Engine, Floats

    Tile = int | Literal["auto", "off"]


class TiledModel:
    """A loaded model; opened once for any number of pictures.

    Attributes:
        engine: the model where it runs.
        meta: what its file says of it.
    """

    def __init__(self, engine: Engine, meta: Meta) -> None:
        self.engine = engine
        self.meta = meta

    @property
    def reach(self) -> int:
        """How many pixels away from a pixel its result can depend on, along the two axes in all."""
        geometry = self.engine.geometry
        return 2 * (geometry.radius + geometry.multiple_of)

    def run(
        self,
        method: str,
        pixels: Pixels,
        tile: Tile,
        progress: tiling.Progress | None,
        *,
        maps: Sequence[float] = (),
        share: float = 1.0,
        ensemble: bool = False,
    ) -> Pixels:
        """Colours through the network.

        Args:
            method: of the network: pictures (1, 3, h, w), and a map (1, 1, h, w) for each of `maps`
                -> results.
            pixels: HxW or HxWx3; what lies under transparency should not matter (`alpha.bleed`).
            tile: pixels along a tile, `off` for the whole image at once, or `auto`: by memory.
            progress: called with the pixels done and those in all.
            maps: what the method takes besides, each the same at every pixel.
            share: of the result, the rest being the picture itself, which is as large.
            ensemble: the mean over eight orientations of the picture (`ensemble.averaged`).

        Raises:
            UsageError: tile is not positive.
            InputError: not enough memory, even for small tiles.
            ModelError: the model gives values that are not finite.
        """
        if isinstance(tile, int) and tile < 1:
            raise UsageError(f"a tile must have at least one pixel, not {tile}")
        geometry = self.engine.geometry
        if tile == "auto":
            core = tiling.auto_tile(self.engine, pixels)
        else:
            core = None if tile == "off" else (tile, tile)
        functions: list[tiling.Function] = [partial(call, method) for call in self.engine.calls]
        if ensemble:
            functions = [averaged(function) for function in functions]
        if share < 1:
            functions = [_mixed(function, share) for function in functions]
        return tiling.apply(functions, pixels, geometry, tile=core, maps=maps, progress=progress)


def _mixed(function: tiling.Function, share: float) -> tiling.Function:
    """A function's result, and its input for the rest."""

    def mean(x: Floats, *maps: Floats) -> Floats:
        return x + np.float32(share) * (function(x, *maps) - x)

    return mean
