"""Variational autoencoding: reconstruct, and keep the latents near the standard normal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aecli.errors import UsageError, did_you_mean
from aecli.models.vae import kl_divergence, reparametrise
from aecli.tables import section
from aecli.training.objectives.base import PIXEL_LOSSES, Score
from aecli.training.objectives.generating import Generating, alike, beside

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aecli.training.data import Batch
    from aecli.training.degradations.draws import Draws
    from aecli.training.objectives.trainable import VariationalModel, VectorConfig
    from aecli.training.squares import SquareDataset, Squares


RECONSTRUCTIONS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    **PIXEL_LOSSES,
    "bce": F.binary_cross_entropy,
}
"""What `optim.loss` names here, means over pixels: `bce` is a Bernoulli likelihood, `mse` that of a
Gaussian and `l1` that of a Laplacian, whose fixed width beta makes up for."""

SILENT = 0.02
"""Nats below which a latent dimension says nothing."""


@dataclass(frozen=True)
class VAEObjectiveConfig:
    """The objective of a VAE.

    Attributes:
        beta: weight of the KL divergence (Higgins et al. 2017); 1: the evidence lower bound.
        kl_warmup: share of the run in which that weight rises from zero.
        free_bits: nats of KL divergence that each latent dimension has free (Kingma et al. 2016).
        class_dropout: share of the images whose class is kept from the model, 0 to 1.
    """

    beta: float = 1.0
    kl_warmup: float = 0.1
    free_bits: float = 0.0
    class_dropout: float = 0.1

    def __post_init__(self) -> None:
        if self.beta < 0 or self.free_bits < 0:
            raise UsageError("objective.beta and free_bits must not be negative")
        if not (0 <= self.kl_warmup <= 1 and 0 <= self.class_dropout <= 1):
            raise UsageError("objective.kl_warmup and class_dropout must lie between 0 and 1")


class Variational(Generating):
    """Reconstruction + beta * KL to N(0, I), both summed over an image and averaged over images.

    A plain autoencoder (`variational = false`) has the first term alone.
    """

    settings: type[VAEObjectiveConfig] = VAEObjectiveConfig
    losses: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = RECONSTRUCTIONS

    def __init__(self, table: Mapping[str, Any], loss: str, model: VectorConfig) -> None:
        super().__init__(model, (model.latent,))
        self.config = section(self.settings, table, "objective")
        if loss not in self.losses:
            raise UsageError(f"unknown loss {loss!r}", did_you_mean(loss, self.losses))
        self._reconstruction = self.losses[loss]
        self._variational = model.variational
        self.primary = "elbo" if self._variational else "psnr"

    def batch(self, source: SquareDataset, draws: Draws) -> Batch:
        """`image`, its `label`, and the `noise` of reparametrisation."""
        labels = source.labels[source.places(draws.numbers)]
        return {
            "image": self.images(source, draws),
            "label": self.dropped(labels, self.config.class_dropout, draws),
            "noise": draws.normal("noise", self.latent),
        }

    def loss(
        self, module: nn.Module, batch: Mapping[str, Tensor], fraction: float
    ) -> dict[str, Tensor]:
        """`reconstruction` and `kl`, the latter as weighted by beta and its warm-up."""
        x, label = batch["image"], self.labels(batch["label"])
        model = cast("VariationalModel", module)
        if not self._variational:
            return {"reconstruction": self.error(model, model.encode(x, label), label, x)}
        mean, log_var = model.posterior(x, label)
        z = reparametrise(mean, log_var, batch["noise"])
        c = self.config
        kl = kl_divergence(mean, log_var).mean(0).clamp_min(c.free_bits).sum()
        weight = c.beta * (min(1.0, fraction / c.kl_warmup) if c.kl_warmup else 1.0)
        return {"reconstruction": self.error(model, z, label, x), "kl": weight * kl}

    def validate(self, module: nn.Module, held_out: Squares, device: torch.device) -> Score:
        """PSNR from the mean of the latents; `elbo`, minus the loss without warm-up, and its terms.

        In nats an image where beta is 1 and the loss is a likelihood.
        """
        model = cast("VariationalModel", module)
        self.calibrate(model, held_out, device)
        x, label = self.held_out(held_out, device)
        output = model.decode(model.encode(x, label), label)
        metrics = self.likeness(x, output)
        if not self._variational:  # no prior to draw from
            return Score(metrics, beside(x, output))
        mean, log_var = model.posterior(x, label)
        rng = np.random.default_rng([3, len(x)])
        noise = torch.from_numpy(rng.standard_normal(mean.shape, np.float32)).to(device)
        error = self.error(model, reparametrise(mean, log_var, noise), label, x)
        each = kl_divergence(mean, log_var).mean(0)
        kl = each.sum()
        elbo = float(-error - self.config.beta * kl)
        metrics = {"elbo": elbo, **metrics, "reconstruction": float(error), "kl": float(kl)}
        samples = self.draw(model, device)
        warning = _collapsed(each) or alike(samples, x)
        return Score(metrics, beside(x, output), samples, warning)

    def error(self, model: VariationalModel, z: Tensor, label: Tensor | None, x: Tensor) -> Tensor:
        """The reconstruction term: the sum over an image's samples, averaged over images."""
        output = model.decode(z, label)
        with torch.autocast(x.device.type, enabled=False):
            return self._reconstruction(output, x) * x[0].numel()


def _collapsed(kl: Tensor) -> str | None:
    """A warning where no latent dimension tells anything of the picture; else None.

    Posterior collapse (Bowman et al. 2016; Lucas et al. 2019): q(z | x) is the prior for every x.

    Args:
        kl: of each dimension, nats, (D,).
    """
    if float(kl.max()) >= SILENT:
        return None
    return (
        f"posterior collapse: the latents tell nothing of the pictures (KL {float(kl.sum()):.3f}"
        " nats); the loss bce for black and white pictures, mse for others, or a smaller beta helps"
    )
