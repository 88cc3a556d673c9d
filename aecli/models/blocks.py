"""Layers that architectures share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch.nn.functional as F
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(x))), both 3x3, without normalisation (Lim et al., EDSR, 2017).

    (N, C, H, W) -> (N, C, H, W). Widens the receptive-field radius by 2.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        out: Tensor = x + self.second(F.relu(self.first(x), inplace=True))
        return out


def residual_stack(width: int, count: int) -> nn.Sequential:
    """`count` residual blocks in a row."""
    return nn.Sequential(*(ResidualBlock(width) for _ in range(count)))
