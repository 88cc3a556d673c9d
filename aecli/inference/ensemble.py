"""Geometric self-ensemble: the mean of what a network makes of a picture in all its orientations.

Timofte et al. 2016, "Seven ways to improve example-based single image super resolution". A picture
turned and mirrored is as good a picture, but the network's mistakes differ, and partly cancel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

TURNS = 4


def averaged(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """A function of pictures as the mean over the eight orientations, in eight times the time.

    Args:
        function: (N, C, H, W) -> (N, C, H * scale, W * scale), for any H and W.
    """

    def mean(x: Tensor) -> Tensor:
        total = torch.zeros(())
        for turns in range(TURNS):
            turned = x.rot90(turns, (2, 3))
            total = total + function(turned).float().rot90(-turns, (2, 3))
            mirrored = function(turned.flip(3)).float().flip(3)
            total += mirrored.rot90(-turns, (2, 3))
        return total / (2 * TURNS)

    return mean
