"""JPEG files: what Pillow does not tell of them, does not read, and does not write."""

from __future__ import annotations

import io
import re
import struct
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import imagecodecs
import numpy as np
import PIL.Image
from PIL import JpegImagePlugin

from aecli.images import companions, iptc, metadata, pillow, unpack
from aecli.images.header import Header, Opened, UnsupportedError
from aecli.images.levels import scaled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aecli.images.image import Metadata, Pixels

_COMMENT = "Comment"
_SOS, _IPTC = 0xDA, 0x0404
_ABOUT = {*range(0xE0, 0xF0), 0xFE}
"""Markers of what stands beside the picture."""
_HEAD = struct.Struct(">BHHB")
_ALONE = {0x01, *range(0xD0, 0xD9)}
"""Markers without a length."""

_LOSSLESS, _HIERARCHICAL, _JPEG_LS = {0xC3, 0xC7, 0xCB, 0xCF}, {0xC5, 0xC6, 0xCD, 0xCE}, 0xF7
_LOSSLESS_ARITHMETIC = {0xCB, 0xCF}
_FRAMES = {*range(0xC0, 0xD0), _JPEG_LS} - {0xC4, 0xC8, 0xCC}
_APP2, _LIST = 0xE2, b"MPF\0"
_UNTOLD = "Undefined"
"""What a list of pictures calls one that is neither a preview nor another view."""
_START, _END = b"\xff\xd8\xff", b"\xff\xd9"
_VIDEO, _SAMSUNG_VIDEO = re.compile(rb".ftyp", re.DOTALL), b"MotionPhoto_Data"
"""What begins an MP4 file, less the zeros before it, and what Samsung's phones put before one."""
_GAIN_MAP = b"urn:iso:std:iso:ts:21496"
_JFIF_DENSITY = 13
"""Where a file that Pillow wrote says its unit and densities."""


class _Frame(NamedTuple):
    """What the frame header says: the marker's second byte, bits a sample, rows, columns, and
    samples a pixel."""

    marker: int
    bits: int
    height: int
    width: int
    samples: int

    @property
    def plain(self) -> bool:
        """Whether Pillow reads it."""
        return self.bits == 8 and self.marker not in _LOSSLESS


class Codec(pillow.Codec):
    """JPEG with IPTC records, a comment, and pixels that are not square.

    Pillow reads and writes 8 bits; deeper ones and lossless JPEG are read by imagecodecs.
    """

    def __init__(self) -> None:
        super().__init__("JPEG", JpegImagePlugin, _options)

    def open(self, file: BinaryIO) -> Opened:
        """As Pillow's; and kinds of JPEG that it takes for damaged."""
        frame = _frame(file)
        if frame is not None and (kind := _refused(frame)) is not None:
            raise UnsupportedError(kind)
        if frame is None or frame.plain:
            opened = super().open(file)

            def decode(at_least: int | None) -> tuple[Pixels, Pixels | None, Metadata]:
                pixels, alpha, data = opened.decode(at_least)
                if at_least is None and not data.lost:  # else it is for looking at
                    data = replace(data, lost=_behind(file))
                return pixels, alpha, data

            return Opened(opened.header, decode)
        header = Header(
            frame.width,
            frame.height,
            self.name,
            frames=1,
            bits=8 if frame.bits <= 8 else 16,
            channels=frame.samples,
            has_alpha=False,
        )
        return Opened(header, partial(self._decode_other, file, frame))

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

    def _decode_other(
        self,
        file: BinaryIO,
        frame: _Frame,
        at_least: int | None,  # noqa: ARG002 - only what Pillow reads shrinks
    ) -> tuple[Pixels, Pixels | None, Metadata]:
        picture = _described(file)
        data, orientation = metadata.take(picture)
        data = metadata.turned(self.describe(picture, data), orientation)
        file.seek(0)
        samples = np.asarray(imagecodecs.jpeg8_decode(file.read()))
        samples = samples.reshape(frame.height, frame.width, frame.samples)
        if frame.bits not in (8, 16):
            deep = frame.bits > 8
            samples = scaled(samples, 2**frame.bits - 1, 65535 if deep else 255)
            samples = samples if deep else samples.astype(np.uint8)
            data = replace(data, depth=frame.bits if deep else None)
        return *unpack.from_samples(samples, orientation), data

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
    """What is told to be left out, or what other pictures there are that XMP does not tell of."""
    if lost:
        return lost
    if any(kind == "APP2" and content.startswith(_GAIN_MAP) for kind, content in picture.applist):
        return (companions.left_out("gain map"),)
    more = pillow.listed(picture)[1:]
    return (companions.left_out("second image"),) if _UNTOLD in more else ()


def _behind(file: BinaryIO) -> tuple[str, ...]:
    """A line for what lies behind a picture whose file says nothing of it.

    Phones put a video there, and some programs another picture. What a list of pictures names has
    been told of; padding is no loss.
    """
    listed = any(kind == _APP2 and content.startswith(_LIST) for kind, content in _segments(file))
    data = file.read()
    end = data.find(_END)
    rest = data[end + len(_END) :].lstrip(b"\0") if end >= 0 else b""
    if _SAMSUNG_VIDEO in rest or _VIDEO.match(rest):
        return (companions.left_out("video"),)
    second = not listed and rest.startswith(_START)
    return (companions.left_out("second image"),) if second else ()


def _segments(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The marker's second byte and the content of all segments before the pixels."""
    file.seek(2)
    while (byte := file.read(1)) and (marker := byte[0]) != _SOS:
        if marker != 0xFF:
            continue
        while marker == 0xFF and (byte := file.read(1)):
            marker = byte[0]
        if marker in _ALONE or marker in (0x00, 0xFF):
            continue
        length = file.read(2)
        if len(length) < 2 or marker == _SOS:
            return
        yield marker, file.read(max(0, int.from_bytes(length, "big") - 2))


def _frame(file: BinaryIO) -> _Frame | None:
    """The first frame header; None where there is none before the pixels."""
    for marker, content in _segments(file):
        if marker in _FRAMES:
            whole = len(content) >= _HEAD.size
            return _Frame(marker, *_HEAD.unpack_from(content)) if whole else None
    return None


def _refused(frame: _Frame) -> str | None:
    """What a JPEG holds that is not read."""
    if frame.marker == _JPEG_LS:  # a hundred bytes of it take minutes to decode
        return "a JPEG-LS picture"
    if frame.marker in _HIERARCHICAL:
        return "a hierarchical JPEG picture"
    if frame.marker in _LOSSLESS_ARITHMETIC:
        return "a lossless JPEG picture with arithmetic coding"
    if not frame.plain and frame.samples not in (1, 3):
        return f"{frame.bits}-bit pixels of {frame.samples} samples"
    return None


def _described(file: BinaryIO) -> Any:
    """A picture of one pixel with all that the file says beside its own."""
    kept = b"".join(
        b"\xff" + bytes([marker]) + struct.pack(">H", len(content) + 2) + content
        for marker, content in _segments(file)
        if marker in _ABOUT
    )
    one = io.BytesIO()
    PIL.Image.new("L", (1, 1)).save(one, "JPEG")
    body = one.getvalue()
    after = 2 + 2 + int.from_bytes(body[4:6], "big")  # its own JFIF header
    picture = JpegImagePlugin.JpegImageFile(io.BytesIO(body[:2] + kept + body[after:]))
    picture.load()
    return picture
