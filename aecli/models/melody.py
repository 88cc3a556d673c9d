"""A variational autoencoder of melodies, in the spirit of MusicVAE (Roberts et al. 2018).

A melody of one voice is a piano roll of 64 semitones by 32 sixteenths, as a picture of 64 x 64
pixels, and is decoded as a row of 32 symbols (`aecli.models.rolls`): whatever comes out is a
melody. Encoder and decoder go by sixteenths, then by the eight beats; between these and the latent
vector stands one dense layer, as the conductor of MusicVAE does. All symbols are decoded at once,
each by a softmax.

A melody in another key is the same melody. So the network sees each in C major or A minor, whatever
its key, which is found by its notes and kept beside: the last two latent values are a point in the
plane whose angle is the key's on the circle of fifths.

New melodies are drawn from a prior over the latents that is fitted afterwards, by flow matching
(Lipman et al. 2023): the mass of the latents is not quite N(0, I), which spoils samples (Ghosh et
al. 2020, ex-post density estimation).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aecli.models.registry import Geometry, ModelSpec
from aecli.models.rolls import PITCHES, STEPS, KeyFinder, from_circle, moved, on_circle, rolls
from aecli.models.velocity import FlowPrior, VectorVelocity

BEAT = 4
"""Sixteenths of a beat."""

LOG_VAR = 12.0
"""Bound of |z_log_var|."""

KEY_LOG_VAR = -6.0
"""z_log_var of a key's point: it is certain."""


@dataclass(frozen=True)
class MelodyConfig:
    """Hyper-parameters.

    Attributes:
        size, channels: of the pictures: 64 pixels a side, and grey.
        latent: length of a latent vector, the two values of the key included.
        width: channels of a beat; a sixteenth has half of them.
        blocks: residual blocks over the beats, in the encoder and again in the decoder.
        prior_width, prior_blocks: of the prior's dense layers, and how many residual blocks of two.
        steps: evaluations of the prior that a sample takes.
        guide_width: of a weaker prior's layers; 0: there is none.
        guidance: how often the prior's lead over the weaker one counts (Karras et al. 2024).
        classes: names of the classes that the prior tells apart; empty: unconditional.
        variational: always; there is no plain autoencoder of melodies.
    """

    variational: ClassVar[bool] = True

    size: int = PITCHES
    channels: int = 1
    latent: int = 96
    width: int = 128
    blocks: int = 1
    prior_width: int = 256
    prior_blocks: int = 3
    steps: int = 24
    guide_width: int = 0
    guidance: float = 1.0
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.size, self.channels) != (PITCHES, 1):
            raise ValueError(f"melodies are grey pictures of {PITCHES} pixels")
        if self.latent < 3:
            raise ValueError("latent must be at least 3")
        if min(self.prior_width, self.prior_blocks, self.steps) < 1:
            raise ValueError("prior_width, prior_blocks and steps must be positive")
        if self.width < 2 or self.width % 2 or self.blocks < 0 or self.guide_width < 0:
            raise ValueError("width must be even, blocks and guide_width not negative")
        if self.guidance < 0:
            raise ValueError("guidance must not be negative")
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("classes must differ")


class Melody(FlowPrior):
    """See the module's docstring; offers the `Generator` protocol."""

    def __init__(self, config: MelodyConfig) -> None:
        super().__init__()
        self.size, self.channels, self.classes = config.size, config.channels, config.classes
        self.latent = (config.latent,)
        self.steps, self.guidance = config.steps, config.guidance
        beats, classes, inner = STEPS // BEAT, len(config.classes), config.latent - 2
        self.key = KeyFinder()
        self.encoder = nn.Sequential(
            nn.Conv1d(2 * PITCHES, config.width // 2, 1),
            nn.SiLU(),
            nn.Conv1d(config.width // 2, config.width, BEAT, stride=BEAT),
            *(ResidualBlock1d(config.width) for _ in range(config.blocks)),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(beats * config.width, 2 * inner),
        )
        self.decoder = nn.Sequential(
            nn.Linear(inner, beats * config.width),
            nn.Unflatten(1, (config.width, beats)),
            *(ResidualBlock1d(config.width) for _ in range(config.blocks)),
            nn.SiLU(),
            nn.ConvTranspose1d(config.width, config.width // 2, BEAT, stride=BEAT),
            ResidualBlock1d(config.width // 2),
            nn.SiLU(),
            nn.Conv1d(config.width // 2, PITCHES + 2, 1),
        )
        self.prior = VectorVelocity(config.latent, config.prior_width, config.prior_blocks, classes)
        self.guide = (
            VectorVelocity(config.latent, config.guide_width, 1, classes)
            if config.guide_width
            else None
        )

    def posterior(self, x: Tensor, label: Tensor | None = None) -> tuple[Tensor, Tensor]:  # noqa: ARG002 - the prior's
        """`z_mean` and `z_log_var` of q(z | x), each (N, D)."""
        key = self.key(x)
        columns = moved(x[:, 0], -key).view(-1, PITCHES, STEPS, 2).transpose(2, 3).flatten(1, 2)
        mean, log_var = self.encoder(columns).float().chunk(2, 1)
        place = on_circle(key)
        log_vars = [log_var.clamp(-LOG_VAR, LOG_VAR), torch.full_like(place, KEY_LOG_VAR)]
        return torch.cat([mean, place], 1), torch.cat(log_vars, 1)

    def encode(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """Rolls (N, 1, 64, 64) -> the mean of their latents, (N, D)."""
        return self.posterior(x, label)[0]

    def logits(self, z: Tensor) -> Tensor:
        """Latents (N, D) -> logits of the symbols of each sixteenth, (N, 66, 32)."""
        key = from_circle(z[:, -2:])
        logits = self.decoder(z[:, :-2]).float()
        return torch.cat([moved(logits[:, :PITCHES], key), logits[:, PITCHES:]], 1)

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:  # noqa: ARG002 - the prior's
        """Latents (N, D) -> rolls (N, 1, 64, 64) of the likeliest symbols, black and white."""
        return rolls(self.logits(z).argmax(1))

    def forward(self, x: Tensor) -> Tensor:
        """Rolls -> their reconstructions from the mean of the latents."""
        return self.decode(self.encode(x))


class ResidualBlock1d(nn.Module):
    """x + conv(silu(conv(silu(norm(x))))), both of three places. (N, C, L) -> (N, C, L)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, width)
        self.first = nn.Conv1d(width, width, 3, padding=1)
        self.second = nn.Conv1d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        change: Tensor = self.second(F.silu(self.first(F.silu(self.norm(x)))))
        return x + change


SPEC = ModelSpec(
    name="melody",
    tasks={"generate": "melody"},
    config=MelodyConfig,
    build=Melody,
    geometry=Geometry.whole,
    presets={
        "base": MelodyConfig(),
        "tiny": MelodyConfig(
            latent=4,
            width=8,
            blocks=0,
            prior_width=16,
            prior_blocks=1,
            steps=2,
            guide_width=8,
            guidance=1.5,
        ),
    },
    summary="variational autoencoder of melodies as piano rolls, and a flow-matching prior over it",
    paper="Roberts et al. 2018 (MusicVAE); Lipman et al. 2023 (flow matching)",
)
