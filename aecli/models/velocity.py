"""The network of a flow: the velocity of latents on their way from noise, told time and class."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aecli.models.blocks import ClassEmbedding

EMBEDDING = 128
"""Length of the vector that tells the prior time and class."""

HEAD = 16
"""Channels of one head of attention."""

GROUP = 16
"""Channels normalised together."""


class Velocity(nn.Module):
    """A U-Net (Ronneberger et al. 2015) over the latent grid that is told time and class.

    Args:
        latent: channels of the latent grid.
        widths: channels a level; each level halves the grid, odd sides are rounded up.
        blocks: residual blocks a level, on the way down and again on the way up; the coarsest
            level has self-attention between its two halves.
        classes: number of classes.
    """

    def __init__(self, latent: int, widths: tuple[int, ...], blocks: int, classes: int) -> None:
        super().__init__()
        self.time = nn.Sequential(
            nn.Linear(EMBEDDING, EMBEDDING), nn.SiLU(), nn.Linear(EMBEDDING, EMBEDDING)
        )
        self.classes = ClassEmbedding(classes, EMBEDDING) if classes else None
        self.head = nn.Conv2d(latent, widths[0], 3, padding=1)
        self.encoders = nn.ModuleList(ToldStack(w, blocks) for w in widths)
        self.downs = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(widths)
        )
        self.attention = Attention(widths[-1])
        self.ups = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(widths))
        self.decoders = nn.ModuleList(ToldStack(w, blocks) for w in widths)
        self.tail = nn.Sequential(
            _group_norm(widths[0]), nn.SiLU(), _zeroed(nn.Conv2d(widths[0], latent, 3, padding=1))
        )

    def forward(self, x: Tensor, time: Tensor, label: Tensor | None) -> Tensor:
        """(N, C, h, w) at times (N,), of classes (N,) or of none -> (N, C, h, w)."""
        told = self.time(_waves(time))
        if self.classes is not None:
            told = told + self.classes.vectors(label, len(x))
        told = F.silu(told)
        features = self.head(x)
        skips: list[Tensor] = []
        for level, encode in enumerate(self.encoders):
            features = self.downs[level - 1](features) if level else features
            features = encode(features, told)
            skips.append(features)
        features = self.attention(skips.pop())
        for level in reversed(range(len(self.decoders))):
            features = self.decoders[level](features, told)
            if level:
                skip = skips.pop()
                coarse = self.ups[level - 1](features)
                features = skip + F.interpolate(coarse, size=skip.shape[-2:])
        speed: Tensor = self.tail(features)
        return speed


class ToldBlock(nn.Module):
    """A residual block whose second normalisation is scaled and shifted by what it is told.

    Adaptive group normalisation (Dhariwal and Nichol 2021). (N, C, h, w), (N, E) -> (N, C, h, w).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.before = _group_norm(width)
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.between = _group_norm(width)
        self.tell = nn.Linear(EMBEDDING, 2 * width)
        self.second = _zeroed(nn.Conv2d(width, width, 3, padding=1))

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        """Apply the block."""
        scale, shift = self.tell(told)[..., None, None].chunk(2, 1)
        out = self.between(self.first(F.silu(self.before(x))))
        change: Tensor = self.second(F.silu(out * (1 + scale) + shift))
        return x + change


class ToldStack(nn.ModuleList):
    """`count` told blocks in a row."""

    def __init__(self, width: int, count: int) -> None:
        super().__init__(ToldBlock(width) for _ in range(count))

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        """Apply the blocks."""
        for block in self:
            x = block(x, told)
        return x


class Attention(nn.Module):
    """Self-attention between the places of a grid, added to it (Vaswani et al. 2017)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = width // HEAD
        self.norm = _group_norm(width)
        self.ask = nn.Conv2d(width, 3 * width, 1)
        self.answer = _zeroed(nn.Conv2d(width, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> (N, C, h, w)."""
        asked: Tensor = self.ask(self.norm(x))
        parts = asked.reshape(len(x), 3, self.heads, HEAD, -1).transpose(-1, -2)
        query, key, value = parts.unbind(1)
        heard = F.scaled_dot_product_attention(query, key, value)
        answer: Tensor = self.answer(heard.transpose(-1, -2).reshape(x.shape))
        return x + answer


def _group_norm(width: int) -> nn.GroupNorm:
    return nn.GroupNorm(width // GROUP, width)


def _zeroed(layer: nn.Conv2d) -> nn.Conv2d:
    """The layer with zeros for weights: what it adds to starts unchanged."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]  # built with a bias
    return layer


def _waves(time: Tensor) -> Tensor:
    """Times (N,), 0 to 1 -> (N, EMBEDDING): sines and cosines (Ho et al. 2020; Vaswani et al.)."""
    half = EMBEDDING // 2
    rates = torch.exp(-math.log(1e4) / half * torch.arange(half, device=time.device))
    angles = 1000 * time[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], 1)
