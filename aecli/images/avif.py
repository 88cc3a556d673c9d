"""AVIF files; those of 10 and 12 bits a channel through imagecodecs: Pillow keeps 8."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

import imagecodecs
import numpy as np
from PIL import AvifImagePlugin

from aecli.images import colour, isobmff, metadata, pillow, unpack
from aecli.images.header import Opened
from aecli.images.levels import scaled

if TYPE_CHECKING:
    from aecli.images.image import Metadata, Pixels

DEPTH = 10
"""Bits that pictures of 16 bits are written with, unless they came with 12."""

_START = 1 << 16
"""Bytes at the start of a file in which its properties stand."""

_FLAGS, _HIGH, _TWELVE = 2, 0x40, 0x20
"""Where a picture's configuration says how deep it is."""

_NCLX = 10
_SPEED = 6
_BT709, _SRGB, _BT601, _NO_MATRIX = 1, 13, 6, 0
"""What H.273 calls the primaries, transfer function and matrix of pictures in sRGB; the last one is
that of pictures stored without loss, and of those alone."""


class Codec(pillow.Codec):
    """AVIF of 8, 10 and 12 bits."""

    def __init__(self) -> None:
        super().__init__(
            "AVIF",
            AvifImagePlugin,
            lambda _, quality: {"quality": quality, "subsampling": "4:4:4"},
        )

    def open(self, file: BinaryIO) -> Opened:
        """As Pillow's; 10 and 12 bits become 16."""
        file.seek(0)
        depth, colours, lossless = _properties(file.read(_START))
        opened = super().open(file)

        def decode(at_least: int | None) -> tuple[Pixels, Pixels | None, Metadata]:
            pixels, alpha, data = opened.decode(at_least) if depth == 8 else _decode(file, depth)
            data = replace(data, lossless=lossless)
            return pixels, alpha, data if data.icc else replace(data, colour=colours)

        return Opened(opened.header if depth == 8 else replace(opened.header, bits=16), decode)

    def write(self, samples: Pixels, file: BinaryIO, data: Metadata, quality: int) -> None:
        """As Pillow's; 16 bits become 10, or the 12 they were; quality 100 is without loss."""
        deep = samples.dtype == np.uint16
        exact = data.lossless or quality == 100
        if not deep and not exact:
            super().write(samples, file, data, quality)
            return
        depth = (data.depth or DEPTH) if deep else 8
        grey = samples.ndim == 2
        exif, layout = data.exif, imagecodecs.AVIF.PIXEL_FORMAT
        if data.dpi:
            exif = metadata.with_resolution(exif or b"", data.dpi)
        encoded = imagecodecs.avif_encode(
            scaled(samples, 65535, 2**depth - 1) if deep else np.ascontiguousarray(samples),
            level=100 if exact else quality,
            speed=_SPEED,
            bitspersample=depth,
            pixelformat=layout.YUV400 if grey else layout.YUV444,
            primaries=_BT709,
            transfer=_SRGB,
            matrix=_NO_MATRIX if exact and not grey else _BT601,
        )
        encoded = isobmff.with_metadata(bytes(encoded), icc=data.icc, exif=exif, xmp=data.xmp)
        file.write(encoded)


def _decode(file: BinaryIO, depth: int) -> tuple[Pixels, Pixels | None, Metadata]:
    """Of more than 8 bits."""
    file.seek(0)
    data, orientation = metadata.take(AvifImagePlugin.AvifImageFile(file))
    file.seek(0)
    samples = scaled(imagecodecs.avif_decode(file.read()), 2**depth - 1, 65535)
    samples = samples if samples.ndim == 3 else samples[..., np.newaxis]
    data = replace(metadata.turned(data, orientation), depth=depth)
    return *unpack.from_samples(samples, orientation), data


def _properties(data: bytes) -> tuple[int, dict[bytes, bytes], bool]:
    """Of the first picture of a file that begins with some bytes: its bits a sample, its colours,
    and whether it is stored without loss."""
    depth, colours, lossless = 8, {}, False
    properties = isobmff.find(data, b"meta", b"iprp", b"ipco")
    for box in isobmff.boxes(data, properties.start, properties.end) if properties else ():
        content = data[box.start : box.end]
        if box.kind == b"av1C" and len(content) > _FLAGS:
            if content[_FLAGS] & _HIGH:
                depth = 12 if content[_FLAGS] & _TWELVE else 10
        elif box.kind == b"colr" and content[:4] == b"nclx" and len(content) >= _NCLX:
            primaries, transfer, matrix = struct.unpack_from(">HHH", content, 4)
            colours = colour.unlike_srgb(primaries, transfer)
            lossless = matrix == _NO_MATRIX
    return depth, colours, lossless
