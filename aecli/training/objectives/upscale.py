"""Super-resolution: the large picture from a small one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
import torch
from torch import Tensor, nn

from aecli.checkpoints.facts import UpscaleFacts
from aecli.errors import UsageError, did_you_mean
from aecli.images.levels import LUMA
from aecli.images.metrics import luma, psnr
from aecli.tables import section
from aecli.training.degradations.draws import Draws, on_device
from aecli.training.degradations.found import found_photo
from aecli.training.degradations.resize import resample, shrink
from aecli.training.objectives.base import Score, pixel_loss, to_picture, to_tensor
from aecli.training.objectives.restoring import Restoring, RestoringConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from aecli.models.registry import SuperResolver
    from aecli.training.data import Batch
    from aecli.training.objectives.base import Picture
    from aecli.training.objectives.trainable import UpscalerConfig

    Degradation = Callable[[Tensor, int, Draws], Tensor]


def _bicubic(clean: Tensor, scale: int, _: Draws) -> Tensor:
    return shrink(clean, scale)


def _luma(images: Tensor) -> Tensor:
    """(N, 3, H, W) -> (N, H, W)."""
    return (images * on_device(LUMA, images.device).view(3, 1, 1)).sum(1)


DEGRADATIONS: Mapping[str, Degradation] = {"bicubic": _bicubic, "photo": found_photo}
"""How small pictures come from large ones: large (N, 3, H, W), scale, draws -> small."""

VAL_BATCH = 8
"""Held-out pictures enlarged at once."""

VAL_SEED = 3
"""Of the validation's degradation, whatever the run's."""


@dataclass(frozen=True)
class UpscaleConfig(RestoringConfig):
    """The objective of super-resolution.

    Attributes:
        degradation: `bicubic`, the literature's setting, or `photo`, as people's files are.
        luma: weight of the luma's pixel loss beside that of red, green and blue: eyes, and the
            scores of the literature, see brightness first.
    """

    degradation: str = "photo"
    luma: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
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
    config: UpscaleConfig
    settings: ClassVar[type[UpscaleConfig]] = UpscaleConfig
    """What a recipe's [objective] is read as."""

    def __init__(self, table: Mapping[str, Any], loss: str, model: UpscalerConfig) -> None:
        self.config = section(self.settings, table, "objective")
        self.scale = model.scale
        self._pixel_loss = pixel_loss(loss)
        self._degrade = DEGRADATIONS[self.config.degradation]

    def degrade(self, clean: Tensor, draws: Draws, _extra: NDArray[np.bool_]) -> Batch:
        """`input`, (N, 3, h, w), and `target`, (N, 3, H, W), in [0, 1]."""
        small = self._degrade(clean, self.scale, draws)
        return {"input": small.contiguous(memory_format=torch.channels_last), "target": clean}

    def loss(
        self, module: nn.Module, batch: Mapping[str, Tensor], _fraction: float
    ) -> dict[str, Tensor]:
        """`pixel`, the error of the enlarged picture, and its `luma`'s where that has a weight."""
        model = cast("SuperResolver", module)
        return self.pixel_terms(model.upscale(batch["input"]), batch["target"])

    def pixel_terms(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        """`pixel` and, where that has a weight, `luma`: of (N, 3, H, W) each."""
        terms = {"pixel": self._pixel_loss(output, target)}
        if self.config.luma:
            bright = self._pixel_loss(_luma(output.float()), _luma(target))
            terms["luma"] = self.config.luma * bright
        return terms

    def validate(
        self, module: nn.Module, held_out: Sequence[Picture], device: torch.device
    ) -> Score:
        """Mean `figures`, and the PSNR of bicubic enlargement."""
        model = cast("SuperResolver", module)
        scores: list[dict[str, float]] = []
        baseline: list[float] = []
        rows: list[list[Picture]] = []
        for start in range(0, len(held_out), VAL_BATCH):
            pictures = held_out[start : start + VAL_BATCH]
            with torch.autocast(device.type, enabled=False):
                small, cubic = self._tests(np.stack(pictures), start, device)
            outputs = model.upscale(small)
            for number, clean in enumerate(pictures):
                plain, output = to_picture(cubic[number]), to_picture(outputs[number])
                scores.append(self.figures(clean, output))
                baseline.append(self._psnr(clean, plain))
                if (start + number) % 6 == 0:
                    rows.append([plain, output, clean])
        means = {name: float(np.mean([score[name] for score in scores])) for name in scores[0]}
        return Score({**means, "psnr_bicubic": float(np.mean(baseline))}, rows)

    def figures(self, clean: Picture, output: Picture) -> dict[str, float]:
        """How good an enlarged picture is: the PSNR of the luma without its border."""
        return {"psnr": self._psnr(clean, output)}

    def _tests(
        self, pictures: NDArray[np.uint8], first: int, device: torch.device
    ) -> tuple[Tensor, Tensor]:
        """Held-out pictures from number `first` on, degraded, and those enlarged bicubically."""
        clean = to_tensor(torch.from_numpy(pictures).to(device))
        draws = Draws(VAL_SEED, range(first, first + len(clean)), device)
        small = self._degrade(clean, self.scale, draws)
        return small, resample(small, clean.shape[2], clean.shape[3])

    def facts(self) -> UpscaleFacts:
        """The factor and what the model takes its inputs to be."""
        return UpscaleFacts(self.scale, self.config.degradation)

    def _psnr(self, clean: Picture, image: Picture) -> float:
        inner = slice(self.scale, -self.scale)
        return psnr(luma(clean[inner, inner]), luma(image[inner, inner]))
