"""What training and evaluation do to clean images. Every draw comes from the caller's generator."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, cast

import numpy as np
from PIL import Image as Pillow

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


def jpeg(image: NDArray[np.uint8], quality: int, subsampling: int = 2) -> NDArray[np.uint8]:
    """A picture after JPEG compression: HxW or HxWx3.

    `subsampling` is Pillow's: 0 for 4:4:4, 1 for 4:2:2, 2 for 4:2:0.
    """
    buffer = io.BytesIO()
    Pillow.fromarray(image).save(buffer, "JPEG", quality=quality, subsampling=subsampling)
    decoded = np.array(Pillow.open(buffer))  # a copy, which may be written to
    return cast("NDArray[np.uint8]", decoded)
