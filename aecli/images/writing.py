"""`Image` to image files: as it is where the format allows it, with a warning where not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from PIL import ImageColor

from aecli.errors import UsageError
from aecli.images import metadata
from aecli.images.formats import FORMATS
from aecli.images.image import Image, Metadata
from aecli.images.levels import to_8_bits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aecli.images.formats import Format

_ROWS = 64


def write(
    image: Image,
    file: BinaryIO,
    format: str,  # noqa: A002 - the field's own word
    *,
    quality: int = 95,
    background: str = "white",
    strip: bool = False,
    text: Mapping[str, str] | None = None,
) -> list[str]:
    """Write one picture.

    16 bits become 8 and transparency is flattened where the format holds neither; the metadata that
    it holds are kept, with the size in EXIF corrected.

    Args:
        image: what to write.
        file: open for writing; a pipe will do.
        format: one of `FORMATS` that is written.
        quality: of JPEG (always 4:4:4), WebP and AVIF, 1 to 100; WebP is lossless at 100.
        background: colour that shows through where the format holds no alpha, as CSS names it.
        strip: leave all metadata of `image` out.
        text: PNG texts to add; other formats do without.

    Returns:
        One line for each loss that matters.

    Raises:
        UsageError: a format that is not written, a colour that does not exist.
        InputError: the picture is too large for the format.
        OSError: `file` cannot be written.
    """
    form = FORMATS.get(format)
    if form is None or not form.writable:
        raise UsageError(f"{format} cannot be written here", "choose png, jpg, webp or tif")
    form.check(image.width, image.height)
    data = Metadata() if strip else image.metadata
    if data.exif:
        data = replace(data, exif=metadata.exif_for(data.exif, image.width, image.height))
    warnings: list[str] = []
    if image.alpha is not None and not form.alpha:
        image = _flatten(image, background)
        warnings.append(f"transparency flattened on {background}: {format} holds none")
    if image.pixels.dtype == np.uint16 and not form.deep:
        alpha = None if image.alpha is None else to_8_bits(image.alpha)
        image = image.with_pixels(to_8_bits(image.pixels), alpha)
        warnings.append(f"16 bits reduced to 8: {format} holds no more")
    data, dropped = _fitting(data, form)
    warnings += dropped
    samples: Any = image.pixels
    if image.alpha is not None:
        samples = np.dstack([image.pixels, image.alpha])
    data = replace(data, text=dict(data.text) | dict(text or {}))
    form.codec.write(samples, file, data, quality)
    return warnings


def colour_of(name: str) -> tuple[int, ...]:
    """Red, green and blue, 0 to 255, of a colour as CSS names it.

    Raises:
        UsageError: there is no such colour.
    """
    try:
        return tuple(min(part, 255) for part in ImageColor.getrgb(name)[:3])
    except ValueError:
        raise UsageError(
            f"background {name!r} is no colour", "say white, black, #rrggbb or rgb(r,g,b)"
        ) from None


def _fitting(data: Metadata, form: Format) -> tuple[Metadata, list[str]]:
    """What of the metadata the format holds, and what is lost that matters."""
    dropped = []
    if data.icc and not form.icc:
        data = replace(data, icc=None)
        dropped.append(f"ICC profile dropped: {form.name} holds none")
    if len(data.exif or b"") > form.longest_exif:
        data = replace(data, exif=None)
        dropped.append(f"EXIF dropped: too long for {form.name}")
    if len(data.xmp or b"") > form.longest_xmp:
        data = replace(data, xmp=None)
        dropped.append(f"XMP dropped: too long for {form.name}")
    return data, dropped


def _flatten(image: Image, background: str) -> Image:
    """The picture in front of a plain colour; grey stays grey where the colour is grey."""
    colour = colour_of(background)
    assert image.alpha is not None
    peak = image.peak
    grey = image.grey and len(set(colour)) == 1
    plain = np.array(colour[:1] if grey else colour, np.uint64) * (peak // 255)
    pixels = image.pixels[..., np.newaxis] if image.grey else image.pixels
    out = np.empty((*pixels.shape[:2], len(plain)), pixels.dtype)
    for top in range(0, len(out), _ROWS):
        rows = slice(top, top + _ROWS)
        alpha = image.alpha[rows, :, np.newaxis].astype(np.uint64)
        out[rows] = (pixels[rows] * alpha + plain * (peak - alpha) + peak // 2) // peak
    return image.with_pixels(out[..., 0] if grey else out)
