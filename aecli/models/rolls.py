"""Piano rolls as tensors: their symbols, and their keys.

A roll is a picture (N, 1, 64, 64) as `aecli.datasets.midi` makes it; as symbols it is a row of 32,
one a sixteenth: a semitone that is struck, counted from the highest, a hold, or a rest.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aecli.models.blocks import constant

PITCHES = 64
"""Semitones of a roll, the highest first: its rows, and the first of the symbols."""

STEPS = 32
"""Sixteenths of a roll, two columns each."""

HOLD, REST = PITCHES, PITCHES + 1
"""The other symbols."""

KEYS = 12
"""Signatures, a major and a minor key each; and pitch classes."""

RADIUS = 2**0.5
"""Distance of a key's point from 0: the root mean square of N(0, I) in the plane."""

_FIFTH = 7
"""Semitones, and its own inverse modulo 12."""

_SCALE = (1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1)
_PROFILES = (
    (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
)
"""How well each pitch class fits C major and C minor (Krumhansl and Kessler 1982)."""

_RELATIVE = 9
"""Semitones from a major key up to the minor one of the same signature."""

_PROFILE_SHARE = 0.1
"""What a profile counts beside the scale: it decides where several scales fit."""

_TOP_CLASS = 3
"""Pitch class of a roll's first row, D sharp."""


def symbols(x: Tensor) -> Tensor:
    """Rolls -> the symbols of their sixteenths, int64 (N, 32).

    Of several voices the highest; grey counts as white from the middle on.
    """
    before, sounding = _steps(x)
    pitch = sounding.byte().argmax(1)
    held = before.gather(1, pitch[:, None])[:, 0]
    return torch.where(sounding.any(1), torch.where(held, HOLD, pitch), REST)


def rolls(symbols: Tensor) -> Tensor:
    """Symbols (N, 32) -> rolls, float32; a hold of nothing is a rest."""
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


class KeyFinder(nn.Module):
    """The keys of rolls, as semitones from C major or A minor: -6 to 5, int64 (N,).

    The scale that holds most of the notes that are struck, and where there are several the one
    whose profile is the most like them (Krumhansl 1990, chapter 4).
    """

    def __init__(self) -> None:
        super().__init__()
        self.templates: Tensor
        self.register_buffer("templates", constant(_templates), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Find them."""
        before, sounding = _steps(x)
        struck = (sounding & ~before).sum(2)
        fit = struck.to(self.templates.dtype) @ self.templates
        return _nearest(fit.view(-1, 2, KEYS).amax(1).argmax(1))


def on_circle(key: Tensor) -> Tensor:
    """Keys (N,) -> points on the circle of fifths, where neighbours share six of seven notes."""
    angle = key * (2 * math.pi * _FIFTH / KEYS)
    return RADIUS * torch.stack([angle.cos(), angle.sin()], 1)


def from_circle(point: Tensor) -> Tensor:
    """Points (N, 2) of the plane -> the keys of their angles, (N,)."""
    angle = torch.atan2(point[:, 1], point[:, 0])
    return _nearest((angle * (KEYS / (2 * math.pi))).round().long() * _FIFTH)


def _steps(x: Tensor) -> tuple[Tensor, Tensor]:
    """Where a note of rolls has sounded before, and where one sounds: (N, 64, 32) each."""
    before, sounding = (x >= 0.5).view(-1, PITCHES, STEPS, 2).unbind(3)
    return before & sounding, sounding


def _nearest(semitones: Tensor) -> Tensor:
    """The nearest semitones of that pitch class, -6 to 5."""
    return (semitones + KEYS // 2) % KEYS - KEYS // 2


def _templates() -> Tensor:
    """How well a note of each row fits each major and then each minor signature, (64, 24)."""
    rows = (_TOP_CLASS - torch.arange(PITCHES)) % KEYS
    scale = torch.tensor(_SCALE, dtype=torch.float32)
    fits = []
    for profile, tonic in zip(torch.tensor(_PROFILES), (0, _RELATIVE), strict=True):
        even = profile - profile.mean()
        likely = _PROFILE_SHARE * even / even.norm()
        fits += [scale.roll(key) + likely.roll(key + tonic) for key in range(KEYS)]
    return torch.stack(fits, 1)[rows]
