"""`Image` to image files: as it is where the format allows it, with a warning where not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import PIL.Image
from PIL import ImageColor
from PIL.PngImagePlugin import PngInfo

from aecli.errors import UsageError
from aecli.files.atomic import atomic
from aecli.images import metadata, netpbm, plugins, png16, tiff  # noqa: F401 - plugins registers
from aecli.images.formats import FORMATS
from aecli.images.image import Image, Metadata

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from aecli.images.formats import Format
    from aecli.images.image import Pixels

_JPEG_EXIF, _JPEG_XMP = 65_533, 65_504
"""Most bytes of the two blocks in a JPEG file."""

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
    if form is None or not form.written or format not in PIL.Image.SAVE:
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
        image = _shallow(image)
        warnings.append(f"16 bits reduced to 8: {format} holds no more")
    data, dropped = _fitting(data, form)
    warnings += dropped
    samples: Any = image.pixels
    if image.alpha is not None:
        samples = np.dstack([image.pixels, image.alpha])
    texts = dict(data.text) | dict(text or {})
    if format == "TIFF":
        tiff.write(samples, file, data)
    elif format == "PNG" and samples.dtype == np.uint16:
        png16.write(samples, file, _png_chunks(data, texts))
    elif format == "PPM" and samples.dtype == np.uint16:
        netpbm.write(samples, file)
    else:
        _save(samples, file, format, quality, data, texts)
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


def save_png(path: Path, pixels: Any) -> None:
    """Write an array (HxW or HxWx3, uint8 or uint16) as a PNG file, replacing what was there."""
    with atomic(path, overwrite=True) as file:
        write(Image(np.ascontiguousarray(pixels)), file, "PNG")


def _save(
    samples: Pixels,
    file: BinaryIO,
    form: str,
    quality: int,
    data: Metadata,
    texts: Mapping[str, str],
) -> None:
    """Let Pillow write 8 bits a channel."""
    options: dict[str, Any] = {"icc_profile": data.icc, "exif": data.exif or b""}
    if data.dpi:
        options["dpi"] = data.dpi
    if form == "PNG":
        options["pnginfo"] = _png_info(data.xmp, texts)
    elif data.xmp:
        options["xmp"] = data.xmp
    if form == "JPEG":
        options |= {"quality": quality, "subsampling": "4:4:4"}
    elif form == "WEBP":
        options |= {"quality": quality, "lossless": quality == 100, "exact": True}
    elif form == "AVIF":
        options |= {"quality": quality, "subsampling": "4:4:4"}
    PIL.Image.fromarray(samples).save(file, form, **options)


def _fitting(data: Metadata, form: Format) -> tuple[Metadata, list[str]]:
    """What of the metadata the format holds, and what is lost that matters."""
    dropped = []
    if data.icc and not form.icc:
        data = replace(data, icc=None)
        dropped.append(f"ICC profile dropped: {form.name} holds none")
    if form.name == "JPEG":
        if len(data.exif or b"") > _JPEG_EXIF:
            data = replace(data, exif=None)
            dropped.append("EXIF dropped: too long for JPEG")
        if len(data.xmp or b"") > _JPEG_XMP:
            data = replace(data, xmp=None)
            dropped.append("XMP dropped: too long for JPEG")
    return data, dropped


def _png_info(xmp: bytes | None, texts: Mapping[str, str]) -> PngInfo:
    info = PngInfo()
    if xmp:
        info.add_itxt("XML:com.adobe.xmp", xmp.decode("utf-8", "replace"))
    for key, value in texts.items():
        info.add_text(key, value, zip=len(value) > 1024)
    return info


def _png_chunks(data: Metadata, texts: Mapping[str, str]) -> Iterator[tuple[bytes, bytes]]:
    """The chunks that Pillow would write for a PNG file of 8 bits."""
    if data.icc:
        yield b"iCCP", png16.profile(data.icc)
    if data.dpi:
        yield b"pHYs", png16.resolution(data.dpi)
    if data.exif:
        yield b"eXIf", data.exif.removeprefix(b"Exif\0\0")
    for kind, content, *_ in _png_info(data.xmp, texts).chunks:
        yield kind, content


def _shallow(image: Image) -> Image:
    """8 bits a channel, rounded."""

    def reduce(samples: Pixels) -> Pixels:
        out = np.empty(samples.shape, np.uint8)
        for top in range(0, len(samples), _ROWS):
            rows = samples[top : top + _ROWS].astype(np.uint32)
            out[top : top + _ROWS] = (rows * 255 + 32767) // 65535
        return out

    alpha = None if image.alpha is None else reduce(image.alpha)
    return image.with_pixels(reduce(image.pixels), alpha)


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
