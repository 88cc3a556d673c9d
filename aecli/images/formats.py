"""The file formats of pictures, one row each: how it is recognised, called, read and written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
)

from aecli.errors import InputError, Reason, UsageError, did_you_mean
from aecli.images import avif, iptc, jpeg, netpbm, png, tiff, webp
from aecli.images.pillow import Codec

_PHOTO = frozenset({"icc", "exif", "xmp"})
_NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Format:
    """One file format.

    Attributes:
        codec: how its files are read and written.
        signature: a regular expression of bytes that its files begin with.
        suffixes: lower case with the dot; the first is the one given to new files.
        ambiguous: whether files of other kinds begin alike, so that their name counts, too.
        written: whether aecli writes it; the others are read, and their results become PNG.
        animated: suffixes under which a series of pictures becomes an animation.
        alpha: whether it stores transparency.
        bits: most bits a channel.
        holds: what it holds of `Metadata`, beside the resolution.
        longest_side: most pixels along one side.
        longest_exif: most bytes of an EXIF block.
        longest_xmp: most bytes of an XMP packet.
        longest_iptc: most bytes of IPTC records.
    """

    codec: Codec
    signature: bytes
    suffixes: tuple[str, ...]
    ambiguous: bool = False
    written: bool = True
    animated: tuple[str, ...] = ()
    alpha: bool = False
    bits: int = 8
    holds: frozenset[str] = _PHOTO
    longest_side: int = 2**31 - 1
    longest_exif: int = 2**32 - 1
    longest_xmp: int = 2**32 - 1
    longest_iptc: int = 2**32 - 1

    @property
    def name(self) -> str:
        """Pillow's name of the format."""
        return self.codec.name

    @property
    def deep(self) -> bool:
        """Whether it stores more than 8 bits a channel."""
        return self.bits > 8

    @property
    def writable(self) -> bool:
        """Whether aecli writes it here: builds of Pillow differ."""
        return self.written and self.codec.encodes

    def check(self, width: int, height: int) -> None:
        """See that a picture fits.

        Raises:
            InputError: it has too many pixels along a side.
        """
        if max(width, height) > self.longest_side:
            raise InputError(
                f"{width}x{height} is too large for {self.name}, which ends at"
                f" {self.longest_side} pixels a side",
                reason=Reason.TOO_LARGE_FOR_FORMAT,
            )


FORMATS = {
    row.name: row
    for row in (
        Format(
            png.Codec(),
            rb"\x89PNG\r\n\x1a\n",
            (".png", ".apng"),
            animated=(".apng",),
            alpha=True,
            bits=16,
            holds=_PHOTO | {"iptc", "text", "colour"},
        ),
        Format(
            jpeg.Codec(),
            rb"\xff\xd8\xff",
            (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
            longest_side=65_500,
            longest_exif=65_533,
            longest_xmp=65_504,
            longest_iptc=iptc.LONGEST,
            holds=_PHOTO | {"iptc", "comment"},
        ),
        Format(
            webp.Codec(),
            rb"RIFF....WEBP",
            (".webp",),
            animated=(".webp",),
            alpha=True,
            longest_side=16_383,
        ),
        Format(
            tiff.Codec(),
            rb"II[*+]\0|MM\0[*+]",
            (".tif", ".tiff"),
            ambiguous=True,  # so do most cameras' RAW files
            alpha=True,
            bits=16,
            holds=_PHOTO | {"iptc"},
        ),
        Format(
            avif.Codec(),
            rb"....ftyp(avif|avis|mif1|msf1)",
            (".avif",),
            alpha=True,
            bits=10,
            longest_side=65_536,
        ),
        Format(Codec("BMP", BmpImagePlugin), rb"BM", (".bmp", ".dib"), holds=_NOTHING),
        Format(
            netpbm.Codec(),
            rb"P[1-6][\s#]",
            (".ppm", ".pgm", ".pnm", ".pbm"),
            bits=16,
            holds=_NOTHING,
        ),
        Format(
            Codec("GIF", GifImagePlugin),
            rb"GIF8[79]a",
            (".gif",),
            written=False,
            animated=(".gif",),
            longest_side=65_535,
        ),
    )
}
"""By name; recognised in this order."""

SUFFIXES = frozenset(suffix for f in FORMATS.values() for suffix in f.suffixes)
"""Suffixes of all files that can be read, lower case with the dot."""

_BY_SUFFIX = {suffix: f.name for f in FORMATS.values() for suffix in f.suffixes}


def format_of(path_or_suffix: str | Path) -> str:
    """The format that a file name (`out/a.JPG`), a suffix (`.jpg`) or a word (`jpg`) stands for.

    Raises:
        UsageError: the suffix belongs to no format that aecli knows.
    """
    path = Path(path_or_suffix)
    suffix = (path.suffix or f".{path.name.removeprefix('.')}").lower()
    try:
        return _BY_SUFFIX[suffix]
    except KeyError:
        words = [s.removeprefix(".") for s in _BY_SUFFIX]
        hint = did_you_mean(suffix.removeprefix("."), words)
        raise UsageError(f"{path_or_suffix}: no known image format", hint) from None


def recognised(head: bytes) -> Format | None:
    """The format of a file that begins with `head`, 64 bytes where it has so many."""
    return next((f for f in FORMATS.values() if re.match(f.signature, head, re.DOTALL)), None)


def suffix_of(format: str) -> str:  # noqa: A002 - the field's own word
    """The suffix, with the dot, that new files of `format` get."""
    return FORMATS[format].suffixes[0]


def writable(format: str | None) -> str:  # noqa: A002 - the field's own word
    """The format of a result whose input is `format`: the same, or PNG if that is not written."""
    return format if format in FORMATS and FORMATS[format].written else "PNG"
