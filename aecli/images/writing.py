"""`Image` to image files: as it is where the format allows it, with a warning where not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from PIL import ImageColor

from aecli.errors import UsageError
from aecli.images import colour, metadata
from aecli.images.formats import FORMATS
from aecli.images.image import Image, Metadata
from aecli.images.levels import to_8_bits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aecli.images.formats import Format

QUALITY = 95
"""Of lossy formats, unless told."""

_SPACE = slice(16, 20)
"""Where an ICC profile names the kind of its colours."""

_ROWS = 64


def write(
    image: Image,
    file: BinaryIO,
    format: str,  # noqa: A002 - the field's own word
    *,
    quality: int | None = None,
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
        quality: of JPEG (always 4:4:4) and the other formats that lose, 1 to 100; all but
            JPEG are lossless at 100. None: `QUALITY`, or lossless as the format's row says.
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
    if form is None:
        raise UsageError(f"{format} is no image format", "choose png, jpg, webp or tif")
    form.check_written()
    form.check(image.width, image.height)
    data = image.metadata
    exact = form.exact(FORMATS.get(image.format or ""), data)
    if strip:
        data = Metadata(depth=data.depth)
    if data.exif:
        data = replace(data, exif=metadata.exif_for(data.exif, image.width, image.height))
    warnings = list(image.metadata.lost)
    if image.alpha is not None and not form.alpha:
        image = flatten(image, background)
        warnings.append(f"transparency flattened on {background}: {format} holds none")
    if image.pixels.dtype == np.uint16 and form.bits < 16:
        if not (form.deep and data.depth):  # what came with 10 bits is as deep as it was
            before = data.depth or 16
            warnings.append(f"{before} bits reduced to {form.bits}: {form.name} holds no more")
        if not form.deep:
            alpha = None if image.alpha is None else to_8_bits(image.alpha)
            image = image.with_pixels(to_8_bits(image.pixels), alpha)
    data, dropped = _fitting(data, form, grey=image.grey)
    warnings += dropped
    samples: Any = image.pixels
    if image.alpha is not None:
        samples = np.dstack([image.pixels, image.alpha])
    data = replace(data, text=dict(data.text) | dict(text or {}))
    data = replace(data, lossless=exact and quality is None)
    form.codec.write(samples, file, data, QUALITY if quality is None else quality)
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


def _fitting(data: Metadata, form: Format, *, grey: bool) -> tuple[Metadata, list[str]]:
    """What of the metadata the format holds, and what is lost that matters."""
    lost = []
    if (hdr := colour.hdr(data.colour)) is not None:
        lost.append(f"a picture of high dynamic range ({hdr}): aecli takes it for an ordinary one")
    if data.icc and data.icc[_SPACE] not in ((b"GRAY", b"RGB ") if grey else (b"RGB ",)):
        data = replace(data, icc=None)
        lost.append("ICC profile dropped: it is not for such colours")
    if data.colour and "colour" not in form.holds:
        data, unsaid = _profiled(data, form, grey=grey)
        lost += unsaid
    for name, called, most in (
        ("icc", "ICC profile", None),
        ("exif", "EXIF", form.longest_exif),
        ("xmp", "XMP", form.longest_xmp),
        ("iptc", "IPTC", form.longest_iptc),
    ):
        block = getattr(data, name)
        if block and name not in form.holds:
            lost.append(f"{called} dropped: {form.name} holds none")
        elif block and most is not None and len(block) > most:
            lost.append(f"{called} dropped: too long for {form.name}")
        else:
            continue
        dropped: dict[str, Any] = {name: None}
        data = replace(data, **dropped)
    texts = {} if "text" in form.holds else dict(data.text)
    if "comment" in form.holds:
        texts.pop("Comment", None)
    if texts:
        lost.append(f"text dropped: {form.name} holds none")
    return data, lost


def _profiled(data: Metadata, form: Format, *, grey: bool) -> tuple[Metadata, list[str]]:
    """Colour chunks as an ICC profile, and what that does not say."""
    try:
        profile = data.icc or colour.profile(data.colour, grey=grey)
    except (ValueError, np.linalg.LinAlgError):
        profile = None
    if "icc" in form.holds or profile is None:
        return replace(data, icc=profile, colour={}), []
    return replace(data, colour={}), [f"colour chunks dropped: {form.name} holds none"]


def flatten(image: Image, background: str) -> Image:
    """The picture in front of a plain colour; grey stays grey where the colour is grey.

    Raises:
        UsageError: there is no such colour.
    """
    if image.alpha is None:
        return image
    colour = colour_of(background)
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
