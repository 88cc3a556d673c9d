"""PNG files; those of 16 bits a channel, which Pillow keeps in grey only, through imagecodecs.

libpng reads and writes their pixels; the chunks around them are handled here.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

import imagecodecs
import numpy as np
import PIL.Image
from PIL import PngImagePlugin
from PIL.PngImagePlugin import PngImageFile, PngInfo

from aecli.images import metadata, pillow, unpack
from aecli.images.header import Opened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aecli.images.image import Metadata, Pixels

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_DEPTH_AT = len(SIGNATURE) + 4 + 4 + 8
_IHDR_END = len(SIGNATURE) + 4 + 4 + 13 + 4
_LONG_TEXT = 1024
"""Characters from which a text is stored compressed."""


class Codec(pillow.Codec):
    """PNG of 8 and 16 bits, with texts."""

    def __init__(self) -> None:
        super().__init__("PNG", PngImagePlugin)

    def open(self, file: BinaryIO) -> Opened:
        """As Pillow's; 16 bits stay 16 bits."""
        file.seek(_DEPTH_AT)
        deep = file.read(1) == b"\x10"
        opened = super().open(file)
        if not deep:
            return opened
        return Opened(replace(opened.header, bits=16), partial(_decode, file))

    def write(self, samples: Pixels, file: BinaryIO, data: Metadata, quality: int) -> None:  # noqa: ARG002 - lossless
        """As Pillow's; with texts, and 16 bits."""
        if samples.dtype == np.uint16:
            _encode(samples, file, data)
            return
        options: dict[str, Any] = {"dpi": data.dpi} if data.dpi else {}
        PIL.Image.fromarray(samples).save(
            file,
            "PNG",
            icc_profile=data.icc,
            exif=data.exif or b"",
            pnginfo=texts(data.text, data.xmp),
            **options,
        )


def texts(texts: Mapping[str, str], xmp: bytes | None = None) -> PngInfo:
    """The chunks that hold texts, and the XMP packet, as Pillow takes them."""
    info = PngInfo()
    if xmp:
        info.add_itxt("XML:com.adobe.xmp", xmp.decode("utf-8", "replace"))
    for key, value in texts.items():
        info.add_text(key, value, zip=len(value) > _LONG_TEXT)
    return info


def _decode(
    file: BinaryIO,
    at_least: int | None,  # noqa: ARG001 - only JPEG shrinks
) -> tuple[Pixels, Pixels | None, Metadata]:
    file.seek(0)
    data = file.read()
    samples = np.asarray(imagecodecs.png_decode(data), dtype=np.uint16)
    described, orientation = metadata.take(_described(data))
    samples = samples if samples.ndim == 3 else samples[..., np.newaxis]
    return *unpack.from_samples(samples, orientation), described


def _described(data: bytes) -> PngImageFile:
    """A picture of one pixel with all that the file says beside its own, before them or after."""
    kept = b"".join(chunk(kind, content) for kind, content in _chunks(data) if kind in _METADATA)
    return PngImageFile(io.BytesIO(SIGNATURE + _IHDR + kept + _IDAT + chunk(b"IEND", b"")))


def _encode(samples: Pixels, file: BinaryIO, data: Metadata) -> None:
    """Write HxW or HxWxC (2 to 4 channels), the chunks around the pixels as Pillow has them."""
    encoded = memoryview(imagecodecs.png_encode(np.ascontiguousarray(samples)))
    file.write(encoded[:_IHDR_END])
    if data.icc:
        file.write(chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(data.icc)))
    if data.dpi:
        metre = (round(v / 0.0254) for v in data.dpi)
        file.write(chunk(b"pHYs", struct.pack(">IIB", *metre, 1)))
    if data.exif:
        file.write(chunk(b"eXIf", data.exif.removeprefix(b"Exif\0\0")))
    file.writelines(chunk(kind, content) for kind, content, *_ in texts(data.text, data.xmp).chunks)
    file.write(encoded[_IHDR_END:])


def chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk: length, type, content, checksum."""
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(content, zlib.crc32(kind)))
    )


_METADATA = {b"iCCP", b"pHYs", b"eXIf", b"tEXt", b"zTXt", b"iTXt"}
_IHDR = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
_IDAT = chunk(b"IDAT", zlib.compress(b"\0\0"))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(type, content) of all whole chunks up to IEND; the content of IDAT is left out."""
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, b"" if kind == b"IDAT" else data[at + 8 : at + 8 + length]
        if kind == b"IEND":
            return
        at += 12 + length
