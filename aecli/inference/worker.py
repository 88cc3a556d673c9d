"""A model at work on pictures of any size: where it runs, and its tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from aecli.errors import UsageError
from aecli.inference import tiling
from aecli.inference.ensemble import averaged

if TYPE_CHECKING:
    from aecli.checkpoints.format import Model
    from aecli.device import Runtime
    from aecli.images.image import Pixels

    Tile = int | Literal["auto", "off"]


class Worker:
    """A loaded model and where it runs; opened once for any number of pictures.

    Attributes:
        model: the loaded model.
        runtime: where it runs.
    """

    def __init__(self, model: Model, runtime: Runtime) -> None:
        self.model = model
        self.runtime = runtime
        runtime.prepare(model.module)

    @property
    def reach(self) -> int:
        """How many pixels away from a pixel its result can depend on, along the two axes in all."""
        geometry = self.model.geometry
        return 2 * (geometry.radius + geometry.multiple_of)

    def run(
        self,
        function: tiling.Function,
        pixels: Pixels,
        tile: Tile,
        progress: tiling.Progress | None,
        *,
        ensemble: bool = False,
    ) -> Pixels:
        """Colours through the network.

        Args:
            function: the network's method, as `tiling.apply` takes it.
            pixels: HxW or HxWx3; what lies under transparency should not matter (`alpha.bleed`).
            tile: pixels along a tile, `off` for the whole image at once, or `auto`: by memory.
            progress: called with the pixels done and those in all.
            ensemble: the mean over eight orientations of the picture (`ensemble.averaged`).

        Raises:
            UsageError: tile is not positive.
            InputError: not enough memory, even for small tiles.
            ModelError: the model gives values that are not finite.
        """
        geometry = self.model.geometry
        if tile == "auto":
            side = tiling.auto_tile(geometry, self.runtime, pixels)
        else:
            side = None if tile == "off" else tile
        if side is not None and side < 1:
            raise UsageError(f"a tile must have at least one pixel, not {side}")
        return tiling.apply(
            averaged(function) if ensemble else function,
            pixels,
            geometry,
            runtime=self.runtime,
            tile=side,
            progress=progress,
        )
