"""A prior by flow matching: the velocity of latents on their way from noise.

The networks that predict it, of latents that are grids and of those that are vectors, and what is
drawn with them.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TypeVar

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


class FlowPrior(nn.Module):
    """The base of a model whose latents are drawn by a flow; it sets the attributes.

    Attributes:
        prior: points (N, *latent), times (N,), labels (N,) or None -> velocities, as the points.
        guide: a weaker one, to be guided away from (Karras et al. 2024); None without.
        steps: evaluations of the prior that a sample takes.
        guidance: how often the velocity's lead over the weaker one's counts; 1: no guidance.
    """

    prior: nn.Module
    guide: nn.Module | None
    steps: int
    guidance: float

    def draw(self, noise: Tensor, label: Tensor | None = None, temperature: float = 1.0) -> Tensor:
        """Latents of the prior: the flow from noise, time 0, to latents, time 1.

        Integrated by the two-step Adams-Bashforth method in equal steps, the first one Euler's: of
        second order with one evaluation a step. The noise alone decides the result.
        """
        x = noise * temperature
        before: Tensor | None = None
        for step in range(self.steps):
            time = x.new_full((len(x),), step / self.steps)
            now = self._guided(x, time, label)
            x = x + (now if before is None else 1.5 * now - 0.5 * before) / self.steps
            before = now
        return x

    def velocity(self, x: Tensor, time: Tensor, label: Tensor | None = None) -> Tensor:
        """The prior's velocity at points (N, *latent) and times (N,), 0 to 1: (N, *latent)."""
        speed: Tensor = self.prior(x, time, label)
        return speed.float()

    def weaker(self, x: Tensor, time: Tensor, label: Tensor | None = None) -> Tensor:
        """The velocity to be guided away from; the prior's own where there is no other."""
        if self.guide is not None:
            speed: Tensor = self.guide(x, time, label)
            return speed.float()
        return self.velocity(x, time)

    def _guided(self, x: Tensor, time: Tensor, label: Tensor | None) -> Tensor:
        now = self.velocity(x, time, label)
        if self.guidance == 1 or (self.guide is None and label is None):
            return now
        weaker = self.weaker(x, time, label)
        return weaker + self.guidance * (now - weaker)


