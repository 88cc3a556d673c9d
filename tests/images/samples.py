"""Files to read, made byte by byte where no library writes them."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image, ImageCms
from PIL.TiffImagePlugin import IFDRational

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
ORIENTATION, MAKE = 0x0112, 0x010F
EXIF_IFD, EXPOSURE, EXIF_WIDTH, INTEROP_IFD = 0x8769, 0x829A, 0xA002, 0xA005


def noise(*shape: int, dtype: Any = np.uint8, seed: int = 0) -> np.ndarray:
    peak = np.iinfo(dtype).max
    return np.random.default_rng(seed).integers(0, peak + 1, shape, dtype=dtype)


def encode(picture: Image.Image | np.ndarray, form: str, **options: Any) -> bytes:
    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(picture)
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    crc = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + crc


def png(
    samples: np.ndarray, bits: int, colour_type: int, before: bytes = b"", after: bytes = b""
) -> bytes:
    """A PNG of `samples` (HxW or HxWxC, already packed to bytes if below 8 bits)."""
    height = len(samples)
    width = samples.shape[1] * 8 // bits if bits < 8 else samples.shape[1]
    raw = b"".join(b"\0" + row.astype(">u2" if bits == 16 else ">u1").tobytes() for row in samples)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0))
        + before
        + chunk(b"IDAT", zlib.compress(raw))
        + after
        + chunk(b"IEND", b"")
    )


def exif(orientation: int | None, *, others: bool = True, interop: bool = False) -> bytes:
    block = Image.Exif()
    if orientation is not None:
        block[ORIENTATION] = orientation
    if others:
        block[MAKE] = "Canon"
        block[EXIF_IFD] = {EXPOSURE: IFDRational(1, 250), EXIF_WIDTH: 4000}
    if interop:
        block[EXIF_IFD][INTEROP_IFD] = {1: "R98"}
    return block.tobytes()
