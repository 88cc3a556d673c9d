"""What the objectives of restoration share: random crops of image files, all weights trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from aecli.errors import UsageError
from aecli.files.inputs import collect
from aecli.training.data import Crops, ImagePool, validation_crops

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import nn

    from aecli.models.registry import Geometry
    from aecli.training.config import Recipe
    from aecli.training.data import Source
    from aecli.training.objectives.base import Picture


class Restoring:
    """The part of an objective that is the same for every degradation."""

    def collect(self, names: Sequence[str]) -> list[Path]:
        """Image files; folders are searched to the bottom."""
        names = [str(Path(n).expanduser()) for n in names]
        missing = [n for n in names if n == "-" or not Path(n).exists()]
        if missing:
            raise UsageError(f"there is no file or folder {missing[0]!r}")
        sources = collect(names, recursive=True)
        return [s.path for s in sources if s.path is not None]

    def open(
        self,
        train: Sequence[Path],
        val: Sequence[Path],
        recipe: Recipe,
        geometry: Geometry,
        warn: Callable[[str], None],
    ) -> tuple[Source, list[Picture]]:
        """Random crops, and the centres of the held-out images."""
        _check_crops(recipe, geometry)
        data = recipe.data
        pool = ImagePool(train, data.cache_mb << 20, warn)
        held_out = validation_crops(val, data.val_crop, data.val_limit, warn)
        return Crops(pool, data, recipe.run.seed), held_out

    def begin(self, module: nn.Module, source: Source) -> None:
        """Nothing: all weights are trained."""

    def facts(self) -> dict[str, Any]:
        """Nothing."""
        return {}


def _check_crops(recipe: Recipe, geometry: Geometry) -> None:
    unit = geometry.multiple_of * geometry.scale
    least = max(unit, geometry.minimum * geometry.scale)
    for name, side in (("crop", recipe.data.crop), ("val_crop", recipe.data.val_crop)):
        if side % unit or side < least:
            raise UsageError(
                f"data.{name} = {side} does not suit this architecture",
                f"it works on multiples of {unit} pixels, {least} at least",
            )
