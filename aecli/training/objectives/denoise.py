"""Denoising: remove white Gaussian noise, and estimate its level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from aecli.errors import UsageError
from aecli.imaging.degrade import white_noise
from aecli.imaging.metrics import psnr
from aecli.tables import section
from aecli.training.objectives.base import Score, pixel_loss, to_colour, to_picture, to_tensor
from aecli.training.objectives.restoring import Restoring

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aecli.training.data import Batch
    from aecli.training.objectives.base import Picture


@dataclass(frozen=True)
class DenoiseConfig:
    """The objective of denoising.

    Attributes:
        sigma_max: noise levels are drawn from 0 to this, on the 0-255 scale.
        sigma_power: level = sigma_max * u ** sigma_power, u uniform; above 1 favours weak noise.
        estimate_weight: weight of the noise estimator's negative log-likelihood.
        val_sigmas: noise levels of the validation, on the 0-255 scale.
    """

    sigma_max: float = 75.0
    sigma_power: float = 1.5
    estimate_weight: float = 0.01
    val_sigmas: tuple[float, ...] = (15, 25, 50)

    def __post_init__(self) -> None:
        if not all(0 < s <= 255 for s in (self.sigma_max, *self.val_sigmas)):
            raise UsageError("objective.sigma_max and val_sigmas must be above 0, 255 at most")
        if not self.val_sigmas:
            raise UsageError("objective.val_sigmas must name at least one noise level")


class Denoise(Restoring):
    """Remove white Gaussian noise of a told level, and estimate that level."""

    primary = "psnr"

    def __init__(self, table: Mapping[str, Any], loss: str, _model: Any = None) -> None:
        self.config = section(DenoiseConfig, table, "objective")
        self._pixel_loss = pixel_loss(loss)

    def sample(self, clean: Picture, rng: np.random.Generator) -> Batch:
        """`input` and `target`, uint8 HxWx3, and `sigma` in [0, 1] units. Grey noise is grey."""
        sigma = self.config.sigma_max * rng.random() ** self.config.sigma_power
        noisy = white_noise(clean, sigma, rng)
        return {
            "input": to_colour(noisy),
            "target": to_colour(clean),
            "sigma": np.float32(sigma / 255).reshape(1, 1, 1),
        }

    def loss(
        self, module: nn.Module, batch: Mapping[str, Tensor], _fraction: float
    ) -> dict[str, Tensor]:
        """`pixel`: the told network's error; `estimate`: the estimator's surprise."""
        noisy, target = to_tensor(batch["input"]), to_tensor(batch["target"])
        model: Any = module
        pixel = self._pixel_loss(model.restore(noisy, batch["sigma"]), target)
        log_level, log_variance = (v.float() for v in model.votes(noisy))
        truth = (batch["sigma"].flatten(1) + model.estimator.FLOOR).log()[..., None]
        likelihood = 0.5 * (log_variance + (log_level - truth).square() * (-log_variance).exp())
        return {"pixel": pixel, "estimate": self.config.estimate_weight * likelihood.mean()}

    def validate(
        self, module: nn.Module, held_out: Sequence[Picture], device: torch.device
    ) -> Score:
        """Mean PSNR over the noise levels, nothing told, and the estimate's relative error."""
        model: Any = module
        levels: dict[str, float] = {}
        rows: list[list[Picture]] = []
        errors: list[float] = []
        for sigma in self.config.val_sigmas:
            scores = []
            for number, image in enumerate(held_out):
                clean = to_colour(image)
                noisy = white_noise(clean, sigma, np.random.default_rng([3, number]))
                x = to_tensor(torch.from_numpy(noisy)[None].to(device))
                level = model.estimate_sigma(x)
                output = to_picture(model.restore(x, level.reshape(1, 1, 1, 1))[0])
                scores.append(psnr(clean, output))
                errors.append(abs(float(level) * 255 / sigma - 1))
                if number % 6 == 0 and sigma == self.config.val_sigmas[-1]:
                    rows.append([noisy, output, clean])
            levels[f"psnr_sigma{sigma:g}"] = float(np.mean(scores))
        mean = float(np.mean(list(levels.values())))
        return Score({"psnr": mean, **levels, "sigma_error": float(np.mean(errors))}, rows)

    def facts(self) -> dict[str, Any]:
        """The trained range of noise levels, which inference keeps to."""
        return {"sigma_max": self.config.sigma_max}
