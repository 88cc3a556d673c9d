"""Denoising: remove noise of a level that is told or estimated, and learn to estimate it."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from aecli.checkpoints.facts import NOISES, DenoiseFacts
from aecli.datasets.collecting import evenly
from aecli.errors import InputError, UsageError, did_you_mean
from aecli.models.registry import ESTIMATED
from aecli.tables import section
from aecli.training.degradations import graphics
from aecli.training.degradations.colour import luma
from aecli.training.degradations.draws import Draws, box_muller
from aecli.training.degradations.noise import is_grey
from aecli.training.degradations.photo import Mixture, noisy_photos, white_noise
from aecli.training.degradations.resize import rounded
from aecli.training.objectives.base import Score, pixel_loss, to_picture
from aecli.training.objectives.restoring import GRAPHICS, Restoring, RestoringConfig
from aecli.training.pictures import read

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from aecli.datasets.item import Item
    from aecli.models.registry import Denoiser
    from aecli.training.data import Batch
    from aecli.training.objectives.base import Picture

FLOOR = 0.5 / 255
"""Added to a level before its logarithm is taken: what rounding to 8 bits hides anyway."""


BESIDE = ("psnr_clean", "psnr_grey")
"""What the validation's mean leaves out."""

VALIDATED: Mapping[str, Mixture] = {
    "clean": Mixture(0, 0, 0),
    "coloured": Mixture(0, 1, 0),
    "camera": Mixture(0, 0, 1),
}
"""What the validation of photographs' noise has besides white noise."""

VALIDATION_BATCH = 8

DITHERED = 16
"""Photographs that become dithers and halftones among them."""


@dataclass(frozen=True)
class DenoiseConfig(RestoringConfig):
    """The objective of denoising.

    Attributes:
        noise: `white`, Gaussian and the same everywhere, or `camera`, as photographs have it in
            files (`aecli.training.degradations.photo`).
        white, coloured, camera: shares of the kinds of noise where it is `camera`; what is left of
            1 stays clean.
        clean: share of the crops that have no noise at all, and are to stay as they are, where it
            is `white`.
        graphics: as in `RestoringConfig`, and dithers and halftones: all are to stay as they are.
        blind: share of the samples whose network is told its own estimate, as in use.
        sigma_jitter: how far off the level is that the network is told in the others: the standard
            deviation of its logarithm. A network told precisely trusts what it is told, even where
            that is wrong.
        sigma_max: levels of white noise are drawn from 0 to this, on the 0-255 scale; told levels
            are cut to it.
        sigma_power: level = sigma_max * u ** sigma_power, u uniform; above 1 favours weak noise.
        estimate_weight: weight of the noise estimator's error.
        val_sigmas: levels of white noise in the validation, on the 0-255 scale.
    """

    noise: str = "white"
    white: float = 0.3
    coloured: float = 0.4
    camera: float = 0.24
    clean: float = 0.0
    blind: float = 0.0
    sigma_jitter: float = 0.0
    sigma_max: float = 75.0
    sigma_power: float = 1.5
    estimate_weight: float = 0.01
    val_sigmas: tuple[float, ...] = (15, 25, 50)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.noise not in NOISES:
            raise UsageError(f"unknown noise {self.noise!r}", did_you_mean(self.noise, NOISES))
        shares = (self.white, self.coloured, self.camera)
        if min(shares) < 0 or sum(shares) > 1:
            raise UsageError(
                "objective.white, coloured and camera are shares: from 0 on, 1 at most together"
            )
        if not all(0 <= s <= 1 for s in (self.clean, self.blind)):
            raise UsageError("objective.clean and blind must lie between 0 and 1")
        if self.sigma_jitter < 0:
            raise UsageError("objective.sigma_jitter must not be negative")
        if not all(0 < s <= 255 for s in (self.sigma_max, *self.val_sigmas)):
            raise UsageError("objective.sigma_max and val_sigmas must be above 0, 255 at most")
        if not self.val_sigmas:
            raise UsageError("objective.val_sigmas must name at least one noise level")

    @property
    def mixture(self) -> Mixture:
        """How often which kind of noise is drawn."""
        if self.noise == "white":
            return Mixture(1 - self.clean, 0, 0, self.sigma_max, self.sigma_power, plain=True)
        return Mixture(self.white, self.coloured, self.camera, self.sigma_max, self.sigma_power)


