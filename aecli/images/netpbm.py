"""PGM and PPM files, those of 16 bits a channel without Pillow, which keeps 8 of colour."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import numpy as np
from PIL import PpmImagePlugin

from aecli.images import pillow, unpack
from aecli.images.header import Header, Opened
from aecli.images.image import Metadata

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aecli.images.image import Pixels

_ROWS = 64
_CHANNELS = {b"P2": 1, b"P3": 3, b"P5": 1, b"P6": 3}
_PLAIN = (b"P2", b"P3")


class _Start(NamedTuple):
    """What stands before the pixels; `plain` where these are decimal numbers."""

    width: int
    height: int
    channels: int
    maximum: int
    plain: bool


class Codec(pillow.Codec):
    """Netpbm's formats of 8 and 16 bits; they hold no metadata."""

    def __init__(self) -> None:
        super().__init__("PPM", PpmImagePlugin)

    def open(self, file: BinaryIO) -> Opened:
        """As Pillow's; 16 bits stay 16 bits."""
        start = _start(file)
        if start is None or start.maximum <= 255:
            return super().open(file)
        header = Header(start.width, start.height, self.name, 1, 16, start.channels, False)
        return Opened(header, partial(_decode, file))

    def write(self, samples: Pixels, file: BinaryIO, data: Metadata, quality: int) -> None:
        """As Pillow's, and 16 bits."""
        if samples.dtype == np.uint16:
            _encode(samples, file)
        else:
            super().write(samples, file, data, quality)


def _start(file: BinaryIO) -> _Start | None:
    """The header, the file left at the first pixel; None if it is neither PGM nor PPM."""
    file.seek(0)
    magic = file.read(2)
    if magic not in _CHANNELS:
        return None
    numbers: list[int] = []
    while len(numbers) < 3:
        if not (byte := file.read(1)):
            return None
        if byte == b"#":
            file.readline()
        elif byte.isdigit():
            digits = byte
            while (byte := file.read(1)).isdigit() and len(digits) < 10:
                digits += byte
            numbers.append(int(digits))
            if byte == b"#":
                file.readline()
    width, height, maximum = numbers
    return _Start(width, height, _CHANNELS[magic], maximum, magic in _PLAIN)


def _decode(
    file: BinaryIO,
    at_least: int | None,  # noqa: ARG001 - only JPEG shrinks
) -> tuple[Pixels, Pixels | None, Metadata]:
    return *unpack.from_samples(_samples(file), 1), Metadata()


def _samples(file: BinaryIO) -> NDArray[np.uint16]:
    """HxWx1 or HxWx3, scaled so that white is 65535.

    Raises:
        ValueError: not a file of 16 bits, or it ends early.
    """
    found = _start(file)
    if found is None or not 255 < found.maximum <= 65535:
        raise ValueError("not a PGM or PPM file of 16 bits")
    out = np.empty((found.height, found.width, found.channels), np.uint16)
    if found.plain:
        words = iter(file.read().split())
    for top in range(0, found.height, _ROWS):
        strip = out[top : top + _ROWS]
        if found.plain:
            values = np.array([int(word) for word in islice(words, strip.size)], np.uint32)
        else:
            values = np.frombuffer(file.read(strip.nbytes), ">u2").astype(np.uint32)
        if values.size < strip.size:
            raise ValueError("the file ends early")
        scaled = (values * 65535 + found.maximum // 2) // found.maximum
        strip[...] = np.minimum(scaled, 65535).reshape(strip.shape)
    return out


def _encode(pixels: Pixels, file: BinaryIO) -> None:
    """Write HxW or HxWx3 of 16 bits."""
    height, width = pixels.shape[:2]
    file.write(b"P%d %d %d 65535\n" % (5 if pixels.ndim == 2 else 6, width, height))
    file.writelines(
        pixels[top : top + _ROWS].astype(">u2").tobytes() for top in range(0, height, _ROWS)
    )
