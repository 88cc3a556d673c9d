"""What training and evaluation do to clean images. Every draw comes from the caller's generator."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, cast

import numpy as np
from PIL import Image as Pillow
from PIL import ImageFilter

from aecli.images.resample import resample

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


def shrink(clean: NDArray[np.uint8], scale: int) -> NDArray[np.uint8]:
    """Antialiased bicubic shrinking by a whole factor: HxW or HxWx3, H and W multiples of it."""
    return resample(clean, clean.shape[0] // scale, clean.shape[1] // scale)


KERNELS = (
    Pillow.Resampling.BOX,
    Pillow.Resampling.BILINEAR,
    Pillow.Resampling.HAMMING,
    Pillow.Resampling.BICUBIC,
    Pillow.Resampling.LANCZOS,
)
"""How programs shrink photos; all of them antialiased."""


def found_photo(
    clean: NDArray[np.uint8], scale: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """A small picture as people hold it: soft, shrunk by some program, a little noisy, compressed.

    After Zhang et al. 2021 (BSRGAN) and Wang et al. 2021 (Real-ESRGAN), milder: Gaussian blur of up
    to 1.2 pixels of the small picture, sharper along one axis; one of `KERNELS`; noise that grows
    with brightness, in luma alone or in every channel, of sigma up to 8; JPEG of quality 40 to 95
    with or without chroma subsampling. Each of these is sometimes left out.

    Args:
        clean: HxW or HxWx3, H and W multiples of `scale`.
        scale: factor by which the picture shrinks.
        rng: source of all that is random.

    Returns:
        (H / scale)x(W / scale) of the same channels.
    """
    picture = Pillow.fromarray(clean)
    if rng.random() < 0.85:
        blur = scale * rng.uniform(0.1, 1.2) * rng.uniform(0.7, 1.0, 2)
        picture = picture.filter(ImageFilter.GaussianBlur((float(blur[0]), float(blur[1]))))
    size = (picture.width // scale, picture.height // scale)
    small = np.array(picture.resize(size, KERNELS[rng.integers(len(KERNELS))]))
    if rng.random() < 0.8:
        small = _sensor_noise(small, 8 * rng.random() ** 1.5, rng)
    if rng.random() < 0.9:
        small = jpeg(small, int(rng.integers(40, 96)), subsampling=int(rng.choice([0, 2, 2])))
    return small


def jpeg(image: NDArray[np.uint8], quality: int, subsampling: int = 2) -> NDArray[np.uint8]:
    """A picture after JPEG compression: HxW or HxWx3.

    `subsampling` is Pillow's: 0 for 4:4:4, 1 for 4:2:2, 2 for 4:2:0.
    """
    buffer = io.BytesIO()
    Pillow.fromarray(image).save(buffer, "JPEG", quality=quality, subsampling=subsampling)
    decoded = np.array(Pillow.open(buffer))  # a copy, which may be written to
    return cast("NDArray[np.uint8]", decoded)


def _sensor_noise(
    image: NDArray[np.uint8], sigma: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Noise of about `sigma` (0 to 255 scale) in the middle greys, by chance equal in all channels.

    A random share of its variance is proportional to the signal (shot noise), the rest constant.
    """
    share = rng.random()
    noise = rng.standard_normal(image.shape, dtype=np.float32)
    if image.ndim == 3 and rng.random() < 0.3:
        noise = np.repeat(noise[..., :1], 3, axis=2)
    noise *= sigma * np.sqrt(share * image / np.float32(128) + np.float32(1 - share))
    noise += image
    return np.clip(np.rint(noise), 0, 255).astype(np.uint8)
