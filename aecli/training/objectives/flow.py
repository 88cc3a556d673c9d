"""Latent flow matching in two stages: an autoencoder, then a prior over its latents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from aecli.errors import UsageError, did_you_mean
from aecli.tables import section
from aecli.training.degradations.draws import on_device
from aecli.training.objectives.base import Score, pixel_loss
from aecli.training.objectives.generating import Generating, alike, beside, to_images

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aecli.training.data import Batch
    from aecli.training.degradations.draws import Draws
    from aecli.training.objectives.base import Objective
    from aecli.training.objectives.trainable import FlowModel, GridConfig, SquareConfig
    from aecli.training.squares import SquareDataset, Squares

ENCODED_AT_ONCE = 256
"""Images of a batch that is encoded before the prior's first step."""


@dataclass(frozen=True)
class FlowObjectiveConfig:
    """The objective of a latent flow.

    Attributes:
        train: `autoencoder`, or `prior`, which leaves the autoencoder as it is.
        latent_noise: standard deviation of the noise that latents, of unit variance, are decoded
            with in training: what the prior gets wrong by less than this does not show.
        time_spread: times are the logistic function of normal noise with this standard deviation
            (logit-normal, Esser et al. 2024); larger spends more on both ends of the path.
        class_dropout: share of the images whose class is kept from the prior, 0 to 1 (Ho and
            Salimans 2022); above 0 the model draws without a class, too.
    """

    train: str = "autoencoder"
    latent_noise: float = 0.1
    time_spread: float = 1.0
    class_dropout: float = 0.1

    def __post_init__(self) -> None:
        if self.latent_noise < 0 or not self.time_spread > 0:
            raise UsageError("objective.latent_noise must not be negative, time_spread positive")
        if not 0 <= self.class_dropout <= 1:
            raise UsageError("objective.class_dropout must lie between 0 and 1")


def flow(table: Mapping[str, Any], loss: str, model: GridConfig) -> Objective:
    """The objective of the stage that `objective.train` names."""
    config = section(FlowObjectiveConfig, table, "objective")
    stages: Mapping[str, Callable[[], Objective]] = {
        "autoencoder": lambda: Autoencode(config, loss, model),
        "prior": lambda: MatchFlow(config, model, _grid(model)),
    }
    if config.train not in stages:
        raise UsageError(
            f"objective.train cannot be {config.train!r}", did_you_mean(config.train, stages)
        )
    return stages[config.train]()


class Autoencode(Generating):
    """The first stage: reconstruct from noisy latents."""

    primary = "psnr"

    def __init__(self, config: FlowObjectiveConfig, loss: str, model: GridConfig) -> None:
        super().__init__(model, _grid(model))
        self.config = config
        self._pixel_loss = pixel_loss(loss)

    def begin(self, module: nn.Module, source: SquareDataset) -> None:  # noqa: ARG002 - the protocol's
        """Leave the priors alone."""
        for prior in priors(module):
            prior.requires_grad_(False)

    def batch(self, source: SquareDataset, draws: Draws) -> Batch:
        """`image`, and the `noise` added to its latents."""
        return {
            "image": self.images(source, draws),
            "noise": draws.normal("noise", self.latent),
        }

    def loss(
        self, module: nn.Module, batch: Mapping[str, Tensor], _fraction: float
    ) -> dict[str, Tensor]:
        """`pixel`: the error of the reconstruction."""
        x = batch["image"]
        model = cast("FlowModel", module)
        z = model.encode(x) + self.config.latent_noise * batch["noise"]
        return {"pixel": self._pixel_loss(model.decode(z), x)}

    def validate(self, module: nn.Module, held_out: Squares, device: torch.device) -> Score:
        """PSNR of the reconstruction."""
        x, _ = self.held_out(held_out, device)
        model = cast("FlowModel", module)
        output = model.decode(model.encode(x))
        return Score(self.likeness(x, output), beside(x, output))


