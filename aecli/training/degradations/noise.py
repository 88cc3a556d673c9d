"""Noise as it lies on photographs: of every picture its own strength and kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from aecli.training.degradations.draws import Draws


def is_grey(pictures: Tensor) -> Tensor:
    """(N, 1, 1, 1), on the device: which of the pictures have three equal channels."""
    return (pictures[:, 1:] - pictures[:, :1]).abs_().amax((1, 2, 3), keepdim=True) == 0


def noise(
    pictures: Tensor,
    sigma: NDArray[np.float64],
    shot: NDArray[np.float64],
    common: NDArray[np.float64],
    grey: Tensor,
    draws: Draws,
    name: str,
) -> Tensor:
    """Pictures with Gaussian noise on them, neither rounded nor clipped.

    Args:
        pictures: (N, 3, H, W) in [0, 1].
        sigma: (N,), standard deviation in the middle greys, on the 0-255 scale.
        shot: (N,), the part of the variance that is proportional to the signal.
        common: (N,), the part of the variance that all channels have in common.
        grey: (N, 1, 1, 1), pictures whose noise is common in any case.
        draws: where the noise comes from, under the name `name`.

    Returns:
        (N, 3, H, W).
    """
    columns = draws.on_device(np.stack([sigma / 255, shot, common], axis=1))
    level, signal, shared = columns.view(-1, 3, 1, 1, 1).unbind(1)
    shared = torch.where(grey, 1.0, shared)
    # Between the channels the root of (1 - shared) I + shared J, where J is all ones.
    alone, together = (1 - shared).sqrt() * level, (1 + 2 * shared).sqrt() * level
    z = draws.normal(name, pictures.shape[1:])
    z = torch.addcmul(z.sum(1, keepdim=True).mul_((together - alone) / 3), z, alone)
    variance = torch.addcmul(1 - signal, pictures.clamp(min=0), signal * (255 / 128))
    return torch.addcmul(pictures, z, variance.sqrt_())