class Denoise(Restoring):
    """Remove noise of a level that is told, more or less exactly, and estimate that level."""

    primary = "psnr"
    config: DenoiseConfig

    def __init__(self, table: Mapping[str, Any], loss: str, _model: object = None) -> None:
        self.config = section(DenoiseConfig, table, "objective")
        self._pixel_loss = pixel_loss(loss)

    def drawn(self, train: Sequence[Item], seed: int) -> Sequence[Picture]:
        """Graphics of all kinds, some of them made of photographs."""
        photos: list[Picture] = []
        for item in evenly(train, DITHERED):
            with suppress(InputError):  # named where all images are read
                photos.append(read(item))
        return graphics.make(photos, GRAPHICS, seed)

    def degrade(self, clean: Tensor, draws: Draws, extra: NDArray[np.bool_]) -> Batch:
        """Noisy pictures, and what the network is told of them.

        Args:
            clean: (N, 3, H, W) in [0, 1].
            draws: of all that is random.
            extra: which samples are graphics.

        Returns:
            `input`, `target`: (N, 3, H, W); `sigma`, the root mean square of their difference,
            `told`: (N, 1, 1, 1), [0, 1] scale; `blind`: (N, 1, 1, 1), 1 where the network is told
            its own estimate instead.
        """
        c = self.config
        noisy, target = noisy_photos(clean, draws, extra, c.mixture)
        norm = torch.linalg.vector_norm(noisy - target, dim=(1, 2, 3), keepdim=True)
        sigma = norm / math.sqrt(noisy[0].numel())
        u = draws.uniform("told", 3)
        jitter = np.exp(c.sigma_jitter * box_muller(u[:, 0], u[:, 1]))
        factor = draws.on_device(jitter)[:, None, None, None]
        return {
            "input": noisy,
            "target": target,
            "sigma": sigma,
            "told": ((sigma + FLOOR) * factor - FLOOR).clamp(0, c.sigma_max / 255),
            "blind": draws.on_device(u[:, 2] < c.blind)[:, None, None, None].float(),
        }

    def loss(
        self, module: nn.Module, batch: Mapping[str, Tensor], _fraction: float
    ) -> dict[str, Tensor]:
        """`pixel`: the network's error; `estimate`: the estimator's, in levels' logarithm."""
        model = cast("Denoiser", module)
        estimate = model.estimate_sigma(batch["input"]).float().reshape(-1, 1, 1, 1)
        told = torch.lerp(batch["told"], estimate.detach(), batch["blind"])
        pixel = self._pixel_loss(model.restore(batch["input"], told), batch["target"])
        error = ((estimate + FLOOR) / (batch["sigma"] + FLOOR)).log().abs().mean()
        return {"pixel": pixel, "estimate": self.config.estimate_weight * error}

    def validate(
        self, module: nn.Module, held_out: Sequence[Picture], device: torch.device
    ) -> Score:
        """Mean PSNR over the kinds of noise, nothing told, and the estimate's relative error.

        Outside the mean the same of the pictures in grey, for a model of white noise; for one of
        photographs' noise, of pictures without any, which should stay as they are.
        """
        model = cast("Denoiser", module)
        clean = _stacked(held_out).to(device)
        scores: dict[str, list[Tensor]] = {}
        errors: list[Tensor] = []
        rows: list[list[Picture]] = []
        for start in range(0, len(clean), VALIDATION_BATCH):
            part = clean[start : start + VALIDATION_BATCH]
            draws = Draws(3, range(start, start + len(part)), device)
            with torch.autocast(device.type, enabled=False):
                tests = list(self._tests(part, draws))
            for name, noisy, target in tests:
                level = self._estimate(model, noisy)
                output = rounded(model.restore(noisy, level.reshape(-1, 1, 1, 1)).float())
                mse = (output - target).square().mean((1, 2, 3)).clamp_min(1e-7)
                scores.setdefault(f"psnr_{name}", []).append(-10 * mse.log10())
                if name != "clean":
                    truth = (noisy - target).square().mean((1, 2, 3)).sqrt()
                    errors.append((level / truth.clamp_min(0.2 / 255) - 1).abs())
            rows += [
                [to_picture(p[i]) for p in (noisy, output, target)] for i in range(0, len(part), 6)
            ]
        means = {name: float(torch.cat(values).mean()) for name, values in scores.items()}
        mean = float(np.mean([means[name] for name in means if not name.startswith(BESIDE)]))
        return Score({"psnr": mean, **means, "sigma_error": float(torch.cat(errors).mean())}, rows)

    def _estimate(self, model: Denoiser, noisy: Tensor) -> Tensor:
        """The level of each picture, (N,), asked for as in use: in fp32, of the square within."""
        top, left = (max(0, n - ESTIMATED) // 2 for n in noisy.shape[-2:])
        square = noisy[..., top : top + ESTIMATED, left : left + ESTIMATED]
        with torch.autocast(noisy.device.type, enabled=False):
            return model.estimate_sigma(square)

    def _tests(self, clean: Tensor, draws: Draws) -> Iterator[tuple[str, Tensor, Tensor]]:
        """Each test of held-out pictures: name, input, what should become of it."""
        none = np.zeros(len(clean), bool)
        if self.config.noise == "white":
            yield from self._white("grey", luma(clean).expand_as(clean), draws)
        else:
            for name, mixture in VALIDATED.items():
                yield (name, *noisy_photos(clean, draws, none, mixture))
        yield from self._white("sigma", clean, draws)

    def _white(
        self, name: str, clean: Tensor, draws: Draws
    ) -> Iterator[tuple[str, Tensor, Tensor]]:
        for sigma in self.config.val_sigmas:
            noisy = white_noise(clean, np.full(len(clean), sigma), is_grey(clean), draws)
            yield f"{name}{sigma:g}", rounded(noisy), clean

    def facts(self) -> DenoiseFacts:
        """The kind of noise, and the trained range of levels, which inference keeps to."""
        return DenoiseFacts(self.config.noise, self.config.sigma_max)


def _stacked(pictures: Sequence[Picture]) -> Tensor:
    """uint8 HxW or HxWx3, all of one size -> (N, 3, H, W) in [0, 1]."""
    coloured = [p if p.ndim == 3 else np.repeat(p[..., None], 3, 2) for p in pictures]
    return torch.from_numpy(np.stack(coloured)).permute(0, 3, 1, 2).float() / 255
