"""A denoising autoencoder: a U-Net on the pixel-unshuffled grid that is told the noise level.

Working on blocks of pixels folded into channels (FFDNet, Zhang et al. 2018) makes wide layers
cheap; encoder, decoder and skip connections follow U-Net (Ronneberger et al. 2015) with residual
blocks (DRUNet, Zhang et al. 2021). The noise level enters as a constant extra channel, so that one
network serves every level and can be steered. A second, tiny branch estimates that level where it
is not told.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aecli.models.blocks import residual_stack
from aecli.models.registry import Geometry, ModelSpec

MEAN = 0.45
"""About the mean of photographs: what enters the network is centred; it learns far sooner so."""


@dataclass(frozen=True)
class UNetConfig:
    """Hyper-parameters.

    Attributes:
        widths: channels a level; each level halves the grid.
        blocks: residual blocks a level, in the encoder and again in the decoder; the last level is
            the bottleneck.
        unshuffle: side of the pixel blocks folded into channels.
        estimator: channels of the noise estimator's first layer.
    """

    widths: tuple[int, ...] = (64, 96, 160)
    blocks: tuple[int, ...] = (2, 2, 3)
    unshuffle: int = 2
    estimator: int = 24

    def __post_init__(self) -> None:
        if not self.widths or len(self.widths) != len(self.blocks):
            raise ValueError("widths and blocks must name the same levels, at least one")
        if min(*self.widths, self.unshuffle, self.estimator) < 1 or min(self.blocks) < 0:
            raise ValueError(
                "widths, unshuffle and estimator must be positive, blocks not negative"
            )


class NoiseEstimator(nn.Module):
    """Blind estimation of the level of white noise.

    Every place of a coarse grid votes with a level and with its certainty, both learnt: flat
    regions see the noise, texture hides it. An image's level is the certainty-weighted mean of the
    votes, taken on a logarithmic scale. Trained by the Gaussian negative log-likelihood of the
    votes (heteroscedastic regression, Nix and Weigend 1994).
    """

    FLOOR = 0.5 / 255
    """Added to a level before the logarithm: what rounding to 8 bits hides anyway."""

    FOLD = 2
    """Side of the pixel blocks folded into channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(2 * 3 * self.FOLD**2, width, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(2 * width, 2 * width, 3, stride=2, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(2 * width, 2, 1),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Votes on (N, 3, H, W): log(level + FLOOR) and its log-variance, each (N, H/8, W/8)."""
        detail = 8 * (x - F.avg_pool2d(x, 3, 1, 1, count_include_pad=False))  # about unit size
        both = torch.cat([x - MEAN, detail], 1)
        votes: Tensor = self.layers(F.pixel_unshuffle(both, self.FOLD))
        return votes[:, 0] - 3.0, votes[:, 1].clamp(-8, 8)

    def level(self, x: Tensor) -> Tensor:
        """(N, 3, H, W), crops of one image -> (): its level in [0, 1] units."""
        mean, log_variance = self(x)
        weight = (-log_variance).exp()
        log_level = (mean * weight).sum() / weight.sum()
        level: Tensor = (log_level.exp() - self.FLOOR).clamp_min(0)
        return level


class UNet(nn.Module):
    """See the module's docstring; offers the `Denoiser` protocol."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.unshuffle = config.unshuffle
        folded = 3 * config.unshuffle**2
        *outer, bottom = config.widths
        steps = list(zip(config.widths, config.widths[1:], strict=False))
        self.head = nn.Conv2d(folded + 1, config.widths[0], 3, padding=1)
        self.encoders = nn.ModuleList(
            residual_stack(w, n) for w, n in zip(outer, config.blocks, strict=False)
        )
        self.downs = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in steps)
        self.bottleneck = residual_stack(bottom, config.blocks[-1])
        self.ups = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in steps)
        self.decoders = nn.ModuleList(
            residual_stack(w, n) for w, n in zip(outer, config.blocks, strict=False)
        )
        self.tail = nn.Conv2d(config.widths[0], folded, 3, padding=1)
        nn.init.zeros_(self.tail.weight)
        nn.init.zeros_(self.tail.bias)  # type: ignore[arg-type]  # built with a bias
        self.estimator = NoiseEstimator(config.estimator)

    def restore(self, x: Tensor, sigma: Tensor) -> Tensor:
        """(N, 3, H, W) and a level (N, 1, 1, 1) or map (N, 1, H, W) -> clean (N, 3, H, W)."""
        folded = F.pixel_unshuffle((x - MEAN) * 2, self.unshuffle)
        if sigma.shape[-2:] != (1, 1):
            sigma = F.avg_pool2d(sigma, self.unshuffle)
        level = (4 * sigma).expand(-1, -1, *folded.shape[-2:]).to(folded.dtype)
        features = self.head(torch.cat([folded, level], 1))
        skips = []
        for encode, down in zip(self.encoders, self.downs, strict=True):
            features = encode(features)
            skips.append(features)
            features = down(features)
        features = self.bottleneck(features)
        for up, decode in zip(reversed(self.ups), reversed(self.decoders), strict=True):
            features = decode(up(features) + skips.pop())
        return x + F.pixel_shuffle(self.tail(features).float(), self.unshuffle)

    forward = restore

    def votes(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The noise estimator's votes on (N, 3, H, W): see `NoiseEstimator.forward`."""
        votes: tuple[Tensor, Tensor] = self.estimator(x)
        return votes

    def estimate_sigma(self, x: Tensor) -> Tensor:
        """The noise level of the image that crops (N, 3, H, W) come from: (), in [0, 1] units."""
        return self.estimator.level(x)


def geometry(config: UNetConfig) -> Geometry:
    """Alignment and receptive field that follow from a config.

    Every 3x3 convolution on a grid of cell c pixels widens the radius by c (a block has two, and
    stands in the encoder and in the decoder, the bottleneck's once); strides add the offset within
    a cell.
    """
    cell = config.unshuffle
    radius = 2 * cell  # head and tail
    *outer, bottom = config.blocks
    for blocks in outer:
        radius += 4 * blocks * cell
        cell *= 2
    radius += 2 * bottom * cell
    # Measured peak of a pass: about six maps of the first level's width, and the image's own.
    memory = 24 * config.widths[0] // config.unshuffle**2 + 128
    return Geometry(multiple_of=cell, minimum=cell, radius=radius + cell - 1, memory=memory)


SPEC = ModelSpec(
    name="unet",
    task="denoise",
    config=UNetConfig,
    build=UNet,
    geometry=geometry,
    objective="denoise",
    presets={
        "base": UNetConfig(),
        "tiny": UNetConfig(widths=(16, 24), blocks=(1, 1), estimator=8),
    },
    summary="U-Net on the pixel-unshuffled grid, told the noise level, with a blind estimate of it",
    paper="Ronneberger et al. 2015 (U-Net); Zhang et al. 2018 (FFDNet), 2021 (DRUNet)",
)
