"""EXIF, XMP, ICC profile, resolution and texts, made true of the picture once it is upright."""

from __future__ import annotations

import re
import struct
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import PIL.Image
from PIL.Image import Exif

from aecli.images import companions, iptc
from aecli.images.image import Metadata

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from PIL.Image import Image as PillowImage

ORIENTATION = 0x0112
_MAKE, _MODEL, _TAKEN = 0x010F, 0x0110, 0x9003
_X, _Y, _UNIT = 0x011A, 0x011B, 0x0128
_NO_UNIT, _INCH, _CENTIMETRE = 1, 2, 3
_EXIF_IFD, _GPS_IFD, _INTEROP_IFD = 0x8769, 0x8825, 0xA005
_EXIF_WIDTH, _EXIF_HEIGHT = 0xA002, 0xA003
_XMP_WIDTH = b"tiff:ImageWidth|exif:PixelXDimension"
_XMP_HEIGHT = b"tiff:ImageLength|exif:PixelYDimension"

_RAW = "Raw profile type"

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
    text = {k: str(v) for k, v in getattr(image, "text", {}).items() if is_plain_text(k)}
    if isinstance(comment := info.get("comment"), bytes):
        text["Comment"] = comment.rstrip(b"\0").decode("utf-8", "surrogateescape")
    profiles = getattr(image, "text", {})
    packet = info.get("xmp") or raw_profile(profiles, "xmp")
    xmp, lost = companions.parted(upright_xmp(packet))
    dpi, aspect = density_of(exif)
    return Metadata(
        icc=info.get("icc_profile") or None,
        exif=upright_exif(exif),
        xmp=xmp,
        dpi=valid_dpi(info.get("dpi")) or dpi,
        aspect=aspect,
        iptc=iptc.of_block(raw_profile(profiles, "iptc") or raw_profile(profiles, "8bim")),
        text=text,
        lost=lost,
    ), orientation if orientation in range(1, 9) else 1


def of_blocks(
    exif: bytes | Exif | None, xmp: bytes | None = None, icc: bytes | None = None
) -> Metadata:
    """What blocks say of a picture that its library has turned upright already."""
    if isinstance(exif, Exif):
        block = exif
    else:
        block = Exif()
        try:
            block.load(exif or b"")
        except UNPARSABLE:
            block = Exif()
    packet, lost = companions.parted(upright_xmp(xmp))
    dpi, aspect = density_of(block)
    data = Metadata(
        icc=icc or None, exif=upright_exif(block), xmp=packet, dpi=dpi, aspect=aspect, lost=lost
    )
    return turned(data, block.get(ORIENTATION, 1))


def raw_profile(texts: Mapping[str, str], name: str) -> bytes | None:
    """A block that ImageMagick and exiftool keep in a text of a PNG file, in hexadecimal."""
    try:
        return bytes.fromhex(str(texts[f"{_RAW} {name}"]).split("\n", 3)[3])
    except (KeyError, IndexError, ValueError):
        return None


def density_of(exif: Exif) -> tuple[tuple[float, float] | None, tuple[float, float] | None]:
    """Dots per inch that EXIF states, or where it names no unit the aspect ratio of pixels."""
    density: Any
    density, unit = (exif.get(_X), exif.get(_Y, exif.get(_X))), exif.get(_UNIT, _INCH)
    if unit == _NO_UNIT:
        return None, valid_aspect(density)
    try:
        factor = 2.54 if unit == _CENTIMETRE else 1.0
        return valid_dpi([factor * float(v) for v in density]), None
    except (TypeError, ValueError, ArithmeticError):
        return None, None


def with_resolution(exif: bytes, dpi: tuple[float, float]) -> bytes:
    """An EXIF block, perhaps empty, that states a resolution, too."""
    block = Exif()
    try:
        block.load(exif)
    except UNPARSABLE:
        block = Exif()
    block[_X], block[_Y], block[_UNIT] = *dpi, _INCH
    return bytes(block.tobytes())


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

    def denser(density: tuple[float, float] | None) -> list[float]:
        return [d * new / old for d, new, old in zip(density or (), after, before, strict=False)]

    return replace(
        data,
        dpi=valid_dpi(denser(data.dpi)),
        aspect=valid_aspect(denser(data.aspect)),
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


def valid_aspect(density: Any) -> tuple[float, float] | None:
    """Densities without a unit; None where pixels are square, or they make no sense."""
    found = valid_dpi(density)
    return None if found is None or found[0] == found[1] else found


def whole(aspect: tuple[float, float]) -> tuple[int, int]:
    """Densities without a unit as small whole numbers of the same ratio."""
    ratio = Fraction(aspect[0] / aspect[1]).limit_denominator(1000)
    return max(1, ratio.numerator), ratio.denominator


def turned(data: Metadata, orientation: int) -> Metadata:
    """What a file says once its picture is turned upright: columns may have become rows."""
    if orientation not in range(5, 9):
        return data
    dpi, aspect = (v and (v[1], v[0]) for v in (data.dpi, data.aspect))
    return replace(data, dpi=dpi, aspect=aspect)


def is_plain_text(key: str) -> bool:
    """Whether a PNG text is the user's own, not a block that travels elsewhere in `Metadata`."""
    return key != "XML:com.adobe.xmp" and not key.startswith(_RAW)


def subdirectories(exif: bytes) -> tuple[dict[int, Any], dict[int, dict[int, Any]]]:
    """The tags of an EXIF block's first directory, and the directories below it by their tag."""
    block = Exif()
    block.load(exif)
    below = {tag: _directory(block, tag) for tag in (_EXIF_IFD, _GPS_IFD) if tag in block}
    return {tag: value for tag, value in block.items() if tag not in below}, below
