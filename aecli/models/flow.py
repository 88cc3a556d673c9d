"""An autoencoder with a latent grid, and a learnt prior over it: latent flow matching.

The autoencoder keeps a picture as a coarse grid of vectors (Rombach et al. 2022), batch-normalised
(Ioffe and Szegedy 2015), so that every latent channel has mean 0 and variance 1. The prior is a
network that predicts the velocity of a straight path from noise to latents (Lipman et al. 2023;
Liu et al. 2023); integrating it turns noise into new latents. Of a class, if there are classes. It
may be guided away from what a weaker prior would do, which makes the same mistakes more often
(autoguidance, Karras et al. 2024), or from what it does itself when it is told no class
(classifier-free guidance, Ho and Salimans 2022).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn

from aecli.models.blocks import residual_stack
from aecli.models.registry import Geometry, ModelSpec, check_square
from aecli.models.velocity import GROUP, FlowPrior, Velocity

MOST_STEPS = 1000
"""Evaluations of the prior beyond which a sample only takes longer."""


@dataclass(frozen=True)
class FlowConfig:
    """Hyper-parameters.

    Attributes:
        size: side of the images, pixels; a multiple of unshuffle * 2 ** (levels - 1).
        channels: 1 for grey, 3 for RGB.
        latent: channels of the latent grid.
        widths: channels a level of the autoencoder; each level halves the grid, the last one's is
            that of the latents.
        encoder_blocks, blocks: residual blocks a level of the encoder, and of the decoder; to find
            latents takes less than to draw from them.
        unshuffle: side of the pixel blocks folded into channels.
        prior_widths: channels a level of the prior, the first on the latent grid; multiples of 16.
        prior_blocks: residual blocks a level of the prior, on the way down and again on that up.
        steps: evaluations of the prior that a sample takes, at most 1,000.
        guide_widths: channels a level of the weaker prior; empty: there is none.
        guidance: 1 draws as the prior has learnt to, above 1 the velocity's lead over the weaker
            prior's counts so many times (Karras et al. 2024); without one, at twice the
            cost, that over the prior's own without a class (Ho and Salimans 2022, eq. 6, with
            weight w + 1).
        classes: names of the classes it tells apart; empty: unconditional.
    """

    size: int = 64
    channels: int = 3
    latent: int = 8
    widths: tuple[int, ...] = (32, 64, 128)
    encoder_blocks: int = 0
    blocks: int = 1
    unshuffle: int = 2
    prior_widths: tuple[int, ...] = (64, 128)
    prior_blocks: int = 1
    steps: int = 16
    guide_widths: tuple[int, ...] = ()
    guidance: float = 1.0
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_square(self.size, self.channels, self.classes)
        if not self.widths or not self.prior_widths:
            raise ValueError("widths and prior_widths must name at least one level each")
        if min(*self.widths, self.latent, self.unshuffle, self.steps, self.prior_blocks) < 1:
            raise ValueError("widths, latent, unshuffle, steps and prior_blocks must be positive")
        if self.steps > MOST_STEPS:
            raise ValueError(f"steps must be at most {MOST_STEPS}")
        if min(self.encoder_blocks, self.blocks) < 0:
            raise ValueError("encoder_blocks and blocks must not be negative")
        if any(w < GROUP or w % GROUP for w in (*self.prior_widths, *self.guide_widths)):
            raise ValueError(f"prior_widths and guide_widths must be multiples of {GROUP}")
        if self.guidance < 0:
            raise ValueError("guidance must not be negative")
        if self.size % self.cell:
            raise ValueError(
                f"with {len(self.widths)} widths size must be a multiple of {self.cell}"
            )

    @property
    def cell(self) -> int:
        """Pixels along a cell of the latent grid."""
        return int(self.unshuffle * 2 ** (len(self.widths) - 1))


class Flow(FlowPrior):
    """See the module's docstring; offers the `Generator` protocol."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        self.size, self.channels, self.classes = config.size, config.channels, config.classes
        side = config.size // config.cell
        self.latent = (config.latent, side, side)
        self.steps, self.guidance = config.steps, config.guidance
        self.encoder = _encoder(config)
        self.normalise = nn.BatchNorm2d(config.latent, momentum=0.02, affine=False)
        self.decoder = _decoder(config)
        classes = len(config.classes)
        self.prior = Velocity(config.latent, config.prior_widths, config.prior_blocks, classes)
        self.guide = (
            Velocity(config.latent, config.guide_widths, 1, classes)
            if config.guide_widths
            else None
        )

    def encode(self, x: Tensor, label: Tensor | None = None) -> Tensor:  # noqa: ARG002 - the prior's
        """(N, channels, size, size) -> latents (N, *latent) of mean 0, variance 1 a channel."""
        latent: Tensor = self.normalise(self.encoder(2 * x - 1).float())
        return latent

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:  # noqa: ARG002 - the prior's
        """Latents (N, *latent) -> images (N, channels, size, size), not clipped."""
        image: Tensor = self.decoder(z)
        return 0.5 * (image.float() + 1)

    def forward(self, x: Tensor) -> Tensor:
        """Images -> their reconstructions."""
        return self.decode(self.encode(x))


def _encoder(config: FlowConfig) -> nn.Sequential:
    channels = config.channels * config.unshuffle**2
    width, more = config.widths[0], config.encoder_blocks
    layers: list[nn.Module] = [
        nn.PixelUnshuffle(config.unshuffle),
        nn.Conv2d(channels, width, 3, padding=1),
        residual_stack(width, more),
    ]
    for a, b in pairwise(config.widths):
        layers += [nn.ReLU(), nn.Conv2d(a, b, 2, stride=2), residual_stack(b, more)]
    tail = nn.Conv2d(config.widths[-1], config.latent, 3, padding=1)
    return nn.Sequential(*layers, nn.ReLU(), tail)


def _decoder(config: FlowConfig) -> nn.Sequential:
    channels = config.channels * config.unshuffle**2
    layers: list[nn.Module] = [nn.Conv2d(config.latent, config.widths[-1], 3, padding=1)]
    for b, a in pairwise(reversed(config.widths)):
        layers += [residual_stack(b, config.blocks), nn.ConvTranspose2d(b, a, 2, stride=2)]
    return nn.Sequential(
        *layers,
        residual_stack(config.widths[0], config.blocks),
        nn.Conv2d(config.widths[0], channels, 3, padding=1),
        nn.PixelShuffle(config.unshuffle),
    )


SPEC = ModelSpec(
    name="flow",
    tasks={"generate": "flow"},
    config=FlowConfig,
    build=Flow,
    geometry=Geometry.whole,
    presets={
        "base": FlowConfig(),
        "digits": FlowConfig(size=28, channels=1, latent=2, widths=(48, 96), prior_widths=(48, 96)),
        "tiny": FlowConfig(
            size=16, channels=1, latent=2, widths=(8, 16), prior_widths=(16,), steps=4
        ),
    },
    summary="autoencoder with a latent grid, and a flow-matching prior over it",
    paper="Rombach et al. 2022 (latent diffusion); Lipman et al. 2023 (flow matching)",
    renamed={"fold": "unshuffle"},
)
