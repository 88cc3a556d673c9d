"""What training and evaluation do to clean images. Every draw comes from the caller's generator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def white_noise(
    clean: NDArray[np.uint8], sigma: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Additive white Gaussian noise as an 8-bit file holds it: clipped and rounded.

    Args:
        clean: HxW or HxWxC.
        sigma: standard deviation on the 0-255 scale.
        rng: source of the noise; the same state gives the same picture.

    Returns:
        An array of the same shape.
    """
    noisy = rng.standard_normal(clean.shape, dtype=np.float32)
    noisy *= np.float32(sigma)
    noisy += clean
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
