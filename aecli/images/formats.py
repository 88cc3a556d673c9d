"""The file formats of pictures, one row each: how it is recognised, called, read and written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
)

from aecli import extras
from aecli.errors import InputError, Reason, UsageError, did_you_mean
from aecli.images import avif, heif, iptc, jpeg, jxl, netpbm, pillow, png, raw, tiff, webp
from aecli.images.foreign import foreign_suffix

if TYPE_CHECKING:
    from aecli.extras import Extra
    from aecli.images.header import Codec
    from aecli.images.image import Metadata

_PHOTO = frozenset({"icc", "exif", "xmp"})
_NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Format:
    """One file format.

    Attributes:
        codec: how its files are read and written.
        signature: a regular expression of bytes that its files begin with.
        suffixes: lower case with the dot; the first is the one given to new files.
        called: what messages call it; its name where that is empty.
        resembles: formats whose files begin alike: of these, and of files that begin like none, the
            name decides.
        extra: what reading and writing need besides; None: nothing.
        converter: what makes something else of such files where that is missing.
        written: whether aecli writes it.
        becomes: the format of results where no other is asked for; None: the same.
        animated: suffixes under which a series of pictures becomes an animation.
        lossless: whether it keeps every level; or unless told, where the input's format does, or
            where the input was a file of this format that did; None: never.
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
    called: str = ""
    resembles: tuple[str, ...] = ()
    extra: Extra | None = None
    converter: str = ""
    written: bool = True
    becomes: str | None = None
    animated: tuple[str, ...] = ()
    lossless: Literal["always", "as the input", "as such a file"] | None = None
    alpha: bool = False
    bits: int = 8
    holds: frozenset[str] = _PHOTO
    longest_side: int = 2**31 - 1
    longest_exif: int = 2**32 - 1
    longest_xmp: int = 2**32 - 1
    longest_iptc: int = 2**32 - 1

    @property
    def name(self) -> str:
        """What it is called here; Pillow's name, where Pillow knows it."""
        return self.codec.name

    @property
    def readable(self) -> bool:
        """Whether it is read here: some formats need an extra."""
        return self.extra is None or self.extra.there

    @property
    def cure(self) -> str:
        """What makes such files readable."""
        tool = f"; or convert it first, for example with: {self.converter}"
        return (self.extra.cure if self.extra else "") + tool * bool(self.converter)

    @property
    def deep(self) -> bool:
        """Whether it stores more than 8 bits a channel."""
        return self.bits > 8

    def check_written(self) -> None:
        """See that results can have this format.

        Raises:
            UsageError: it is read but not written, or not here.
        """
        if not self.written:
            raise UsageError(f"{self.name} is read but not written", "choose png, webp or tif")
        if self.extra is not None and not self.extra.there:
            raise UsageError(f"{self.name} needs {self.extra.package}", self.extra.cure)
        if not self.codec.encodes:
            raise UsageError(f"{self.name} cannot be written here", "choose png, webp or tif")

    def exact(self, before: Format | None, data: Metadata) -> bool:
        """Whether a result keeps every level, where no quality is asked for.

        Args:
            before: the input's format; None for pictures made in memory.
            data: what the input's file says.
        """
        if before is not None and before.lossless == "always":
            return self.lossless in ("always", "as the input")
        return data.lossless and self.lossless is not None

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
            lossless="always",
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
            lossless="as such a file",
            alpha=True,
            longest_side=16_383,
        ),
        Format(
            raw.Codec(),
            rb"II\*\0.{4}CR|....ftypcrx |FUJIFILMCCD-RAW|IIR[OS]|IIU\0|FOVb|\0MRM|II....HEAPCCDR",
            (
                *(".dng", ".nef", ".nrw", ".cr2", ".cr3", ".crw", ".arw", ".sr2", ".srf", ".orf"),
                *(".rw2", ".rwl", ".raf", ".pef", ".srw", ".3fr", ".erf", ".iiq", ".kdc", ".mef"),
                *(".mos", ".mrw", ".x3f", ".raw"),
            ),
            called="a camera's RAW file",
            resembles=("TIFF",),
            extra=extras.RAW,
            converter="darktable-cli, rawtherapee-cli or dcraw -T",
            written=False,
            becomes="TIFF",
            bits=16,
        ),
        Format(
            tiff.Codec(),
            rb"II[*+]\0|MM\0[*+]",
            (".tif", ".tiff"),
            lossless="always",
            alpha=True,
            bits=16,
            holds=_PHOTO | {"iptc"},
        ),
        Format(
            heif.Codec(),
            rb"....ftyp(.{4}){0,13}(heic|heix|heim|heis|hevc|hevx)",
            (".heic", ".heif", ".hif"),
            extra=extras.HEIF,
            converter="heif-convert",
            becomes="JPEG",
            lossless="as such a file",
            alpha=True,
            bits=10,
            longest_side=65_535,
        ),
        Format(
            avif.Codec(),
            rb"....ftyp(avif|avis|mif1|msf1)",
            (".avif",),
            lossless="as such a file",
            alpha=True,
            bits=10,
            longest_side=65_536,
        ),
        Format(
            jxl.Codec(),
            rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n",
            (".jxl",),
            lossless="as the input",
            alpha=True,
            bits=16,
            holds=frozenset({"exif", "xmp"}),
        ),
        Format(
            pillow.Codec(  # of its own accord Pillow would say 96 dpi
                "BMP", BmpImagePlugin, lambda data, _: {} if data.dpi else {"dpi": (0, 0)}
            ),
            rb"BM",
            (".bmp", ".dib"),
            lossless="always",
            holds=_NOTHING,
        ),
        Format(
            netpbm.Codec(),
            rb"P[1-6][\s#]",
            (".ppm", ".pgm", ".pnm", ".pbm"),
            lossless="always",
            bits=16,
            holds=_NOTHING,
        ),
        Format(
            pillow.Codec("GIF", GifImagePlugin),
            rb"GIF8[79]a",
            (".gif",),
            written=False,
            becomes="PNG",
            animated=(".gif",),
            lossless="always",
            longest_side=65_535,
        ),
    )
}
"""By name; recognised in this order."""

SUFFIXES = frozenset(suffix for f in FORMATS.values() for suffix in f.suffixes)
"""Suffixes of all files that can be read, some with an extra only; lower case with the dot."""

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


def recognised(head: bytes, name: str) -> Format | None:
    """The format of a file of some name that begins with `head`, 64 bytes where it has so many."""
    rows = FORMATS.values()
    found = next((f for f in rows if re.match(f.signature, head, re.DOTALL)), None)
    named = FORMATS.get(_BY_SUFFIX.get(Path(name).suffix.lower(), ""))
    if named and named.resembles and (found is None or found.name in named.resembles):
        return named
    return found


def unread(suffix: str) -> tuple[str, str] | None:
    """What pictures of a suffix (lower case, with the dot) are, and the hint that cures it.

    None where they can be read, where they are no pictures, and for documents.
    """
    form = FORMATS.get(_BY_SUFFIX.get(suffix, ""))
    if form is None:
        return foreign_suffix(suffix)
    return None if form.readable else (form.called or form.name, form.cure)


def suffix_of(format: str) -> str:  # noqa: A002 - the field's own word
    """The suffix, with the dot, that new files of `format` get."""
    return FORMATS[format].suffixes[0]


def writable(format: str | None) -> str:  # noqa: A002 - the field's own word
    """The format of a result whose input is `format`; PNG where there is none."""
    return FORMATS[format].becomes or format if format in FORMATS else "PNG"
