"""PNG files of 16 bits a channel, which Pillow reads and writes in grey only.

Pixels go through imagecodecs (libpng); the chunks around them are handled here.
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING, BinaryIO

import imagecodecs
import numpy as np
from PIL.PngImagePlugin import PngImageFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_IHDR_END = len(SIGNATURE) + 4 + 4 + 13 + 4


def read(data: bytes) -> NDArray[np.uint16]:
    """HxWxC with 1 to 4 channels, the even ones ending in alpha.

    Raises:
        RuntimeError: the file is damaged.
    """
    pixels = np.asarray(imagecodecs.png_decode(data), dtype=np.uint16)
    return pixels if pixels.ndim == 3 else pixels[..., np.newaxis]


def described(data: bytes) -> PngImageFile:
    """A picture of one pixel with all that the file says beside its own, before them or after."""
    kept = b"".join(chunk(kind, content) for kind, content in _chunks(data) if kind in _METADATA)
    return PngImageFile(io.BytesIO(SIGNATURE + _IHDR + kept + _IDAT + chunk(b"IEND", b"")))


def write(
    pixels: NDArray[np.uint16], file: BinaryIO, chunks: Iterable[tuple[bytes, bytes]]
) -> None:
    """Write HxW or HxWxC (2 to 4 channels); chunks, (type, content), go before the pixels."""
    data = memoryview(imagecodecs.png_encode(np.ascontiguousarray(pixels)))
    file.write(data[:_IHDR_END])
    file.writelines(chunk(kind, content) for kind, content in chunks)
    file.write(data[_IHDR_END:])


def chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk: length, type, content, checksum."""
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(content, zlib.crc32(kind)))
    )


def profile(icc: bytes) -> bytes:
    """The content of a chunk iCCP."""
    return b"ICC Profile\0\0" + zlib.compress(icc)


def resolution(dpi: tuple[float, float]) -> bytes:
    """The content of a chunk pHYs: pixels a metre."""
    return struct.pack(">IIB", *(round(v / 0.0254) for v in dpi), 1)


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
