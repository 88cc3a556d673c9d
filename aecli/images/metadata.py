"""EXIF, XMP, ICC profile, resolution and texts, made true of the picture once it is upright."""

from __future__ import annotations

import re
import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import PIL.Image
from PIL.Image import Exif

from aecli.images.image import Metadata

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.Image import Image as PillowImage

ORIENTATION = 0x0112
_MAKE, _MODEL, _TAKEN = 0x010F, 0x0110, 0x9003
_EXIF_IFD, _GPS_IFD, _INTEROP_IFD = 0x8769, 0x8825, 0xA005
_EXIF_WIDTH, _EXIF_HEIGHT = 0xA002, 0xA003
_XMP_WIDTH = b"tiff:ImageWidth|exif:PixelXDimension"
_XMP_HEIGHT = b"tiff:ImageLength|exif:PixelYDimension"

_LAYOUT = {
    *range(254, 260), 262, 263, 266, 273, *range(277, 285), *range(288, 294), 296, 297, 301,
    *range(317, 326), 330, *range(332, 348), *range(512, 522), *range(529, 533), 700, 33723, 34377,
    34675, 37724,
}  # fmt: skip
"""TIFF tags that lay out one file's pixels, or whose content travels elsewhere or not at all:
resolution, XMP, ICC profile; IPTC and Photoshop blocks."""

UNPARSABLE = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError,
    EOFError, struct.error,
)  # fmt: skip
"""What Pillow raises on malformed blocks."""


def take(image: PillowImage) -> tuple[Metadata, int]:
    """What a file that Pillow opened (and, for PNG, loaded) says beside its pixels.

    Returns:
        The metadata as they are after turning the picture upright, and the orientation, 1 to 8,
        that still has to be applied. Blocks that cannot be parsed are left out.
    """
    info = image.info
    try:
        exif = image.getexif()
    except UNPARSABLE:
        exif = Exif()
    orientation = exif.get(ORIENTATION, 1)
    text = getattr(image, "text", {})
    return Metadata(
        icc=info.get("icc_profile") or None,
        exif=upright_exif(exif),
        xmp=upright_xmp(info.get("xmp")),
        dpi=valid_dpi(info.get("dpi")),
        text={k: str(v) for k, v in text.items() if is_plain_text(k)},
    ), orientation if orientation in range(1, 9) else 1


def lies_sideways(path: Path) -> bool:
    """Whether the orientation in an image file's header swaps its width and height."""
    try:
        with PIL.Image.open(path) as image:
            return image.getexif().get(ORIENTATION, 1) in range(5, 9)
    except UNPARSABLE:
        return False


def names_camera(path: Path) -> bool:
    """Whether an image file's EXIF says which camera took it, or when."""
    try:
        with PIL.Image.open(path) as image:
            exif = image.getexif()
            return bool({_MAKE, _MODEL} & exif.keys()) or _TAKEN in exif.get_ifd(_EXIF_IFD)
    except UNPARSABLE:
        return False


def upright_exif(exif: Exif) -> bytes | None:
    """The block with orientation 1, less the tags of one file's layout and its thumbnail."""
    tags = {tag: value for tag, value in exif.items() if tag not in _LAYOUT}
    if ORIENTATION in tags:
        tags[ORIENTATION] = 1
    kept = Exif()
    for tag, value in tags.items():
        kept[tag] = value
    for ifd in (_EXIF_IFD, _GPS_IFD):
        try:
            content = _directory(exif, ifd)
        except UNPARSABLE:
            content = {}
        if content:
            kept[ifd] = content
        elif ifd in kept:
            del kept[ifd]
    return _serialised(kept)


def _directory(exif: Exif, tag: int) -> dict[int, Any]:
    """A directory below the first, with the one below it in place of a pointer."""
    content = dict(exif.get_ifd(tag))
    if _INTEROP_IFD in content:
        content[_INTEROP_IFD] = dict(exif.get_ifd(_INTEROP_IFD))
    return content


def _serialised(exif: Exif) -> bytes | None:
    """The block as bytes; tags whose values Pillow cannot write are left out."""
    if not len(exif):
        return None
    try:
        return bytes(exif.tobytes())
    except UNPARSABLE:
        pass
    kept = Exif()
    for tag, value in exif.items():
        alone = Exif()
        alone[tag] = value
        try:
            alone.tobytes()
        except UNPARSABLE:
            continue
        kept[tag] = value
    return bytes(kept.tobytes()) if len(kept) else None


def exif_for(exif: bytes, width: int, height: int) -> bytes | None:
    """The block with the picture's size, where it states one, corrected; None if it is damaged."""
    block = Exif()
    try:
        block.load(exif)
        sub = block.get_ifd(_EXIF_IFD)
        if not {_EXIF_WIDTH, _EXIF_HEIGHT} & sub.keys():
            return exif
        sub[_EXIF_WIDTH], sub[_EXIF_HEIGHT] = width, height
        return bytes(block.tobytes())
    except UNPARSABLE:
        return None


def resized(data: Metadata, before: tuple[int, int], after: tuple[int, int]) -> Metadata:
    """What a file says of a picture, true once that has another size: it prints as large as before.

    Args:
        data: the metadata.
        before: width and height in pixels.
        after: the new width and height.
    """
    dpi = [d * new / old for d, new, old in zip(data.dpi or (), after, before, strict=False)]
    return replace(
        data,
        dpi=valid_dpi(dpi),
        exif=exif_for(data.exif, *after) if data.exif else None,
        xmp=_resized_xmp(data.xmp, *after) if data.xmp else None,
    )


def _resized_xmp(xmp: bytes, width: int, height: int) -> bytes:
    """The packet with the picture's size, where it states one, corrected."""
    for names, length in ((_XMP_WIDTH, width), (_XMP_HEIGHT, height)):
        xmp = re.sub(rb"(%b)(=[\"']|>)(\s*)\d+" % names, rb"\g<1>\g<2>\g<3>%d" % length, xmp)
    return xmp


def upright_xmp(xmp: bytes | str | None) -> bytes | None:
    """The packet with orientation 1."""
    if not xmp:
        return None
    packet = xmp.encode() if isinstance(xmp, str) else bytes(xmp)
    return re.sub(rb"(tiff:Orientation(?:=[\"']|>)\s*)[2-8]", rb"\g<1>1", packet)


def valid_dpi(dpi: Any) -> tuple[float, float] | None:
    """Resolutions as a file states them; None where they make no sense."""
    try:
        x, y = (float(v) for v in dpi)
    except (TypeError, ValueError, ArithmeticError):
        return None
    return (x, y) if 1 <= x <= 65_535 and 1 <= y <= 65_535 else None


def is_plain_text(key: str) -> bool:
    """Whether a PNG text is the user's own, not a block that travels elsewhere in `Metadata`."""
    return key != "XML:com.adobe.xmp" and not key.startswith("Raw profile type")


def subdirectories(exif: bytes) -> tuple[dict[int, Any], dict[int, dict[int, Any]]]:
    """The tags of an EXIF block's first directory, and the directories below it by their tag."""
    block = Exif()
    block.load(exif)
    below = {tag: _directory(block, tag) for tag in (_EXIF_IFD, _GPS_IFD) if tag in block}
    return {tag: value for tag, value in block.items() if tag not in below}, below
