"""How different pictures look to a network: by the features of one of aecli's own denoisers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import nn

from aecli.checkpoints import store
from aecli.errors import UsageError
from aecli.models.blocks import MEAN
from aecli.models.unet import UNet

if TYPE_CHECKING:
    from torch import Tensor

LEVEL = 10 / 255
"""Of the noise that the network is told there is: what it takes for texture is seen above that."""


class Features(nn.Module):
    """The encoder of a denoising U-Net, frozen, as an eye.

    Zhang et al. (2018, LPIPS) compare pictures by the features of classifiers, which were trained
    on photographs that are for research alone; a denoising autoencoder knows texture, too, and is
    the project's own.

    Args:
        name: of a denoiser, as `aecli denoise -m` takes it.

    Raises:
        ModelError: there is none of that name.
        UsageError: it is no U-Net.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        network = store.load("denoise", name).module
        if not isinstance(network, UNet):
            raise UsageError(f"objective.features: {name!r} is no U-Net", "e.g. gaussian")
        self.unshuffle = network.unshuffle
        self.head, self.encoders, self.downs = network.head, network.encoders, network.downs
        self.requires_grad_(False)

    def forward(self, x: Tensor) -> list[Tensor]:
        """(N, 3, H, W) in [0, 1] -> a level each: (N, C, h, w), of unit length along C."""
        folded = F.pixel_unshuffle((x - MEAN) * 2, self.unshuffle)
        level = folded.new_full((len(x), 1, *folded.shape[-2:]), 4 * LEVEL)
        features = self.head(torch.cat([folded, level], 1))
        levels = []
        for encode, down in zip(self.encoders, self.downs, strict=True):
            features = encode(features)
            levels.append(F.normalize(features.float(), dim=1))
            features = down(features)
        return levels


def distance(some: list[Tensor], others: list[Tensor]) -> Tensor:
    """The mean distance of two pictures' features, (N,): 0 where they are the same, 2 at most."""
    apart = [
        (a - b).square().sum(1).add(1e-6).sqrt().mean((1, 2))
        for a, b in zip(some, others, strict=True)
    ]
    return torch.stack(apart).mean(0)
