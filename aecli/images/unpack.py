"""Decoded pictures to the arrays of `Image`: expanded, in grey or RGB, and turned upright."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from PIL.Image import Image as PillowImage

MODES = {
    "1": 1, "L": 1, "LA": 1, "La": 1, "I;16": 1, "I;16B": 1,
    "P": 3, "PA": 3, "RGB": 3, "RGBX": 3, "RGBA": 3, "RGBa": 3, "YCbCr": 3, "CMYK": 3, "LAB": 3,
}  # fmt: skip
"""Pillow's modes that are read, and how many colour channels they give."""

CONVERTED = frozenset({"CMYK", "LAB"})
"""Modes whose ICC profile does not describe the RGB that they become."""

_STRIP = 1 << 20
"""Pixels converted at a time."""

_AS_STORED: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.swapaxes(0, 1),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: upright[::-1, ::-1].swapaxes(0, 1),
    8: lambda upright: np.rot90(upright, -1),
}
"""For each EXIF orientation, the view of an upright array that lies as the file stores it."""


def from_samples(
    samples: NDArray[Any], orientation: int
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Pixels and alpha from HxWxC, C of 1 to 4, the even ones ending in alpha."""
    height, width, channels = samples.shape
    colours = channels - (channels + 1) % 2
    out = _Upright(height, width, colours, channels % 2 == 0, orientation, samples.dtype)
    out.put(0, samples)
    return out.pixels, out.alpha


def from_pillow(
    picture: PillowImage, orientation: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """Pixels and alpha from a loaded picture of 8 bits; converted strip by strip to save memory."""
    colours, alpha = MODES[picture.mode], picture.has_transparency_data
    convert = _converter(picture, ("L" if colours == 1 else "RGB") + "A" * alpha)
    width, height = picture.size
    out = _Upright(height, width, colours, alpha, orientation, np.uint8)
    rows = max(1, _STRIP // width)
    for top in range(0, height, rows):
        strip = convert(picture.crop((0, top, width, min(top + rows, height))))
        out.put(top, np.asarray(strip).reshape(strip.height, width, -1))
    return out.pixels, out.alpha


def straight(pixels: NDArray[Any]) -> NDArray[Any]:
    """HxWxC samples whose colours are multiplied by alpha, the last of them, without that."""
    out, peak = pixels.copy(), np.uint32(np.iinfo(pixels.dtype).max)
    for row in out:
        alpha = np.maximum(row[:, -1:].astype(np.uint32), 1)
        colour = row[:, :-1].astype(np.uint32)
        row[:, :-1] = np.minimum((colour * peak + alpha // 2) // alpha, peak)
    return out


class _Upright:
    """Arrays that lie upright in memory and are filled in the order of the file."""

    def __init__(
        self, height: int, width: int, colours: int, alpha: bool, orientation: int, dtype: Any
    ) -> None:
        if orientation >= 5:
            height, width = width, height
        self.pixels: Any = np.empty((height, width, 3)[: 2 + (colours > 1)], dtype)
        self.alpha: Any = np.empty((height, width), dtype) if alpha else None
        self._view = _AS_STORED[orientation]

    def put(self, top: int, samples: NDArray[Any]) -> None:
        """Rows from `top` on, as stored, (rows, width, channels)."""
        rows = slice(top, top + len(samples))
        grey = self.pixels.ndim == 2
        self._view(self.pixels)[rows] = samples[..., 0] if grey else samples[..., :3]
        if self.alpha is not None:
            self._view(self.alpha)[rows] = samples[..., -1]


def _converter(picture: PillowImage, mode: str) -> Callable[[PillowImage], PillowImage]:
    """What turns a strip into `mode`: colour management for CMYK and Lab, else Pillow's own way."""
    from PIL import ImageCms  # loads littleCMS: few pictures need it

    profile: Any = None
    if picture.mode == "LAB":
        profile = ImageCms.createProfile("LAB")
    elif picture.mode == "CMYK" and (icc := picture.info.get("icc_profile")):
        profile = io.BytesIO(icc)
    if profile is not None:
        try:
            srgb = ImageCms.createProfile("sRGB")
            transform = ImageCms.buildTransform(profile, srgb, picture.mode, mode)
        except ImageCms.PyCMSError:
            if picture.mode == "LAB":
                raise
        else:
            return lambda strip: ImageCms.applyTransform(strip, transform) or strip
    return lambda strip: strip if strip.mode == mode else strip.convert(mode)