class _Conditioned(nn.Module):
    """The base of a network that is conditioned on time and class."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.time = nn.Sequential(
            nn.Linear(EMBEDDING, EMBEDDING), nn.SiLU(), nn.Linear(EMBEDDING, EMBEDDING)
        )
        self.classes = ClassEmbedding(classes, EMBEDDING) if classes else None

    def condition(self, time: Tensor, label: Tensor | None) -> Tensor:
        """Times (N,), and classes (N,) or none -> (N, EMBEDDING)."""
        condition: Tensor = self.time(_waves(time))
        if self.classes is not None:
            condition = condition + self.classes.vectors(label, len(time))
        return F.silu(condition)


class VectorVelocity(_Conditioned):
    """A residual network of dense layers over latent vectors, conditioned on time and class.

    Args:
        latent: length of a vector.
        width: of the layers.
        blocks: residual blocks.
        classes: number of classes.
    """

    def __init__(self, latent: int, width: int, blocks: int, classes: int) -> None:
        super().__init__(classes)
        self.head = nn.Linear(latent, width)
        self.blocks = nn.ModuleList(AdaLNBlock(width) for _ in range(blocks))
        self.tail = nn.Sequential(nn.LayerNorm(width), _zeroed(nn.Linear(width, latent)))

    def forward(self, x: Tensor, time: Tensor, label: Tensor | None) -> Tensor:
        """(N, D) at times (N,), of classes (N,) or of none -> (N, D)."""
        condition = self.condition(time, label)
        features = self.head(x)
        for block in self.blocks:
            features = block(features, condition)
        speed: Tensor = self.tail(features)
        return speed


class AdaLNBlock(nn.Module):
    """A residual block of dense layers with adaptive layer normalisation (Peebles and Xie 2023).

    The condition scales and shifts what is normalised. (N, C), (N, E) -> (N, C).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.modulation = nn.Linear(EMBEDDING, 2 * width)
        self.first = nn.Linear(width, width)
        self.second = _zeroed(nn.Linear(width, width))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Apply the block."""
        scale, shift = self.modulation(condition).chunk(2, 1)
        change: Tensor = self.second(F.silu(self.first(self.norm(x) * (1 + scale) + shift)))
        return x + change


class Velocity(_Conditioned):
    """A U-Net (Ronneberger et al. 2015) over the latent grid, conditioned on time and class.

    Args:
        latent: channels of the latent grid.
        widths: channels a level; each level halves the grid, odd sides are rounded up.
        blocks: residual blocks a level, on the way down and again on the way up; the coarsest
            level has self-attention between its two halves.
        classes: number of classes.
    """

    def __init__(self, latent: int, widths: tuple[int, ...], blocks: int, classes: int) -> None:
        super().__init__(classes)
        self.head = nn.Conv2d(latent, widths[0], 3, padding=1)
        self.encoders = nn.ModuleList(AdaGNStack(w, blocks) for w in widths)
        self.downs = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(widths)
        )
        self.attention = Attention(widths[-1])
        self.ups = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(widths))
        self.decoders = nn.ModuleList(AdaGNStack(w, blocks) for w in widths)
        self.tail = nn.Sequential(
            _group_norm(widths[0]), nn.SiLU(), _zeroed(nn.Conv2d(widths[0], latent, 3, padding=1))
        )

    def forward(self, x: Tensor, time: Tensor, label: Tensor | None) -> Tensor:
        """(N, C, h, w) at times (N,), of classes (N,) or of none -> (N, C, h, w)."""
        condition = self.condition(time, label)
        features = self.head(x)
        skips: list[Tensor] = []
        for level, encode in enumerate(self.encoders):
            features = self.downs[level - 1](features) if level else features
            features = encode(features, condition)
            skips.append(features)
        features = self.attention(skips.pop())
        for level in reversed(range(len(self.decoders))):
            features = self.decoders[level](features, condition)
            if level:
                skip = skips.pop()
                coarse = self.ups[level - 1](features)
                features = skip + F.interpolate(coarse, size=skip.shape[-2:])
        speed: Tensor = self.tail(features)
        return speed


class AdaGNBlock(nn.Module):
    """A residual block with adaptive group normalisation (Dhariwal and Nichol 2021).

    The condition scales and shifts the second normalisation. (N, C, h, w), (N, E) -> (N, C, h, w).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.before = _group_norm(width)
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.between = _group_norm(width)
        self.modulation = nn.Linear(EMBEDDING, 2 * width)
        self.second = _zeroed(nn.Conv2d(width, width, 3, padding=1))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Apply the block."""
        scale, shift = self.modulation(condition)[..., None, None].chunk(2, 1)
        out = self.between(self.first(F.silu(self.before(x))))
        change: Tensor = self.second(F.silu(out * (1 + scale) + shift))
        return x + change


class AdaGNStack(nn.ModuleList):
    """`count` such blocks in a row."""

    def __init__(self, width: int, count: int) -> None:
        super().__init__(AdaGNBlock(width) for _ in range(count))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Apply the blocks."""
        for block in self:
            x = block(x, condition)
        return x


class Attention(nn.Module):
    """Self-attention between the places of a grid, added to it (Vaswani et al. 2017)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = width // HEAD
        self.norm = _group_norm(width)
        self.qkv = nn.Conv2d(width, 3 * width, 1)
        self.proj = _zeroed(nn.Conv2d(width, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> (N, C, h, w)."""
        qkv: Tensor = self.qkv(self.norm(x))
        parts = qkv.reshape(len(x), 3, self.heads, HEAD, -1).transpose(-1, -2)
        query, key, value = parts.unbind(1)
        out = F.scaled_dot_product_attention(query, key, value)
        change: Tensor = self.proj(out.transpose(-1, -2).reshape(x.shape))
        return x + change


def _group_norm(width: int) -> nn.GroupNorm:
    return nn.GroupNorm(width // GROUP, width)


_Layer = TypeVar("_Layer", nn.Conv2d, nn.Linear)


def _zeroed(layer: _Layer) -> _Layer:
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
