"""JPEG files: what Pillow does not tell of them, and does not write."""

from __future__ import annotations

import io
import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from PIL import JpegImagePlugin

from aecli.images import companions, iptc, metadata, pillow
from aecli.images.header import Opened, UnsupportedError

if TYPE_CHECKING:
    from aecli.images.image import Metadata, Pixels

_COMMENT = "Comment"
_SOS, _IPTC = 0xDA, 0x0404
_ALONE = {0x01, *range(0xD0, 0xD9)}
"""Markers without a length."""

_LOSSLESS, _HIERARCHICAL, _JPEG_LS = {0xC3, 0xC7, 0xCB, 0xCF}, {0xC5, 0xC6, 0xCD, 0xCE}, 0xF7
_FRAMES = {*range(0xC0, 0xD0), _JPEG_LS} - {0xC4, 0xC8, 0xCC}
_GAIN_MAP = b"urn:iso:std:iso:ts:21496"
_JFIF_DENSITY = 13
"""Where a file that Pillow wrote says its unit and densities."""


class _Frame(NamedTuple):
    """What the frame header says: the marker's second byte, and bits a sample."""

    marker: int
    bits: int


class Codec(pillow.Codec):
    """JPEG of 8 bits, with IPTC records, a comment, and pixels that are not square."""

    def __init__(self) -> None:
        super().__init__("JPEG", JpegImagePlugin, _options)

    def open(self, file: BinaryIO) -> Opened:
        """As Pillow's; kinds of JPEG that it takes for damaged are named."""
        frame = _frame(file)
        if frame is not None and (kind := _refused(frame)) is not None:
            raise UnsupportedError(kind)
        return super().open(file)

    def describe(self, picture: Any, data: Metadata) -> Metadata:
        """IPTC records, comments, and what the file says of its pixels' density."""
        density = picture.info.get("jfif_density")
        if picture.info.get("jfif_unit") not in (1, 2):  # Pillow then says 72, or what EXIF does
            dpi, aspect = metadata.density_of(picture.getexif())
            data = replace(data, dpi=dpi, aspect=aspect or metadata.valid_aspect(density))
        blocks = picture.info.get("photoshop", {})
        comments = [content for kind, content in picture.applist if kind == "COM"]
        if comments:
            said = b"\n".join(comments).rstrip(b"\0").decode("utf-8", "surrogateescape")
            data = replace(data, text={**data.text, _COMMENT: said})
        return replace(data, iptc=blocks.get(_IPTC) or None, lost=_lost(picture, data.lost))

    def write(self, samples: Pixels, file: BinaryIO, data: Metadata, quality: int) -> None:
        """As Pillow's, and what it leaves out."""
        if data.aspect is None:
            super().write(samples, file, data, quality)
            return
        buffer = io.BytesIO()
        super().write(samples, buffer, data, quality)
        content = buffer.getbuffer()
        struct.pack_into(">BHH", content, _JFIF_DENSITY, 0, *metadata.whole(data.aspect))
        file.write(content)


def _options(data: Metadata, quality: int) -> dict[str, Any]:
    options: dict[str, Any] = {"quality": quality, "subsampling": "4:4:4"}
    if data.iptc:
        options["extra"] = iptc.segment(data.iptc)
    if said := data.text.get(_COMMENT):
        options["comment"] = said.encode("utf-8", "surrogateescape")
    return options


def _lost(picture: Any, lost: tuple[str, ...]) -> tuple[str, ...]:
    """What is told to be left out, and a gain map that XMP does not tell of."""
    said = any(
        kind == "APP2" and content.startswith(_GAIN_MAP) for kind, content in picture.applist
    )
    return (companions.left_out("gain map"),) if said and not lost else lost


def _frame(file: BinaryIO) -> _Frame | None:
    """The first frame header; None where there is none before the pixels."""
    file.seek(2)
    while (byte := file.read(1)) and (marker := byte[0]) != _SOS:
        if marker != 0xFF:
            continue
        while marker == 0xFF and (byte := file.read(1)):
            marker = byte[0]
        if marker in _ALONE or marker in (0x00, 0xFF):
            continue
        head = file.read(3)
        if len(head) < 3:
            return None
        if marker in _FRAMES:
            return _Frame(marker, head[2])
        if marker == _SOS:
            return None
        file.seek(max(0, int.from_bytes(head[:2], "big") - 3), io.SEEK_CUR)
    return None


def _refused(frame: _Frame) -> str | None:
    """What a JPEG holds that is not read."""
    if frame.marker == _JPEG_LS:
        return "a JPEG-LS picture"
    if frame.marker in _LOSSLESS:
        return "a lossless JPEG picture"
    if frame.marker in _HIERARCHICAL:
        return "a hierarchical JPEG picture"
    return f"{frame.bits}-bit pixels" if frame.bits != 8 else None
