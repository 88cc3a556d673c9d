"""A variational autoencoder of melodies, in the spirit of MusicVAE (Roberts et al. 2018).

A melody of one voice is a piano roll of 64 semitones by 32 sixteenths, as a picture of 64 x 64
pixels (`aecli.datasets.midi`), and to the network a row of 32 symbols: a semitone that is struck, a
hold, or a rest. So whatever is decoded is a melody. Encoder and decoder go by sixteenths, then by
the eight beats; between these and the latent vector stands one dense layer, as the conductor of
MusicVAE does. All symbols are decoded at once, each by a softmax.

A melody in another key is the same melody. So the network sees each in C major or A minor, whatever
its key, which is found by its notes and kept beside: the last two latent values are a point in the
plane whose angle is the key's on the circle of fifths.

New melodies are drawn from a prior over the latents that is fitted afterwards, by flow matching
(Lipman et al. 2023): the mass of the latents is not quite N(0, I), which spoils samples (Ghosh et
al. 2020, ex-post density estimation).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aecli.models.registry import Geometry, ModelSpec, Tiling
from aecli.models.velocity import FlowPrior, VectorVelocity

PITCHES = 64
"""Semitones of a roll, the highest first: its rows, and the first of the symbols."""

STEPS = 32
"""Sixteenths of a roll, two columns each."""

HOLD, REST = PITCHES, PITCHES + 1
"""The other symbols."""

BEAT = 4
"""Sixteenths of a beat."""

LOG_VAR = 12.0
"""Bound of |z_log_var|."""

KEYS = 12
"""Signatures, a major and a minor key each; and pitch classes."""

KEY_RADIUS = 2**0.5
"""Distance of a key's point from 0: the prior's root mean square."""

KEY_LOG_VAR = -6.0
"""z_log_var of a key's point: it is certain."""

FIFTH = 7
"""Semitones, and its own inverse modulo 12."""

_SCALE = (1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1)
_PROFILES = (
    (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
)
"""How well each pitch class fits C major and C minor (Krumhansl and Kessler 1982)."""

_RELATIVE = 9
"""Semitones from a major key to the minor one of the same signature."""

_PROFILE_SHARE = 0.1
"""What a profile counts beside the scale: it decides where several scales fit."""

_TOP_CLASS = 3
"""Pitch class of a roll's first row, D sharp."""


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
        self.templates: Tensor
        self.register_buffer("templates", _templates(), persistent=False)
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
        angle = key * (2 * math.pi * FIFTH / KEYS)
        place = KEY_RADIUS * torch.stack([angle.cos(), angle.sin()], 1)
        certain = torch.full_like(place, KEY_LOG_VAR)
        return torch.cat([mean, place], 1), torch.cat(
            [log_var.clamp(-LOG_VAR, LOG_VAR), certain], 1
        )

    def encode(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """Rolls (N, 1, 64, 64) -> the mean of their latents, (N, D)."""
        return self.posterior(x, label)[0]

    def key(self, x: Tensor) -> Tensor:
        """The keys of rolls (N, 1, 64, 64), as semitones from C major or A minor: -6 to 5, (N,).

        The scale that holds most of the notes that are struck, and where there are several the one
        whose profile is the most like them (Krumhansl 1990, chapter 4).
        """
        before, sounding = _steps(x)
        struck = (sounding & ~before).sum(2)
        fit = struck.to(self.templates.dtype) @ self.templates
        return _nearest(fit.view(-1, 2, KEYS).amax(1).argmax(1))

    def logits(self, z: Tensor) -> Tensor:
        """Latents (N, D) -> logits of the symbols of each sixteenth, (N, 66, 32)."""
        angle = torch.atan2(z[:, -1], z[:, -2])
        key = _nearest((angle * (KEYS / (2 * math.pi))).round().long() * FIFTH)
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


def symbols(x: Tensor) -> Tensor:
    """Rolls (N, 1, 64, 64) -> the symbols of their sixteenths, int64 (N, 32).

    Of several voices the highest; grey counts as white from the middle on.
    """
    before, sounding = _steps(x)
    pitch = sounding.byte().argmax(1)
    held = before.gather(1, pitch[:, None])[:, 0]
    struck_or_held = torch.where(held, HOLD, pitch)
    return torch.where(sounding.any(1), struck_or_held, REST)


def rolls(symbols: Tensor) -> Tensor:
    """Symbols (N, 32) -> rolls, float32 (N, 1, 64, 64); a hold of nothing is a rest."""
    steps = torch.arange(STEPS, device=symbols.device)
    holds = symbols == HOLD
    began = torch.where(holds, 0, steps).cummax(1).values
    pitch = symbols.gather(1, began)
    sounding = F.one_hot(pitch, REST + 1)[..., :PITCHES]  # (N, 32, 64)
    columns = torch.stack([sounding * holds[..., None], sounding], 2)
    return columns.flatten(1, 2).transpose(1, 2)[:, None].float()


def moved(rows: Tensor, up: Tensor) -> Tensor:
    """Rows of semitones (N, 64, K), transposed by (N,) semitones; what leaves comes in again."""
    places = torch.arange(PITCHES, device=rows.device) + up[:, None]
    return rows.take_along_dim((places % PITCHES)[..., None], 1)


def _steps(x: Tensor) -> tuple[Tensor, Tensor]:
    """Where a note of rolls (N, 1, 64, 64) has sounded before, and where it sounds: (N, 64, 32)."""
    before, sounding = (x >= 0.5).view(-1, PITCHES, STEPS, 2).unbind(3)
    return before & sounding, sounding


def _nearest(semitones: Tensor) -> Tensor:
    """The octave's nearest semitones of that pitch class, -6 to 5."""
    return (semitones + KEYS // 2) % KEYS - KEYS // 2


def _templates() -> Tensor:
    """How well a note of each row fits each major and minor signature, (64, 24)."""
    rows = (_TOP_CLASS - torch.arange(PITCHES)) % KEYS
    fits = []
    for profile, tonic in zip(torch.tensor(_PROFILES), (0, _RELATIVE), strict=True):
        even = profile - profile.mean()
        likely = _PROFILE_SHARE * even / even.norm()
        scale = torch.tensor(_SCALE, dtype=torch.float32)
        fits += [scale.roll(key) + likely.roll(key + tonic) for key in range(KEYS)]
    return torch.stack(fits, 1)[rows]


def geometry(config: MelodyConfig) -> Geometry:
    """Whole rolls."""
    side = config.size
    return Geometry(multiple_of=side, minimum=side, radius=side, tiling=Tiling.WHOLE_ONLY)


SPEC = ModelSpec(
    name="melody",
    tasks={"generate": "melody"},
    config=MelodyConfig,
    build=Melody,
    geometry=geometry,
    presets={
        "base": MelodyConfig(),
        "tiny": MelodyConfig(latent=4, width=8, blocks=0, prior_width=16, prior_blocks=1, steps=2),
    },
    summary="variational autoencoder of melodies as piano rolls, and a flow-matching prior over it",
    paper="Roberts et al. 2018 (MusicVAE); Lipman et al. 2023 (flow matching)",
)
