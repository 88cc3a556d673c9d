"""Denoising: remove white Gaussian noise or a camera's, and estimate its level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from aecli.checkpoints.facts import NOISES, DenoiseFacts
from aecli.errors import UsageError, did_you_mean
from aecli.images.metrics import psnr
from aecli.tables import section
from aecli.training.camera import Camera, any_camera
from aecli.training.data import luma
from aecli.training.degrade import jpeg, white_noise
from aecli.training.objectives.base import Score, pixel_loss, to_colour, to_picture, to_tensor
from aecli.training.objectives.restoring import Restoring

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aecli.training.data import Batch
    from aecli.training.objectives.base import Picture


VAL_CAMERAS = {
    "weak": Camera(shot=0.0015, read=4e-6, mixture=0.5, quality=90),
    "middling": Camera(shot=0.006, read=4e-5, mixture=0.5, quality=90),
    "strong": Camera(shot=0.02, read=4e-4, mixture=0.5, quality=90),
}
"""The cameras of the validation; training draws its own (`aecli.training.camera.any_camera`)."""

BESIDE = ("psnr_clean", "psnr_grey")
"""What the validation's mean leaves out."""


@dataclass(frozen=True)
class DenoiseConfig:
    """The objective of denoising.

    Attributes:
        noise: `white`, Gaussian and the same everywhere, or `camera`, as sensors leave it.
        clean: share of the crops that have no noise at all, and are to stay as they are.
        doubt: how far off the level is that the network is told: the standard deviation of its
            logarithm. A network told precisely trusts what it is told, even where that is wrong.
        sigma_max: levels of white noise are drawn from 0 to this, on the 0-255 scale; told levels
            are cut to it.
        sigma_power: level = sigma_max * u ** sigma_power, u uniform; above 1 favours weak noise.
        estimate_weight: weight of the noise estimator's error.
        val_sigmas: levels of white noise in the validation, on the 0-255 scale.
    """

    noise: str = "white"
    clean: float = 0.0
    doubt: float = 0.0
    sigma_max: float = 75.0
    sigma_power: float = 1.5
    estimate_weight: float = 0.01
    val_sigmas: tuple[float, ...] = (15, 25, 50)

    def __post_init__(self) -> None:
        if self.noise not in NOISES:
            raise UsageError(f"unknown noise {self.noise!r}", did_you_mean(self.noise, NOISES))
        if not 0 <= self.clean <= 1 or self.doubt < 0:
            raise UsageError("objective.clean must lie between 0 and 1, doubt not be negative")
        if not all(0 < s <= 255 for s in (self.sigma_max, *self.val_sigmas)):
            raise UsageError("objective.sigma_max and val_sigmas must be above 0, 255 at most")
        if not self.val_sigmas:
            raise UsageError("objective.val_sigmas must name at least one noise level")


class Denoise(Restoring):
    """Remove noise of a level that is told, more or less exactly, and estimate that level."""

    primary = "psnr"

    def __init__(self, table: Mapping[str, Any], loss: str, _model: Any = None) -> None:
        self.config = section(DenoiseConfig, table, "objective")
        self._pixel_loss = pixel_loss(loss)

    def sample(self, clean: Picture, rng: np.random.Generator) -> Batch:
        """`input`, `target`: uint8 HxWx3; `sigma`, `told`: in [0, 1] units. Grey noise is grey."""
        c = self.config
        if c.clean and rng.random() < c.clean:
            noisy, target, sigma = _untouched(clean, rng)
        elif c.noise == "white":
            sigma = c.sigma_max * rng.random() ** c.sigma_power
            noisy, target = white_noise(clean, sigma, rng), clean
        else:
            noisy, target = any_camera(rng).take(clean, rng)
            sigma = _rms(noisy, target)
        told = sigma
        if c.doubt:  # on the scale on which the estimator is trained
            told = (sigma + 0.5) * np.exp(c.doubt * rng.standard_normal()) - 0.5
        return {
            "input": to_colour(noisy),
            "target": to_colour(target),
            "sigma": np.float32(sigma / 255).reshape(1, 1, 1),
            "told": np.float32(np.clip(told, 0, c.sigma_max) / 255).reshape(1, 1, 1),
        }

    def loss(
        self, module: nn.Module, batch: Mapping[str, Tensor], _fraction: float
    ) -> dict[str, Tensor]:
        """`pixel`: the told network's error; `estimate`: the estimator's, in levels' logarithm."""
        noisy, target = to_tensor(batch["input"]), to_tensor(batch["target"])
        model: Any = module
        pixel = self._pixel_loss(model.restore(noisy, batch["told"]), target)
        truth = (batch["sigma"].flatten() + model.estimator.FLOOR).log()
        error = (model.estimator(noisy) - truth).abs().mean()
        return {"pixel": pixel, "estimate": self.config.estimate_weight * error}

    def validate(
        self, module: nn.Module, held_out: Sequence[Picture], device: torch.device
    ) -> Score:
        """Mean PSNR over the noise levels, nothing told, and the estimate's relative error.

        Outside the mean the same of the pictures in grey. A camera's: in place of white noise's
        levels the `VAL_CAMERAS`, and outside the mean, not grey ones, but pictures without noise,
        which should stay as they are.
        """
        model: Any = module
        levels: dict[str, list[float]] = {}
        rows: list[list[Picture]] = []
        errors: list[float] = []
        for number, image in enumerate(held_out):
            for name, noisy, clean, truth in self._tests(to_colour(image), number):
                x = to_tensor(torch.from_numpy(noisy)[None].to(device))
                level = model.estimate_sigma(x)
                output = to_picture(model.restore(x, level.reshape(1, 1, 1, 1))[0])
                levels.setdefault(f"psnr_{name}", []).append(psnr(clean, output))
                if truth:
                    errors.append(abs(float(level) * 255 / truth - 1))
            if number % 6 == 0:
                rows.append([noisy, output, clean])  # of the strongest noise
        means = {name: float(np.mean(scores)) for name, scores in levels.items()}
        mean = float(np.mean([means[name] for name in means if not name.startswith(BESIDE)]))
        return Score({"psnr": mean, **means, "sigma_error": float(np.mean(errors))}, rows)

    def _tests(self, image: Picture, number: int) -> Iterator[tuple[str, Picture, Picture, float]]:
        """Each test of a held-out picture: name, input, what should become of it, noise level."""
        if self.config.noise == "white":
            for name, clean in (("grey", luma(image)), ("sigma", image)):
                for sigma in self.config.val_sigmas:
                    noisy = white_noise(clean, sigma, np.random.default_rng([3, number]))
                    yield f"{name}{sigma:g}", to_colour(noisy), to_colour(clean), sigma
        else:
            yield "clean", image, image, 0.0
            for name, camera in VAL_CAMERAS.items():
                noisy, clean = camera.take(image, np.random.default_rng([3, number]))
                yield name, noisy, clean, _rms(noisy, clean)

    def facts(self) -> DenoiseFacts:
        """The kind of noise, and the trained range of levels, which inference keeps to."""
        return DenoiseFacts(self.config.noise, self.config.sigma_max)


def _untouched(clean: Picture, rng: np.random.Generator) -> tuple[Picture, Picture, float]:
    """Input, target and level of a picture without noise; half of them are compressed."""
    if rng.random() < 0.5:
        clean = jpeg(clean, int(rng.integers(75, 99)), int(rng.choice([0, 2])))
    return clean, clean, 0.0


def _rms(noisy: Picture, clean: Picture) -> float:
    """Root of the mean squared difference, 0 to 255."""
    return float(np.sqrt(np.square(noisy.astype(np.float32) - clean).mean()))
