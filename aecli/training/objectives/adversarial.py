"""Sharp super-resolution: detail that looks real, where the true one cannot be known.

It invents: for looking at pictures, not for measuring or proving anything by them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from aecli.errors import UsageError
from aecli.training.critic import CELL, Critic
from aecli.training.degradations.colour import luma
from aecli.training.objectives.base import to_tensor
from aecli.training.objectives.upscale import Upscale, UpscaleConfig
from aecli.training.perceptual import Features, distance

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from aecli.models.registry import Geometry, SuperResolver
    from aecli.training.config import Recipe
    from aecli.training.crops import RandomCrops
    from aecli.training.data import Batch
    from aecli.training.degradations.draws import Draws
    from aecli.training.objectives.base import Picture
    from aecli.training.objectives.trainable import UpscalerConfig

AROUND = 3
"""A place's texture is looked for in the square of so many cells on each side of it."""

PATCH = 5
"""Side of the squares of cells in which a pattern repeats, cells."""

EYE = 8
"""Pixels a side that features are of multiples of."""

FAINT = 2 / 255
"""Detail, as a mean deviation of the luma, at which half of the critic's word counts."""


@dataclass(frozen=True)
class AdversarialConfig(UpscaleConfig):
    """The objective of sharp super-resolution: beside the pixel loss, two others.

    Attributes:
        features: the denoiser whose encoder says how different two pictures look.
        perceptual: weight of that difference.
        seen: side of the square in the middle of a crop that it is taken of, as a share of the
            crop's side: features take long.
        adversarial: weight of the critic's word.
        critic: channels of the critic.
        grid: weight of what repeats from cell to cell of the small picture's grid where it does not
            in the truth: of all detail it is the easiest to learn, and the first that eyes see.
        graphics: as in `RestoringConfig`; nothing is invented there.
    """

    features: str = "gaussian"
    perceptual: float = 0.1
    seen: float = 0.5
    adversarial: float = 0.015
    critic: int = 48
    grid: float = 4.0
    graphics: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.perceptual, self.adversarial, self.grid) < 0 or self.critic < 1:
            raise UsageError(
                "objective.perceptual, adversarial, grid must not be negative, nor critic below 1"
            )
        if not 0 < self.seen <= 1:
            raise UsageError("objective.seen is a share: above 0, at most 1")


