"""What test pictures are put through; seeded by the picture's number, the same every time.

Nothing here is shared with training, so that no figure flatters a model that knows its examiner.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aecli.images.resample import resample

Picture = NDArray[np.uint8]
Floats = NDArray[np.float64]

LIGHTS = {"good light": 4000.0, "indoors": 700.0, "night": 120.0}
"""Electrons that a white pixel collects."""

READ_NOISE = 2.5
"""Electrons of standard deviation, whatever the light."""


def to_picture(values: Floats) -> Picture:
    """Levels from 0 to 255, rounded and cut."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def white(clean: Picture, sigma: float, number: int) -> Picture:
    """Gaussian noise of one standard deviation everywhere, on the 0-255 scale."""
    rng = np.random.default_rng([round(sigma), number])
    return to_picture(clean + rng.normal(0, sigma, clean.shape))


def camera(clean: Picture, electrons: float, number: int) -> tuple[Picture, Picture]:
    """What a camera makes of a scene, and what it would make of it without noise.

    The light that a pixel collects is counted (Poisson) and read out (Gaussian) behind a mosaic of
    red, green, green and blue; missing colours are the mean of their neighbours', and the file is
    a JPEG of quality 92 without subsampling.

    Args:
        clean: HxWx3.
        electrons: see `LIGHTS`.
        number: of the picture.
    """
    rng = np.random.default_rng([round(electrons), number])
    light = (clean / 255.0) ** 2.2 * electrons
    counted = rng.poisson(light) + rng.normal(0, READ_NOISE, light.shape)
    return (
        jpeg(_developed(counted / electrons), 92, 0),
        _developed(light / electrons),
    )


def bicubic(clean: Picture, scale: int) -> Picture:
    """Antialiased bicubic shrinking."""
    return resample(clean, clean.shape[0] // scale, clean.shape[1] // scale)  # type: ignore[return-value]


def found(clean: Picture, scale: int, number: int) -> Picture:
    """A picture as it is found: a little soft, shrunk, noisy, a JPEG of quality 70."""
    rng = np.random.default_rng([scale, number])
    soft = _blurred(clean.astype(np.float64), rng.uniform(0.4, 1.0))
    small = bicubic(to_picture(soft), scale)
    return jpeg(to_picture(small + rng.normal(0, 3, small.shape)), 70, 2)


def jpeg(picture: Picture, quality: int, subsampling: int) -> Picture:
    """The same, compressed and read again."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality, subsampling=subsampling)
    return np.asarray(Image.open(file))


def _developed(raw: Floats) -> Picture:
    """Linear light behind the mosaic -> sRGB, about."""
    kernel = np.array([[0.25, 0.5, 0.25], [0.5, 1, 0.5], [0.25, 0.5, 0.25]])
    rows, columns = np.indices(raw.shape[:2]) % 2
    out = np.empty(raw.shape)
    for colour, mask in enumerate([rows + columns == 0, rows != columns, rows * columns == 1]):
        known = np.where(mask, raw[..., colour], 0.0)
        out[..., colour] = _around(known, kernel) / _around(mask.astype(np.float64), kernel)
    return to_picture(np.clip(out, 0, 1) ** (1 / 2.2) * 255)


def _around(plane: Floats, kernel: Floats) -> Floats:
    """The 3x3 neighbourhood of each pixel, weighted; edges are continued."""
    edged = np.pad(plane, 1, mode="reflect")
    height, width = plane.shape
    parts = [
        kernel[y, x] * edged[y : y + height, x : x + width] for y in range(3) for x in range(3)
    ]
    return np.sum(parts, axis=0)


def _blurred(picture: Floats, sigma: float) -> Floats:
    line = np.exp(-(np.arange(-4, 5) ** 2) / (2 * sigma**2))
    line /= line.sum()
    for axis in (0, 1):
        pad = [(4, 4) if a == axis else (0, 0) for a in range(picture.ndim)]
        edged = np.pad(picture, pad, mode="reflect")
        length = picture.shape[axis]
        picture = sum(w * edged.take(range(i, i + length), axis) for i, w in enumerate(line))
    return picture
