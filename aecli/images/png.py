"""PNG files: Pillow reads those of 8 bits; 16 bits, of which it keeps grey only, and all writing go
through imagecodecs, which needs no copy of the picture and half the time.

libpng reads and writes the pixels; the chunks around them are handled here.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

import imagecodecs
import numpy as np
from PIL import PngImagePlugin
from PIL.PngImagePlugin import PngImageFile, PngInfo

from aecli.images import colour, iptc, metadata, pillow, unpack
from aecli.images.header import Opened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aecli.images.image import Metadata, Pixels

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_DEPTH_AT = len(SIGNATURE) + 4 + 4 + 8
_IHDR_END = len(SIGNATURE) + 4 + 4 + 13 + 4
_INCH = 0.0254
"""Metres."""
_PHYSICAL = 9
"""Length of pHYs."""
_LONGEST_CHUNK = 64 << 20
_LEVEL = 3
"""Of compression: photographs are no larger than at zlib's 6, in less than half the time."""
_LONG_TEXT = 1024
"""Characters from which a text is stored compressed."""


class Codec(pillow.Codec):
    """PNG of 8 and 16 bits, with texts and colour chunks."""

    def __init__(self) -> None:
        super().__init__("PNG", PngImagePlugin)

    def open(self, file: BinaryIO) -> Opened:
        """As Pillow's; 16 bits stay 16 bits."""
        file.seek(_DEPTH_AT)
        deep = file.read(1) == b"\x10"
        opened = super().open(file)

        def decode(at_least: int | None) -> tuple[Pixels, Pixels | None, Metadata]:
            pixels, alpha, data = _decode(file) if deep else opened.decode(at_least)
            return pixels, alpha, _coloured(file, data)

        return Opened(replace(opened.header, bits=16) if deep else opened.header, decode)

    def write(self, samples: Pixels, file: BinaryIO, data: Metadata, quality: int) -> None:  # noqa: ARG002 - lossless
        """8 and 16 bits, with texts and colour chunks."""
        encoded = imagecodecs.png_encode(np.ascontiguousarray(samples), level=_LEVEL)
        content = memoryview(encoded)
        file.write(content[:_IHDR_END])
        file.writelines(chunk(kind, content) for kind, content in _before(data))
        file.write(content[_IHDR_END:])


def texts(texts: Mapping[str, str]) -> PngInfo:
    """The chunks that hold texts, as Pillow takes them."""
    info = PngInfo()
    for key, value in texts.items():
        plain = value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        info.add_text(key, plain, zip=len(plain) > _LONG_TEXT)
    return info


def _before(data: Metadata) -> Iterator[tuple[bytes, bytes]]:
    """Type and content of the chunks between the header and the pixels."""
    for kind in colour.CHUNKS:
        if kind in data.colour and not (kind == b"sRGB" and data.icc):
            yield kind, data.colour[kind]
    if data.icc:
        yield b"iCCP", b"ICC Profile\0\0" + zlib.compress(data.icc)
    if data.dpi:
        yield b"pHYs", struct.pack(">IIB", *(round(v / _INCH) for v in data.dpi), 1)
    elif data.aspect:
        yield b"pHYs", struct.pack(">IIB", *metadata.whole(data.aspect), 0)
    if data.exif:
        yield b"eXIf", data.exif.removeprefix(b"Exif\0\0")
    info = texts(dict(data.text) | dict([iptc.png_text(data.iptc)] if data.iptc else []))
    if data.xmp:
        info.add_itxt("XML:com.adobe.xmp", data.xmp.decode("utf-8", "replace"))
    for kind, content, *_ in info.chunks:
        yield kind, content


def _coloured(file: BinaryIO, data: Metadata) -> Metadata:
    """The metadata, and those that Pillow reads and does not keep as they are."""
    kept = {kind: file.read(size) for kind, size in _chunks(file) if kind in _COLOUR}
    physical = kept.pop(b"pHYs", b"")
    aspect = None
    if len(physical) == _PHYSICAL and physical[-1] == 0:
        aspect = metadata.valid_aspect(struct.unpack_from(">II", physical))
    sizes = {b"cICP": 4, b"gAMA": 4, b"cHRM": 32, b"sRGB": 1}
    kept = {kind: content for kind, content in kept.items() if len(content) == sizes[kind]}
    return replace(data, colour=kept, aspect=aspect)


def _decode(file: BinaryIO) -> tuple[Pixels, Pixels | None, Metadata]:
    """Of 16 bits."""
    file.seek(0)
    data = file.read()
    samples = np.asarray(imagecodecs.png_decode(data), dtype=np.uint16)
    picture = _described(file)
    described, orientation = metadata.take(picture)
    samples = samples if samples.ndim == 3 else samples[..., np.newaxis]
    described = metadata.turned(described, orientation)
    return *unpack.from_samples(samples, orientation), described


def _described(file: BinaryIO) -> PngImageFile:
    """A picture of one pixel with all that the file says beside its own, before them or after."""
    kept = [chunk(kind, file.read(size)) for kind, size in _chunks(file) if kind in _METADATA]
    data = SIGNATURE + _IHDR + b"".join(kept) + _IDAT + chunk(b"IEND", b"")
    return PngImageFile(io.BytesIO(data))


def chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk: length, type, content, checksum."""
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(content, zlib.crc32(kind)))
    )


_METADATA = {b"iCCP", b"pHYs", b"eXIf", b"tEXt", b"zTXt", b"iTXt"}
_COLOUR = {*colour.CHUNKS, b"pHYs"}
_IHDR = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
_IDAT = chunk(b"IDAT", zlib.compress(b"\0\0"))


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Type and length of all chunks up to IEND, the file at the content of each."""
    at = len(SIGNATURE)
    while True:
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return
        size, kind = struct.unpack(">I4s", head)
        yield kind, min(size, _LONGEST_CHUNK)
        if kind == b"IEND":
            return
        at += 12 + size
