"""What a file says of its picture before any pixel is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from aecli.images.image import Metadata, Pixels


@dataclass(frozen=True)
class Header:
    """The first look at a file.

    Attributes:
        width: columns as stored, before the orientation is applied.
        height: rows as stored.
        format: Pillow's name of the format.
        frames: pictures in the file; previews and gain maps beside a photo are not counted.
        bits: bits a channel once decoded, 8 or 16.
        channels: 1 for grey, 3 for colour.
        has_alpha: whether there is transparency.
    """

    width: int
    height: int
    format: str
    frames: int
    bits: int
    channels: int
    has_alpha: bool


@dataclass(frozen=True)
class Opened:
    """A file that was looked at, and the way to its pixels.

    Attributes:
        header: what it says of itself.
        decode: reads it while it is still open: pixels and alpha, upright, and the metadata as they
            are for `aecli.images.image.Image`. It takes the number of pixels that either side keeps
            if the picture comes out smaller than it is, or None for the whole size.
    """

    header: Header
    decode: Callable[[int | None], tuple[Pixels, Pixels | None, Metadata]]


class UnsupportedError(Exception):
    """A file is sound, but holds what aecli does not read.

    Args:
        what: is not read, in words that follow "holds".
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what
