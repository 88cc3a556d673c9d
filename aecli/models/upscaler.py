"""A super-resolution autoencoder: encodes on the small picture's grid, decodes by pixel shuffle.

All work is done at the small picture's resolution, and the last convolution's channels become the
large picture's pixels (ESPCN, Shi et al. 2016), so that there are no transposed convolutions and
none of their checkerboards; the network adds detail to the bicubic enlargement (VDSR, Kim et al.
2016) by residual blocks without normalisation (EDSR, Lim et al. 2017). Coarser levels, as in a
U-Net, are possible; at equal training time and cost a deep stack on the full grid was better.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aecli.models.blocks import MEAN, Hourglass, constant, hourglass_reach, in_full_precision
from aecli.models.registry import Geometry, ModelSpec

SCALES = (2, 3, 4)
"""The factors that one network can have; others are chains of these."""

REACH = 2
"""Bicubic enlargement looks so many pixels around."""


@dataclass(frozen=True)
class UpscalerConfig:
    """Hyper-parameters.

    Attributes:
        scale: output pixels per input pixel along each axis.
        widths: channels a level; each level halves the grid.
        blocks: residual blocks a level, in the encoder and again in the decoder; the last level is
            the bottleneck.
        unshuffle: side of the pixel blocks folded into channels.
    """

    scale: int = 2
    widths: tuple[int, ...] = (48,)
    blocks: tuple[int, ...] = (5,)
    unshuffle: int = 1

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            raise ValueError(f"scale must be one of {', '.join(map(str, SCALES))}")
        if not self.widths or len(self.widths) != len(self.blocks):
            raise ValueError("widths and blocks must name the same levels, at least one")
        if min(*self.widths, self.unshuffle) < 1 or min(self.blocks) < 0:
            raise ValueError("widths and unshuffle must be positive, blocks not negative")


class Upscaler(Hourglass):
    """See the module's docstring; offers the `SuperResolver` protocol."""

    def __init__(self, config: UpscalerConfig) -> None:
        super().__init__(config.widths, config.blocks, _double)
        self.scale, self.unshuffle = config.scale, config.unshuffle
        self.head = nn.Conv2d(3 * config.unshuffle**2, config.widths[0], 3, padding=1)
        pixels = (config.scale * config.unshuffle) ** 2
        self.tail = nn.Conv2d(config.widths[0], 3 * pixels, 3, padding=1)
        nn.init.zeros_(self.tail.weight)
        nn.init.zeros_(self.tail.bias)  # type: ignore[arg-type]  # built with a bias
        self.kernel: Tensor
        kernel = constant(partial(cubic_kernel, config.scale))
        self.register_buffer("kernel", kernel, persistent=False)

    def upscale(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, 3, H * scale, W * scale)."""
        features = self.head(F.pixel_unshuffle((x - MEAN) * 2, self.unshuffle))
        detail = F.pixel_shuffle(self.tail(self.hourglass(features).add_(features)), self.unshuffle)
        return F.pixel_shuffle(self._cubic(x).add_(detail), self.scale)

    def _cubic(self, x: Tensor) -> Tensor:
        """Bicubic enlargement, pixels folded: (N, 3, H, W) -> (N, 3 * scale**2, H, W), float32."""
        edged = F.pad(x.to(self.kernel.dtype), (REACH,) * 4, mode="replicate")
        with in_full_precision(x):
            return F.conv2d(edged, self.kernel)

    forward = upscale


def cubic_kernel(scale: int) -> Tensor:
    """Bicubic enlargement (Keys 1981, a = -1/2) as a convolution: (3 * scale**2, 3, 5, 5).

    Output channel (colour * scale + row) * scale + column is what `pixel_shuffle` expects.
    """
    offset = (torch.arange(scale) + 0.5) / scale - 0.5
    d = (offset[:, None] - torch.arange(-REACH, REACH + 1)).abs()
    near = (1.5 * d - 2.5) * d**2 + 1
    far = ((-0.5 * d + 2.5) * d - 4) * d + 2
    line = torch.where(d <= 1, near, torch.where(d < 2, far, 0.0))
    phases = torch.einsum("ay,bx->abyx", line, line).flatten(0, 1)
    return torch.einsum("ij,pyx->ipjyx", torch.eye(3), phases).flatten(0, 1)


def _double(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(inputs, 4 * outputs, 1), nn.PixelShuffle(2))


def geometry(config: UpscalerConfig) -> Geometry:
    """Alignment and receptive field that follow from a config."""
    reach, cell = hourglass_reach(config.blocks, config.unshuffle)
    radius = max(reach + 2 * config.unshuffle + cell - 1, REACH)  # head and tail
    memory = 24 * config.widths[0] // config.unshuffle**2 + 48 * config.scale**2 + 128
    return Geometry(
        multiple_of=cell, minimum=cell, radius=radius, scale=config.scale, memory=memory
    )


SPEC = ModelSpec(
    name="upscaler",
    tasks={"upscale": "upscale"},
    config=UpscalerConfig,
    build=Upscaler,
    geometry=geometry,
    presets={
        "base": UpscalerConfig(),
        "tiny": UpscalerConfig(widths=(16, 24), blocks=(1, 1)),
    },
    summary="residual blocks at the small picture's resolution, pixel-shuffle decoding",
    paper="Shi et al. 2016 (ESPCN); Kim et al. 2016 (VDSR); Lim et al. 2017 (EDSR)",
)