class MatchFlow(Generating):
    """The second stage: the velocity of straight paths from noise to latents.

    At time t the path from noise e to latent z is at (1 - t) e + t z, and its velocity is z - e
    (Lipman et al. 2023, eq. 23 with sigma_min = 0; Liu et al. 2023, eq. 1).
    """

    primary = "explained"

    def __init__(
        self, config: FlowObjectiveConfig, model: SquareConfig, latent: tuple[int, ...]
    ) -> None:
        super().__init__(model, latent)
        self.config = config
        self._latents = torch.empty(0)

    def begin(self, module: nn.Module, source: SquareDataset) -> None:
        """Freeze the autoencoder, and encode all images once: their latents do not change."""
        model = cast("FlowModel", module)
        freeze_all_but_priors(module)
        with torch.no_grad():
            parts = torch.split(source.images, ENCODED_AT_ONCE)
            self._latents = torch.cat([model.encode(to_images(part)) for part in parts])

    def batch(self, source: SquareDataset, draws: Draws) -> Batch:
        """`latent` of the image, its `label`, the `noise` and the `time` of a point on its path."""
        labels = source.labels[source.places(draws.numbers)]
        return {
            "latent": self.latents(source, draws),
            "label": self.dropped(labels, self.config.class_dropout, draws),
            "noise": draws.normal("noise", self.latent),
            "time": (self.config.time_spread * draws.normal("time", ())).sigmoid(),
        }

    def latents(self, source: SquareDataset, draws: Draws) -> Tensor:
        """Those of the training pictures that samples are of, (N, *latent)."""
        return self._latents[on_device(source.places(draws.numbers), draws.device)]

    def loss(
        self, module: nn.Module, batch: Mapping[str, Tensor], _fraction: float
    ) -> dict[str, Tensor]:
        """`velocity`: the mean squared error of the velocity; `guide`: that of the weaker prior."""
        model = cast("FlowModel", module)
        z, label = batch["latent"], self.labels(batch["label"])
        priors = {"velocity": model.velocity}
        if model.guide is not None:
            priors["guide"] = model.weaker
        return {
            name: _error(prior, z, batch["noise"], batch["time"], label)
            for name, prior in priors.items()
        }

    def validate(self, module: nn.Module, held_out: Squares, device: torch.device) -> Score:
        """Velocity error at fixed times and noise; `explained`: the share of its variance foretold.

        Also the PSNR of the reconstruction, which this stage leaves as it is, and samples.
        """
        model = cast("FlowModel", module)
        if self.uncalibrated:  # the autoencoder stays as it is
            self.calibrate(model, held_out, device)
        x, label = self.held_out(held_out, device)
        z = model.encode(x)
        rng = np.random.default_rng([3, len(x)])
        noise = torch.from_numpy(rng.standard_normal(z.shape, np.float32)).to(device)
        time = (torch.arange(len(x), device=device) + 0.5) / len(x)
        error = _error(model.velocity, z, noise, time, label)
        explained = 1 - error / (z - noise).square().mean()
        output = model.decode(z)
        metrics = {
            "explained": float(explained),
            "velocity": float(error),
            **self.likeness(x, output),
        }
        samples = self.draw(model, device)
        return Score(metrics, beside(x, output), samples, alike(samples, x))


def priors(module: nn.Module) -> list[nn.Module]:
    """The parts of a `FlowModel` that its latents are drawn with."""
    model = cast("FlowModel", module)
    return [model.prior] if model.guide is None else [model.prior, model.guide]


def freeze_all_but_priors(module: nn.Module) -> None:
    """Leave the autoencoder as it is, statistics of its latents included."""
    drawing = priors(module)
    for part in module.children():
        if part not in drawing:
            part.eval().requires_grad_(False)


def _grid(model: GridConfig) -> tuple[int, int, int]:
    """The shape of a latent grid."""
    side = model.size // model.cell
    return model.latent, side, side


def _error(
    velocity: Callable[..., Tensor], z: Tensor, noise: Tensor, time: Tensor, label: Tensor | None
) -> Tensor:
    """Mean squared error of a velocity at `time` (N,) on the paths from noise to latents z."""
    share = time.view(-1, *[1] * (z.ndim - 1))
    predicted = velocity((1 - share) * noise + share * z, time, label)
    return (predicted - (z - noise)).square().mean()
