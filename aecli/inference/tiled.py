"""A model at work on pictures of any size: its engine, and its tiles."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

from aecli.errors import UsageError
from aecli.inference import tiling
from aecli.inference.ensemble import averaged

if TYPE_CHECKING:
    from collections.abc import Callable

    from aecli.checkpoints.format import Meta
    from aecli.images.image import Pixels
    from aecli.inference.engine import Call, Engine, Floats

    Tile = int | Literal["auto", "off"]
    Use = Callable[[Call, Floats], Floats]


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
        use: Use,
        pixels: Pixels,
        tile: Tile,
        progress: tiling.Progress | None,
        *,
        ensemble: bool = False,
    ) -> Pixels:
        """Colours through the network.

        Args:
            use: a call of the engine, and a picture (1, 3, h, w) as `tiling.apply` gives it -> the
                result for that.
            pixels: HxW or HxWx3; what lies under transparency should not matter (`alpha.bleed`).
            tile: pixels along a tile, `off` for the whole image at once, or `auto`: by memory.
            progress: called with the pixels done and those in all.
            ensemble: the mean over eight orientations of the picture (`ensemble.averaged`).

        Raises:
            UsageError: tile is not positive.
            InputError: not enough memory, even for small tiles.
            ModelError: the model gives values that are not finite.
        """
        if tile == "auto":
            side = tiling.auto_tile(self.engine, pixels)
        else:
            side = None if tile == "off" else tile
        if side is not None and side < 1:
            raise UsageError(f"a tile must have at least one pixel, not {side}")
        functions = [partial(use, call) for call in self.engine.calls]
        return tiling.apply(
            [averaged(f) for f in functions] if ensemble else functions,
            pixels,
            self.engine.geometry,
            tile=side,
            progress=progress,
        )
