"""A denoising autoencoder: a U-Net on the pixel-unshuffled grid that is told the noise level.

Working on blocks of pixels folded into channels (FFDNet, Zhang et al. 2018) makes wide layers
cheap; encoder, decoder and skip connections follow U-Net (Ronneberger et al. 2015) with residual
blocks (DRUNet, Zhang et al. 2021). The noise level enters as a constant extra channel, so that one
network serves every level and can be steered. A second, tiny branch estimates that level where it
is not told.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aecli.models.blocks import MEAN, Hourglass, hourglass_reach
from aecli.models.registry import Geometry, ModelSpec


@dataclass(frozen=True)
class UNetConfig:
    """Hyper-parameters.

    Attributes:
        widths: channels a level; each level halves the grid.
        blocks: residual blocks a level, in the encoder and again in the decoder; the last level is
            the bottleneck.
        unshuffle: side of the pixel blocks folded into channels.
        estimator: channels of the noise estimator's first layer.
        scales: halvings of the grid inside the estimator: how coarse a grain it can see.
    """

    widths: tuple[int, ...] = (64, 96, 160)
    blocks: tuple[int, ...] = (2, 2, 3)
    unshuffle: int = 2
    estimator: int = 24
    scales: int = 4

    def __post_init__(self) -> None:
        if not self.widths or len(self.widths) != len(self.blocks):
            raise ValueError("widths and blocks must name the same levels, at least one")
        if min(*self.widths, self.unshuffle, self.estimator) < 1:
            raise ValueError("widths, unshuffle and estimator must be positive")
        if min(*self.blocks, self.scales) < 0:
            raise ValueError("blocks and scales must not be negative")


class NoiseEstimator(nn.Module):
    """Blind estimation of how strong the noise is: the root mean square of what is to be removed.

    Every place of a coarse grid votes with a level and with the weight of its vote, both learnt:
    flat regions see the noise, texture hides it. A picture's level is the weighted mean of the
    votes, taken on a logarithmic scale: attention pooling (Ilse et al. 2018). A vote sees fine
    detail as well as what is left of it on coarser grids: grain is as coarse as cameras make it.

    Args:
        width: channels of the first layer; the others have twice as many.
        scales: halvings of the grid between the first layer and the votes.
    """

    UNSHUFFLE = 2
    """Side of the pixel blocks folded into channels."""

    LEAST, MOST = math.log(0.02 / 255), math.log(127.5 / 255)
    """Range of the logarithm of a level."""

    def __init__(self, width: int, scales: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(2 * 3 * self.UNSHUFFLE**2, width, 3, padding=1)]
        for inputs in (width, *[2 * width] * (scales - 1))[:scales]:
            layers += [nn.ReLU(inplace=True), nn.Conv2d(inputs, 2 * width, 3, stride=2, padding=1)]
        last = 2 * width if scales else width
        self.layers = nn.Sequential(*layers, nn.ReLU(inplace=True), nn.Conv2d(last, 2, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N,): the level of each image, in [0, 1] units, 0.5 at most."""
        detail = 8 * (x - F.avg_pool2d(x, 3, 1, 1, count_include_pad=False))  # about unit size
        both = torch.cat([x - MEAN, detail], 1)
        votes: Tensor = self.layers(F.pixel_unshuffle(both, self.UNSHUFFLE)).float().flatten(2)
        levels = self.LEAST + (self.MOST - self.LEAST) * votes[:, 0].sigmoid()
        weights = (-votes[:, 1].clamp(-8, 8)).exp()
        mean: Tensor = (levels * weights).sum(1) / weights.sum(1)
        return mean.exp()


class UNet(Hourglass):
    """See the module's docstring; offers the `Denoiser` protocol."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__(config.widths, config.blocks, _double)
        self.unshuffle = config.unshuffle
        channels = 3 * config.unshuffle**2
        self.head = nn.Conv2d(channels + 1, config.widths[0], 3, padding=1)
        self.tail = nn.Conv2d(config.widths[0], channels, 3, padding=1)
        nn.init.zeros_(self.tail.weight)
        nn.init.zeros_(self.tail.bias)  # type: ignore[arg-type]  # built with a bias
        self.estimator = NoiseEstimator(config.estimator, config.scales)

    def restore(self, x: Tensor, sigma: Tensor) -> Tensor:
        """(N, 3, H, W) and a level (N, 1, 1, 1) or map (N, 1, H, W) -> clean (N, 3, H, W)."""
        blocks = F.pixel_unshuffle((x - MEAN) * 2, self.unshuffle)
        if sigma.shape[-2:] != (1, 1):
            sigma = F.avg_pool2d(sigma, self.unshuffle)
        level = (4 * sigma).expand(-1, -1, *blocks.shape[-2:]).to(blocks.dtype)
        features = self.head(torch.cat([blocks, level], 1))
        features = self.hourglass(features)
        return x + F.pixel_shuffle(self.tail(features).float(), self.unshuffle)

    forward = restore

    def estimate_sigma(self, x: Tensor) -> Tensor:
        """The noise level of each image: (N, 3, H, W) -> (N,), in [0, 1] units."""
        level: Tensor = self.estimator(x)
        return level


def _double(inputs: int, outputs: int) -> nn.Module:
    return nn.ConvTranspose2d(inputs, outputs, 2, stride=2)


def geometry(config: UNetConfig) -> Geometry:
    """Alignment and receptive field that follow from a config."""
    reach, cell = hourglass_reach(config.blocks, config.unshuffle)
    radius = reach + 2 * config.unshuffle  # head and tail
    # Measured peak of a pass: about six maps of the first level's width, and the image's own.
    memory = 24 * config.widths[0] // config.unshuffle**2 + 128
    return Geometry(multiple_of=cell, minimum=cell, radius=radius + cell - 1, memory=memory)


SPEC = ModelSpec(
    name="unet",
    tasks={"denoise": "denoise"},
    config=UNetConfig,
    build=UNet,
    geometry=geometry,
    presets={
        "base": UNetConfig(),
        "tiny": UNetConfig(widths=(16, 24), blocks=(1, 1), estimator=8, scales=2),
    },
    summary="U-Net on the pixel-unshuffled grid, told the noise level, with a blind estimate of it",
    paper="Ronneberger et al. 2015 (U-Net); Zhang et al. 2018 (FFDNet), 2021 (DRUNet)",
)
