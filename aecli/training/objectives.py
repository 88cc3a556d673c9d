"""What each task asks of its model: how a clean crop becomes a sample, the loss, and the score.

The engine knows nothing of tasks; the architecture's spec names the objective.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aecli.errors import UsageError, did_you_mean
from aecli.imaging.degrade import white_noise
from aecli.imaging.metrics import psnr
from aecli.tables import section

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from aecli.training.data import Batch

    Picture = NDArray[np.uint8]


def charbonnier(output: Tensor, target: Tensor) -> Tensor:
    """Mean of sqrt(d^2 + 1e-6), a smooth L1 (Charbonnier et al. 1994)."""
    return (output - target).square().add(1e-6).sqrt().mean()


PIXEL_LOSSES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l1": F.l1_loss,
    "mse": F.mse_loss,
    "charbonnier": charbonnier,
}
"""The functions behind `aecli.training.config.LOSSES`."""


def pixel_loss(name: str) -> Callable[[Tensor, Tensor], Tensor]:
    """A pixel loss by name; UsageError names the nearest."""
    if name not in PIXEL_LOSSES:
        raise UsageError(f"unknown loss {name!r}", did_you_mean(name, PIXEL_LOSSES))
    return PIXEL_LOSSES[name]


@dataclass(frozen=True)
class Score:
    """A validation's figures, the primary one first, and rows of pictures to look at.

    A row is input | output | clean.
    """

    metrics: dict[str, float]
    rows: list[list[Picture]] = field(default_factory=list)


class Objective(Protocol):
    """What the engine needs of a task."""

    primary: str
    """The metric that chooses the best weights; higher is better."""

    def sample(self, clean: Picture, rng: np.random.Generator) -> Batch:
        """Named arrays from a clean crop (HxW or HxWx3). Runs in background threads."""
        ...

    def loss(self, module: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The terms of the loss on a batch of samples, each a scalar; their sum is minimised."""
        ...

    def validate(self, module: nn.Module, images: Sequence[Picture], device: torch.device) -> Score:
        """Score a model on clean crops."""
        ...

    def facts(self) -> dict[str, Any]:
        """What a checkpoint's metadata must say of the objective."""
        ...


def to_colour(image: Picture) -> Picture:
    """HxW or HxWx3 -> HxWx3."""
    return image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)


def to_tensor(images: Tensor) -> Tensor:
    """uint8 (N, H, W, 3) -> float32 (N, 3, H, W) in [0, 1], channels last in memory."""
    return images.permute(0, 3, 1, 2).float() / 255


def to_picture(image: Tensor) -> Picture:
    """(3, H, W) in [0, 1] -> uint8 HxWx3, clipped and rounded."""
    pixels = (image.float().clamp(0, 1) * 255).round().byte()
    return cast("Picture", pixels.permute(1, 2, 0).cpu().numpy())


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


class Denoise:
    """Remove white Gaussian noise of a told level, and estimate that level."""

    primary = "psnr"

    def __init__(self, table: Mapping[str, Any], loss: str) -> None:
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

    def loss(self, module: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """`pixel`: the told network's error; `estimate`: the estimator's surprise."""
        noisy, target = to_tensor(batch["input"]), to_tensor(batch["target"])
        model: Any = module
        pixel = self._pixel_loss(model.restore(noisy, batch["sigma"]), target)
        log_level, log_variance = (v.float() for v in model.votes(noisy))
        truth = (batch["sigma"].flatten(1) + model.estimator.FLOOR).log()[..., None]
        likelihood = 0.5 * (log_variance + (log_level - truth).square() * (-log_variance).exp())
        return {"pixel": pixel, "estimate": self.config.estimate_weight * likelihood.mean()}

    def validate(self, module: nn.Module, images: Sequence[Picture], device: torch.device) -> Score:
        """Mean PSNR over the noise levels, nothing told, and the estimate's relative error."""
        model: Any = module
        levels: dict[str, float] = {}
        rows: list[list[Picture]] = []
        errors: list[float] = []
        for sigma in self.config.val_sigmas:
            scores = []
            for number, image in enumerate(images):
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


OBJECTIVES: Mapping[str, Callable[[Mapping[str, Any], str], Objective]] = {"denoise": Denoise}
