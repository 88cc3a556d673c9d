"""The file formats aecli knows, by Pillow's names: their suffixes and what each can hold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aecli.errors import InputError, UsageError, did_you_mean


@dataclass(frozen=True)
class Format:
    """What one file format can hold.

    Attributes:
        name: Pillow's name.
        suffixes: lower case with the dot; the first is the one given to new files.
        written: whether aecli writes it; the others are read, and their results become PNG.
        alpha: whether it stores transparency.
        deep: whether it stores 16 bits a channel.
        icc: whether it stores an ICC profile.
        longest_side: most pixels along one side.
    """

    name: str
    suffixes: tuple[str, ...]
    written: bool = True
    alpha: bool = False
    deep: bool = False
    icc: bool = True
    longest_side: int = 2**31 - 1

    def check(self, width: int, height: int) -> None:
        """See that a picture fits.

        Raises:
            InputError: it has too many pixels along a side.
        """
        if max(width, height) > self.longest_side:
            raise InputError(
                f"{width}x{height} is too large for {self.name}, which ends at"
                f" {self.longest_side} pixels a side",
                "choose another format, for example with -f png",
            )


FORMATS = {
    f.name: f
    for f in (
        Format("PNG", (".png", ".apng"), alpha=True, deep=True),
        Format("JPEG", (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"), longest_side=65_500),
        Format("WEBP", (".webp",), alpha=True, longest_side=16_383),
        Format("TIFF", (".tif", ".tiff"), alpha=True, deep=True),
        Format("AVIF", (".avif",), alpha=True, longest_side=65_536),
        Format("BMP", (".bmp", ".dib"), icc=False),
        Format("PPM", (".ppm", ".pgm", ".pnm", ".pbm"), deep=True, icc=False),
        Format("GIF", (".gif",), written=False, longest_side=65_535),
    )
}

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


def suffix_of(format: str) -> str:  # noqa: A002 - the field's own word
    """The suffix, with the dot, that new files of `format` get."""
    return FORMATS[format].suffixes[0]


def writable(format: str | None) -> str:  # noqa: A002 - the field's own word
    """The format of a result whose input is `format`: the same, or PNG if that is not written."""
    return format if format in FORMATS and FORMATS[format].written else "PNG"