class Adversarial(Upscale):
    """Find a picture that looks like the one that was degraded, to a network and to a critic."""

    settings = AdversarialConfig
    config: AdversarialConfig

    def __init__(self, table: Mapping[str, Any], loss: str, model: UpscalerConfig) -> None:
        super().__init__(table, loss, model)
        self.features = Features(self.config.features)
        self.critic: nn.Module = nn.Identity()

    def opponent(self) -> nn.Module:
        """The critic."""
        self.critic = Critic(self.config.critic)
        return self.critic

    def begin(self, module: nn.Module, source: RandomCrops) -> None:
        """All weights are trained, but for the features'."""
        super().begin(module, source)
        self.features.to(next(module.parameters()).device)

    def check(self, recipe: Recipe, geometry: Geometry) -> None:
        """As other objectives of restoration; the features take multiples of `EYE` pixels alone."""
        super().check(recipe, geometry)
        for name, side in (("crop", recipe.data.crop), ("val_crop", recipe.data.val_crop)):
            if side % EYE:
                raise UsageError(
                    f"data.{name} = {side} does not suit the features",
                    f"they are of multiples of {EYE} pixels",
                )

    def degrade(self, clean: Tensor, draws: Draws, extra: NDArray[np.bool_]) -> Batch:
        """`input` and `target`, and how the critic sees them.

        `busy`: (N, 1, H/4, W/4), where it is heard, 0 to 1; `rolled`: (N, 2), pixels down and to
        the right that it sees them moved by, every offset in a cell in turn.
        """
        pair = super().degrade(clean, draws, extra)
        drawn = draws.on_device(extra)[:, None, None, None]
        offsets = np.stack([draws.numbers % CELL, draws.numbers // CELL % CELL], 1)
        return {**pair, "busy": busy(clean) * (1 - drawn), "rolled": draws.on_device(offsets)}

    def loss(
        self, module: nn.Module, batch: Mapping[str, Tensor], _fraction: float
    ) -> dict[str, Tensor]:
        """`pixel`, `luma`, `grid`, `perceptual`, `adversarial`, and the critic's own, `critic`."""
        model = cast("SuperResolver", module)
        output, target = model.upscale(batch["input"]).float(), batch["target"]
        terms = self.pixel_terms(output, target)
        terms["grid"] = self.config.grid * repeated(output - target, self.scale).abs().mean()
        seen, wanted = (self.features(_middle(p, self.config.seen)) for p in (output, target))
        terms["perceptual"] = self.config.perceptual * distance(seen, wanted).mean()
        return terms | self.contest(output, batch)

    def contest(self, output: Tensor, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What the network loses to the critic, `adversarial`, and the critic to it, `critic`.

        The critic tells which of two looks real, place by place: its scores are compared with each
        other (Jolicoeur-Martineau 2018). Each term gives gradients to one of the two alone, so that
        one step trains both.
        """
        beside = F.interpolate(batch["input"], output.shape[-2:], mode="bilinear")
        target, output, beside = (
            moved(p, batch["rolled"]) for p in (batch["target"], output, beside)
        )
        frozen = {name: weight.detach() for name, weight in self.critic.named_parameters()}
        real = self.critic(target, beside)
        fake = self.critic(output.detach(), beside)
        judged = functional_call(self.critic, frozen, (output, beside))
        lost = (batch["busy"] * F.softplus(real.detach() - judged)).mean()
        return {
            "adversarial": self.config.adversarial * lost,
            "critic": F.softplus(fake - real).mean(),
        }

    def figures(self, clean: Picture, output: Picture) -> dict[str, float]:
        """Also `perceptual`, how different they look, and `detail`, how much the output has.

        `detail` is the standard deviation of the luma's finest detail, that of the truth being 1.
        """
        device = next(self.features.parameters()).device
        pair = to_tensor(torch.from_numpy(np.stack([output, clean])).to(device))
        with torch.autocast(device.type, enabled=False):
            ours, theirs = ([level[k : k + 1] for level in self.features(pair)] for k in (0, 1))
            fine = _fine(pair).flatten(1).std(1)
        return super().figures(clean, output) | {
            "perceptual": float(distance(ours, theirs)),
            "detail": float(fine[0] / fine[1].clamp_min(1e-4)),
        }


def busy(pictures: Tensor) -> Tensor:
    """(N, 3, H, W) -> (N, 1, H/4, W/4): 0 where a picture is flat, near 1 where it has texture."""
    detail = F.avg_pool2d(_fine(pictures).abs(), CELL)
    around = F.avg_pool2d(detail, 2 * AROUND + 1, 1, AROUND, count_include_pad=False)
    return around / (around + FAINT)


def repeated(pictures: Tensor, cell: int) -> Tensor:
    """What repeats on a grid, from one cell to those around it, the cells' means aside.

    Args:
        pictures: (N, C, H, W).
        cell: side of the grid's cells, pixels.

    Returns:
        (N, C, cell**2, h, w): the cells' mean pattern, in squares of `PATCH` cells a side.
    """
    count, colours = pictures.shape[:2]
    places = F.pixel_unshuffle(pictures, cell)
    places = places.reshape(count, colours, cell**2, *places.shape[-2:])
    patterns = places - places.mean(2, keepdim=True)
    local = F.avg_pool2d(patterns.flatten(1, 2), PATCH, 1)
    return local.reshape(count, colours, cell**2, *local.shape[-2:])


def moved(pictures: Tensor, by: Tensor) -> Tensor:
    """Pictures (N, C, H, W), each rolled by its own (N, 2) pixels down and to the right.

    So the critic's grid lies elsewhere in each. Its strides give some pixels of a cell more of the
    gradient than others (Odena et al. 2016), which a network would learn as dots along edges.
    """
    for axis, offsets in zip((2, 3), by.unbind(1), strict=True):
        side = pictures.shape[axis]
        sources = (torch.arange(side, device=by.device) - offsets[:, None]) % side
        shape = [len(pictures), 1, 1, 1]
        shape[axis] = side
        pictures = pictures.gather(axis, sources.view(shape).expand_as(pictures))
    return pictures


def _fine(pictures: Tensor) -> Tensor:
    """The luma less its mean over 3 x 3 pixels: (N, 3, H, W) -> (N, 1, H, W)."""
    bright = luma(pictures)
    return bright - F.avg_pool2d(bright, 3, 1, 1, count_include_pad=False)


def _middle(pictures: Tensor, share: float) -> Tensor:
    """The square in the middle of squares, multiples of `EYE`: (N, 3, H, H) -> (N, 3, S, S)."""
    side = max(1, round(share * pictures.shape[-1] / EYE)) * EYE
    start = (pictures.shape[-1] - side) // 2
    return pictures[..., start : start + side, start : start + side]
