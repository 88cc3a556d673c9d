"""The variational autoencoder (Kingma and Welling 2014; Rezende et al. 2014), and the plain one.

A convolutional encoder predicts `z_mean` and `z_log_var`, mean and log-variance of a Gaussian over
latent vectors; a sample of it is decoded. With classes it is conditional (Sohn et al. 2015): the
class enters encoder and decoder. Without `variational` it is a plain autoencoder: no variance, and
its latents are batch-normalised (Ioffe and Szegedy 2015), so that noise of N(0, I) shares the mean
and variance of the training latents in each dimension; what else they are like, noise misses.

Beside a plain one's network there may be a linear autoencoder of the shrunk picture, whose optimum
is principal component analysis (Bourlard and Kamp 1988; Baldi and Hornik 1989): both add to the
latent, and both to the picture, so that the network learns what PCA cannot do.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aecli.models.blocks import VectorAutoencoder, in_full_precision, residual_stack
from aecli.models.registry import Geometry, ModelSpec, check_square

DETAIL = 1 / 16
"""Standard deviation of latent values that hold detail; that of the others is 1."""


@dataclass(frozen=True)
class VAEConfig:
    """Hyper-parameters.

    Attributes:
        size: side of the images, pixels.
        channels: 1 for grey, 3 for RGB.
        latent: length of a latent vector.
        widths: channels a level; each level halves the grid, odd sides are rounded up.
        blocks: residual blocks a level, in the encoder and again in the decoder.
        hidden: width of the dense layer between the last grid and the latent vector.
        classes: names of the classes it tells apart; empty: unconditional.
        variational: False for a plain autoencoder.
        detail: how many of a plain autoencoder's latent values, the last ones, are kept small
            (`DETAIL`), so that distances between latents are those of the others; only the decoder
            makes full use of them.
        linear: side of the shrunk picture that a linear autoencoder beside a plain one's network
            sees, pixels; 0: there is none.
    """

    size: int = 28
    channels: int = 1
    latent: int = 16
    widths: tuple[int, ...] = (32, 64, 64)
    blocks: int = 0
    hidden: int = 128
    classes: tuple[str, ...] = ()
    variational: bool = True
    detail: int = 0
    linear: int = 0

    def __post_init__(self) -> None:
        check_square(self.size, self.channels, self.classes)
        if self.latent < 2:
            raise ValueError("latent must be at least 2")
        if not self.widths or min(*self.widths, self.hidden) < 1 or self.blocks < 0:
            raise ValueError("widths and hidden must be positive, blocks not negative")
        if self.size < 2 ** len(self.widths):
            raise ValueError(f"{self.size} pixels cannot be halved {len(self.widths)} times")
        if self.detail and (self.variational or not 0 < self.detail < self.latent):
            raise ValueError("detail is for a plain autoencoder, and less than latent")
        if self.linear and (self.variational or not 0 < self.linear <= self.size):
            raise ValueError("linear is for a plain autoencoder, and no larger than size")


class VAE(VectorAutoencoder):
    """See the module's docstring; offers the `Generator` protocol."""

    def __init__(self, config: VAEConfig) -> None:
        super().__init__(config.latent, len(config.classes), variational=config.variational)
        self.size, self.channels, self.classes = config.size, config.channels, config.classes
        self._sides = [config.size]
        for _ in config.widths:
            self._sides.append(-(-self._sides[-1] // 2))
        grid = (config.widths[-1], self._sides[-1], self._sides[-1])
        self.deviation: Tensor

        layers: list[nn.Module] = []
        for before, width in pairwise((config.channels, *config.widths)):
            layers += [nn.Conv2d(before, width, 3, stride=2, padding=1), nn.SiLU()]
            layers += [residual_stack(width, config.blocks)] if config.blocks else []
        self.encoder = nn.Sequential(*layers, nn.Flatten())
        self.to_latent = nn.Sequential(
            nn.Linear(prod(grid) + self.label_width, config.hidden),
            nn.SiLU(),
            nn.Linear(config.hidden, self.predicted),
        )
        deviation = torch.ones(config.latent)
        deviation[config.latent - config.detail :] = DETAIL
        self.register_buffer("deviation", deviation, persistent=False)

        self.from_latent = nn.Sequential(
            nn.Linear(config.latent + self.label_width, config.hidden),
            nn.SiLU(),
            nn.Linear(config.hidden, prod(grid)),
            nn.Unflatten(1, grid),
        )
        self.stacks = nn.ModuleList(
            residual_stack(width, config.blocks) for width in reversed(config.widths)
        )
        finer = (*reversed(config.widths[:-1]), config.widths[0])
        self.ups = nn.ModuleList(
            nn.Conv2d(width, after, 3, padding=1)
            for width, after in zip(reversed(config.widths), finer, strict=True)
        )
        self.tail = nn.Conv2d(config.widths[0], config.channels, 3, padding=1)
        self.linear = LinearAutoencoder(config) if config.linear else None

    def encoded(self, x: Tensor, label: Tensor | None) -> Tensor:
        """See `VectorAutoencoder`."""
        latent: Tensor = self.to_latent(self.labelled(self.encoder(2 * x - 1), label))
        return latent.float() if self.linear is None else latent.float() + self.linear.encode(x)

    def encode(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """(N, channels, size, size), labels (N,) -> the mean of the latents, (N, D)."""
        latent = super().encode(x, label)
        return latent if self.variational else latent * self.deviation

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Latents (N, D), labels (N,) -> images (N, channels, size, size).

        Within [0, 1]; not clipped where a linear autoencoder takes part.
        """
        z = z / self.deviation
        features = self.from_latent(self.labelled(z, label))
        for stack, up, side in zip(self.stacks, self.ups, self._sides[-2::-1], strict=True):
            features = F.interpolate(stack(F.silu(features)), size=(side, side))
            features = up(features)
        logits: Tensor = self.tail(F.silu(features))
        if self.linear is not None:
            return self.linear.decode(z) + logits.float()
        return logits.float().sigmoid()

    def start_from(self, images: Tensor) -> None:
        """Where a linear autoencoder that has not begun takes part: begin with PCA of images.

        The network's share of the picture, and of the latent values that PCA fills, starts at zero.
        """
        if self.linear is None or bool(self.linear.decoder.weight.any()):
            return
        self.linear.start(images)
        last = self.to_latent[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight[-self.linear.detail :])
        nn.init.zeros_(last.bias[-self.linear.detail :])
        nn.init.zeros_(self.tail.weight)
        nn.init.zeros_(self.tail.bias)  # type: ignore[arg-type]  # built with a bias


class LinearAutoencoder(nn.Module):
    """A linear autoencoder of shrunk pictures; it adds nothing until it is told where to start."""

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        self.size, self.shape = config.size, (config.channels, config.linear, config.linear)
        self.detail = config.detail or config.latent
        self.encoder = nn.Linear(prod(self.shape), config.latent, bias=False)
        self.decoder = nn.Linear(config.latent, prod(self.shape))
        for weights in (self.encoder.weight, self.decoder.weight, self.decoder.bias):
            nn.init.zeros_(weights)

    def encode(self, x: Tensor) -> Tensor:
        """Images (N, channels, size, size) -> what is added to their latents, (N, D), float32."""
        with in_full_precision(x):
            small: Tensor = self.encoder(self._small(x))
        return small

    def decode(self, z: Tensor) -> Tensor:
        """Latents (N, D) of unit deviation -> images (N, channels, size, size), float32."""
        with in_full_precision(z):
            small = self.decoder(z.float()).unflatten(1, self.shape)
        return F.interpolate(small, size=self.size, mode="bilinear")

    def start(self, images: Tensor) -> None:
        """Set both maps to the principal components of images (N, channels, size, size).

        They fill the latent's last values: those of detail, or all where there are none.
        """
        small = self._small(images).double()
        mean = small.mean(0)
        values, vectors = torch.linalg.eigh((small - mean).T.cov())
        most = min(self.detail, len(values), len(small) - 1)
        spread = values.flip(0)[:most].clamp_min(1e-12).sqrt()
        axes = vectors.flip(1)[:, :most]
        first = self.encoder.out_features - self.detail
        with torch.no_grad():
            self.encoder.weight[first : first + most] = (axes / spread).T.float()
            self.decoder.weight[:, first : first + most] = (axes * spread).float()
            self.decoder.bias.copy_(mean)

    def _small(self, x: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(x.float(), self.shape[1:]).flatten(1)


def reparametrise(mean: Tensor, log_var: Tensor, noise: Tensor) -> Tensor:
    """A sample of N(mean, exp(log_var)), differentiable in both, from standard normal `noise`."""
    return mean + (0.5 * log_var).exp() * noise


def kl_divergence(mean: Tensor, log_var: Tensor) -> Tensor:
    """KL(N(mean, exp(log_var)) || N(0, 1)) in nats, element by element.

    Kingma and Welling 2014, appendix B; never negative, 0 only for mean 0 and log_var 0.
    """
    return 0.5 * (mean.square() + log_var.expm1() - log_var)


SPEC = ModelSpec(
    name="vae",
    tasks={"generate": "vae", "embed": "contrastive"},
    config=VAEConfig,
    build=VAE,
    geometry=Geometry.whole,
    presets={
        "base": VAEConfig(),
        "tiny": VAEConfig(size=16, latent=2, widths=(8, 16), hidden=16),
    },
    summary="convolutional variational autoencoder with a latent vector, conditional or not",
    paper="Kingma and Welling 2014; Rezende et al. 2014; Sohn et al. 2015 (conditional)",
)
