"""A critic: the network that an adversarial training plays the trained one against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import nn

from aecli.models.blocks import MEAN

if TYPE_CHECKING:
    from torch import Tensor

FOLDED = 2
"""Side of the pixel blocks folded into channels."""

CELL = 2 * FOLDED
"""Side of the squares that get a score each, pixels."""

DETAIL = 8
"""Factor that brings what a large picture has and its small one lacks to about unit size: as part
of the picture it would be a twentieth of what the critic sees, and go unseen."""

SHORT = 0.005
"""Standard deviation of the weights that kernels begin with."""


class UnitConv(nn.Conv2d):
    """A 3x3 convolution whose kernels have unit length, an output channel each.

    Weight normalisation (Salimans and Kingma 2016) without a gain: the critic cannot win by growing
    its weights, and its gradients stay of one size. The shorter the weights behind a kernel, the
    further a step turns it: they begin short, so that the critic, which begins at random, learns
    faster than the network that it judges.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(inputs, outputs, 3, stride, padding=1)
        nn.init.normal_(self.weight, std=SHORT)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H / stride, W / stride)."""
        kernels = F.normalize(self.weight.flatten(1), dim=1).view_as(self.weight)
        return F.leaky_relu(F.conv2d(x, kernels, self.bias, self.stride, self.padding), 0.2)


class Critic(nn.Module):
    """How real the places of a large picture look, beside the small one that it was made from.

    It judges small places (Isola et al. 2017, PatchGAN), each by what lies within 20 pixels.

    Args:
        width: channels of the finer grid; the coarser one has twice as many.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            UnitConv(3 * FOLDED**2 + 3, width),
            UnitConv(width, width),
            UnitConv(width, 2 * width, stride=2),
            UnitConv(2 * width, 2 * width),
            nn.Conv2d(2 * width, 1, 3, padding=1),
        )

    def forward(self, large: Tensor, beside: Tensor) -> Tensor:
        """A score a cell.

        Args:
            large: (N, 3, H, W) in [0, 1], H and W multiples of `CELL`.
            beside: the small pictures, enlarged to the same size.

        Returns:
            (N, 1, H / CELL, W / CELL), float32.
        """
        detail = F.pixel_unshuffle((large - beside) * DETAIL, FOLDED)
        coarse = (F.avg_pool2d(beside, FOLDED) - MEAN) * 2
        scores: Tensor = self.layers(torch.cat([detail, coarse], 1))
        return scores.float()
