"""Pictures as whole-image models take them: square, of one size, grey or RGB, 8 bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from aecli.images.levels import luma, to_8_bits
from aecli.images.resample import resample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aecli.images.image import Image, Pixels


def square(image: Image, size: int, channels: int) -> NDArray[np.uint8]:
    """The largest centred square of a picture, on white, resampled to `size` (antialiased bicubic).

    A picture that fits already keeps its values.

    Args:
        image: any picture.
        size: side of the result in pixels.
        channels: 1 for grey (luma of a colour picture), 3 for RGB.

    Returns:
        size x size, or size x size x 3.
    """
    side = min(image.height, image.width)
    top, left = (image.height - side) // 2, (image.width - side) // 2
    return _resampled(
        image, slice(top, top + side), slice(left, left + side), (size, size), channels
    )


def fitted(image: Image, shorter: int, channels: int) -> NDArray[np.uint8]:
    """A whole picture, on white, resampled until its shorter side is `shorter` pixels long.

    Args, and the result's values: as `square`.
    """
    ratio = shorter / min(image.height, image.width)
    shape = max(1, round(image.height * ratio)), max(1, round(image.width * ratio))
    return _resampled(image, slice(None), slice(None), shape, channels)


def _resampled(
    image: Image, rows: slice, columns: slice, shape: tuple[int, int], channels: int
) -> NDArray[np.uint8]:
    """A part of a picture, on white, at another size (height, width)."""
    pixels: Any = image.pixels[rows, columns]
    if image.alpha is not None:
        pixels = on_white(pixels, image.alpha[rows, columns], image.peak)
    pixels = to_8_bits(resample(pixels, *shape))
    if pixels.ndim == 3 and channels == 1:
        pixels = luma(pixels).round()
    elif pixels.ndim == 2 and channels == 3:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    return np.ascontiguousarray(pixels, np.uint8)


def on_white(pixels: Any, alpha: Pixels, peak: int) -> Any:
    """What a transparent picture looks like on white: HxW or HxWx3, alpha HxW up to `peak`."""
    share = (alpha / np.float32(peak)).reshape(*alpha.shape, *[1] * (pixels.ndim - 2))
    return (pixels * share + peak * (1 - share)).round().astype(pixels.dtype)
