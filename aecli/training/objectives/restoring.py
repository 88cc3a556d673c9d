"""What the objectives of restoration share: random crops of image files, all weights trained."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aecli.checkpoints.facts import Facts
from aecli.errors import UsageError
from aecli.training.crops import open_crops, validation_crops
from aecli.training.degradations import graphics
from aecli.training.objectives.base import OfPictures

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from aecli.datasets.item import Item
    from aecli.models.registry import Geometry
    from aecli.training.config import Recipe
    from aecli.training.crops import RandomCrops
    from aecli.training.data import Batch
    from aecli.training.degradations.draws import Draws
    from aecli.training.objectives.base import Picture
    from aecli.training.observer import Observer


GRAPHICS = 400
"""Graphics drawn for a run that wants some."""


@dataclass(frozen=True)
class RestoringConfig:
    """What every objective of restoration is told.

    Attributes:
        graphics: share of the crops that come from drawn graphics, text, lines, charts, gradients:
            screens and scans are restored as often as photographs, which hold hardly any text.
    """

    graphics: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.graphics <= 1:
            raise UsageError("objective.graphics must lie between 0 and 1")


class Restoring(OfPictures):
    """The part of an objective that is the same for every degradation."""

    config: RestoringConfig

    def open(
        self,
        train: Sequence[Item],
        val: Sequence[Item],
        recipe: Recipe,
        geometry: Geometry,
        device: torch.device,
        observer: Observer,
    ) -> tuple[RandomCrops, list[Picture]]:
        """Random crops, and the centres of the held-out images."""
        self.check(recipe, geometry)
        data, seed = recipe.data, recipe.run.seed
        held_out = validation_crops(val, data.val_crop, data.val_limit, observer.warn)
        extras, share = self.extras(train, recipe)
        return open_crops(train, data, seed, device, observer, extras, share), held_out

    def check(self, recipe: Recipe, geometry: Geometry) -> None:
        """See that crops are of a size that the architecture takes.

        Raises:
            UsageError: they are not.
        """
        unit = geometry.multiple_of * geometry.scale
        least = max(unit, geometry.minimum * geometry.scale)
        for name, side in (("crop", recipe.data.crop), ("val_crop", recipe.data.val_crop)):
            if side % unit or side < least:
                raise UsageError(
                    f"data.{name} = {side} does not suit this architecture",
                    f"it works on multiples of {unit} pixels, {least} at least",
                )

    def opening(self, recipe: Recipe) -> Hashable:
        """[data] but for the batches, the seed, and the share of graphics."""
        return replace(recipe.data, batch=1), recipe.run.seed, self.config.graphics

    def extras(self, train: Sequence[Item], recipe: Recipe) -> tuple[Sequence[Picture], float]:
        """Pictures to learn from beside the images, HxW or HxWx3, and their share of the crops."""
        share = self.config.graphics
        return (self.drawn(train, recipe.run.seed) if share else ()), share

    def drawn(self, _train: Sequence[Item], seed: int) -> Sequence[Picture]:
        """Graphics that can be told when they are small; a denoiser's are finer."""
        return graphics.make((), GRAPHICS, seed, graphics.PLAIN)

    def begin(self, module: nn.Module, source: RandomCrops) -> None:
        """Nothing: all weights are trained."""

    def batch(self, source: RandomCrops, draws: Draws) -> Batch:
        """Clean crops, and what becomes of them."""
        clean, extra = source.take(draws)
        return self.degrade(clean, draws, extra)

    def degrade(self, clean: Tensor, draws: Draws, extra: NDArray[np.bool_]) -> Batch:
        """What the network is trained on.

        Args:
            clean: (N, 3, crop, crop) in [0, 1] on the device, grey ones with three equal channels.
            draws: of all that is random.
            extra: which of them come from `extras`, (N,).
        """
        raise NotImplementedError

    def facts(self) -> Facts:
        """Nothing; every objective of this family knows more."""
        return Facts()
