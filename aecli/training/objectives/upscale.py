"""Super-resolution: the large picture from a small one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from aecli.errors import UsageError, did_you_mean
from aecli.images.metrics import luma, psnr
from aecli.images.resample import resample
from aecli.images.square import LUMA
from aecli.tables import section
from aecli.training import degrade
from aecli.training.objectives.base import Score, pixel_loss, to_colour, to_picture, to_tensor
from aecli.training.objectives.restoring import Restoring

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aecli.training.objectives.base import Picture

    Degradation = Callable[[Picture, int, np.random.Generator], Picture]


def _bicubic(clean: Picture, scale: int, _: np.random.Generator) -> Picture:
    return degrade.shrink(clean, scale)


def _luma(images: Tensor) -> Tensor:
    """(N, 3, H, W) -> (N, H, W)."""
    return torch.einsum("nchw,c->nhw", images, images.new_tensor(LUMA.tolist()))


DEGRADATIONS: Mapping[str, Degradation] = {"bicubic": _bicubic, "photo": degrade.found_photo}
"""How the small picture comes from the large one: large, scale, generator -> small."""


@dataclass(frozen=True)
class UpscaleConfig:
    """The objective of super-resolution.

    Attributes:
        degradation: `bicubic`, the literature's setting, or `photo`, as people's files are.
        luma: weight of the luma's pixel loss beside that of red, green and blue: eyes, and the
            scores of the literature, see brightness first.
    """

    degradation: str = "photo"
    luma: float = 0.0

    def __post_init__(self) -> None:
        if self.luma < 0:
            raise UsageError("objective.luma must not be negative")
        if self.degradation not in DEGRADATIONS:
            raise UsageError(
                f"unknown degradation {self.degradation!r}",
                did_you_mean(self.degradation, DEGRADATIONS),
            )


class Upscale(Restoring):
    """Find the picture that was degraded."""

    primary = "psnr"

    def __init__(self, table: Mapping[str, Any], loss: str, model: Any) -> None:
        self.config = section(UpscaleConfig, table, "objective")
        self.scale: int = model.scale
        self._pixel_loss = pixel_loss(loss)
        self._degrade = DEGRADATIONS[self.config.degradation]

    def sample(self, clean: Picture, rng: np.random.Generator) -> Any:
        """`input`, uint8 hxwx3, and `target`, HxWx3."""
        small = self._degrade(clean, self.scale, rng)
        return {"input": to_colour(small), "target": to_colour(clean)}

    def loss(
        self, module: nn.Module, batch: Mapping[str, Tensor], _fraction: float
    ) -> dict[str, Tensor]:
        """`pixel`, the error of the enlarged picture, and its `luma`'s where that has a weight."""
        model: Any = module
        target = to_tensor(batch["target"])
        output = model.upscale(to_tensor(batch["input"]))
        terms = {"pixel": self._pixel_loss(output, target)}
        if self.config.luma:
            bright = self._pixel_loss(_luma(output.float()), _luma(target))
            terms["luma"] = self.config.luma * bright
        return terms

    def validate(
        self, module: nn.Module, held_out: Sequence[Picture], device: torch.device
    ) -> Score:
        """Mean PSNR of the luma without its border, and that of bicubic enlargement."""
        model: Any = module
        scores: list[float] = []
        baseline: list[float] = []
        rows: list[list[Picture]] = []
        for number, image in enumerate(held_out):
            clean = to_colour(image)
            small = self._degrade(clean, self.scale, np.random.default_rng([3, number]))
            output = to_picture(
                model.upscale(to_tensor(torch.from_numpy(small)[None].to(device)))[0]
            )
            cubic = resample(small, *clean.shape[:2])
            scores.append(self._psnr(clean, output))
            baseline.append(self._psnr(clean, cubic))
            if number % 6 == 0:
                rows.append([cubic, output, clean])
        return Score(
            {"psnr": float(np.mean(scores)), "psnr_bicubic": float(np.mean(baseline))}, rows
        )

    def facts(self) -> dict[str, Any]:
        """The factor and what the model takes its inputs to be."""
        return {"scale": self.scale, "degradation": self.config.degradation}

    def _psnr(self, clean: Picture, image: Picture) -> float:
        inner = slice(self.scale, -self.scale)
        return psnr(luma(clean[inner, inner]), luma(image[inner, inner]))
