"""What a file says of its picture before any pixel is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol

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


class Codec(Protocol):
    """How files of a format are read and written."""

    @property
    def name(self) -> str:
        """The format's name, Pillow's where it knows one."""
        ...

    @property
    def encodes(self) -> bool:
        """Whether the format is written here: builds of libraries differ."""
        ...

    def open(self, file: BinaryIO) -> Opened:
        """Look at a file; `file` is seekable, and anywhere.

        Raises:
            UnsupportedError: it holds what aecli does not read.
            One of `metadata.UNPARSABLE`, a RuntimeError, or a TiffFileError: it is damaged.
        """
        ...

    def write(self, samples: Pixels, file: BinaryIO, data: Metadata, quality: int) -> None:
        """Write one picture.

        Args:
            samples: HxW, or HxWxC with C of 2 to 4, the even ones ending in alpha; no more bits and
                channels than the format's row says.
            file: open for writing; a pipe will do.
            data: what the format holds of the metadata.
            quality: 1 to 100.
        """
        ...


SPLIT = "split it into single pictures first"
"""The hint where a file holds several."""


class UnsupportedError(Exception):
    """A file is sound, but holds what aecli does not read.

    Args:
        what: is not read, in words that follow "holds".
        hint: what makes of it something that is.
    """

    def __init__(
        self, what: str, hint: str = "convert it first, to 8 or 16 bits of grey or RGB"
    ) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
