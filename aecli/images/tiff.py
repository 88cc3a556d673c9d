"""TIFF files; grey and RGB without Pillow, which cuts 16 bits down to 8.

Pixels go through tifffile; an EXIF directory is appended behind them.
"""

from __future__ import annotations

import io
import logging
import math
import shutil
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from PIL import TiffImagePlugin
from PIL.Image import Exif

from aecli.images import companions, ifd, iptc, pillow, unpack
from aecli.images import metadata as meta
from aecli.images.header import SPLIT, Header, Opened, UnsupportedError
from aecli.images.image import Metadata

if TYPE_CHECKING:
    from tifffile import TiffFile

    from aecli.images.image import Pixels

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # its findings come as errors, too

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _SEPARATED = 0, 1, 2, 3, 5
_GREY = (_BLACK_IS_ZERO, _WHITE_IS_ZERO)
_UNSIGNED, _NO_UNIT = 1, 1
_REDUCED, _MASK = 1, 4
_DNG_VERSION, _XMP, _ICC, _IPTC, _PHOTOSHOP = 50706, 700, 34675, 33723, 34377
_RESOLUTION = (282, 283, 296)
"""The tags of horizontal and vertical resolution, and of their unit."""
_ASSOCIATED, _UNASSOCIATED = 1, 2
_BYTE, _ASCII, _SHORT, _UNDEFINED = 1, 2, 3, 7
_PIECES, _LARGE_PIECE = 4, 1 << 24
"""Strips and tiles may have so many times as many samples as the picture, or so many."""
_UNKNOWN = ("unknown pixel mode", "unknown data organization")
"""What Pillow says of pixels that may be sound."""
_MOST_EXTRA = 4
"""Samples of a pixel beside its colours, in files that are read."""


class Codec(pillow.Codec):
    """TIFF: grey and RGB of 8 and 16 bits by tifffile, what else there is by Pillow."""

    def __init__(self) -> None:
        super().__init__("TIFF", TiffImagePlugin)

    def open(self, file: BinaryIO) -> Opened:
        """As Pillow's; or a TiffFileError where the file is damaged."""
        subfiles = ifd.subfiles(file)
        file.seek(0)
        with _opened(file) as tif:
            page: Any = tif.pages.first
            if page.imagedepth > 1:
                raise UnsupportedError(f"a volume, {page.imagedepth} pictures deep", SPLIT)
            if (refused := _refused(page)) is not None:
                raise UnsupportedError(refused)
            _check_whole(page, file.seek(0, io.SEEK_END))
            header = Header(
                width=page.imagewidth,
                height=page.imagelength,
                format=self.name,
                frames=max(1, sum(not kind & (_REDUCED | _MASK) for kind in subfiles)),
                bits=max(_depths(page)),
                channels=_colours(page),
                has_alpha=_alpha(page) is not None,
            )
            plain = _plain(page)
            dpi, aspect = _density(page)
            known = Metadata(dpi=dpi, aspect=aspect, iptc=_iptc(page.tags))
            known = meta.turned(known, _orientation(page))
        if plain:
            return Opened(header, partial(_decode, file))
        opened = self._open_other(file, page)

        def decode(at_least: int | None) -> tuple[Pixels, Pixels | None, Metadata]:
            pixels, alpha, data = opened.decode(at_least)
            data = replace(data, dpi=known.dpi, aspect=known.aspect, iptc=known.iptc)
            return pixels, alpha, data

        return Opened(replace(opened.header, frames=header.frames), decode)

    def _open_other(self, file: BinaryIO, page: Any) -> Opened:
        """As Pillow's, which is asked where tifffile does not do."""
        try:
            return super().open(file)
        except SyntaxError as error:
            if str(error) not in _UNKNOWN:
                raise
            samples, bits = page.samplesperpixel, max(_depths(page))
            what = f"pixels of {samples} samples of {bits} bits, of the kind {_kind(page)}"
            raise UnsupportedError(what) from error

    def write(self, samples: Pixels, file: BinaryIO, data: Metadata, quality: int) -> None:  # noqa: ARG002 - lossless
        """Deflated, with an EXIF directory."""
        _encode(samples, file, data)


def _opened(file: BinaryIO) -> TiffFile:
    import tifffile  # takes a while, and most pictures are no TIFF

    return tifffile.TiffFile(file)


def _refused(page: Any) -> str | None:
    """What a page holds that is not read."""
    depths = _depths(page)
    bits, extra = max(depths), page.samplesperpixel - _colours(page)
    if _DNG_VERSION in page.tags or page.subfiletype & _REDUCED:
        return "a camera's RAW image"
    if page.sampleformat != _UNSIGNED:
        return "floating-point or signed pixels"
    if bits not in (1, 2, 4, 8, 16):
        return f"{bits}-bit pixels"
    if len(depths) > 1:
        return "samples of different depths"
    if bits == 16 and not _plain(page):
        return f"16-bit pixels of the kind {_kind(page)}"
    if extra > _MOST_EXTRA:
        return f"pixels of {page.samplesperpixel} samples"
    return None


def _kind(page: Any) -> str:
    """What a page's pixels are, by TIFF's word, or its number."""
    return str(getattr(page.photometric, "name", page.photometric))


def _plain(page: Any) -> bool:
    """Whether tifffile reads a page here."""
    kinds = (*_GREY, _RGB)
    return max(_depths(page)) in (8, 16) and page.photometric in kinds


def _depths(page: Any) -> set[int]:
    """The numbers of bits that samples have."""
    bits = page.bitspersample
    return set(bits) if isinstance(bits, tuple) else {bits}


def _check_whole(page: Any, size: int) -> None:
    """See that a page's strips or tiles are all there, and no larger than they need be.

    tifffile takes missing ones for black, and decodes what lies beyond the picture.

    Raises:
        ValueError: they are not.
    """
    places = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    missing = max(0, math.prod(page.chunked) - len(places))
    missing += sum(not at or not count or at + count > size for at, count in places)
    piece, whole = math.prod(page.chunks), math.prod(page.shape)
    if piece > max(_PIECES * whole, _LARGE_PIECE):
        raise ValueError("its strips or tiles are far larger than its picture")
    if missing:
        raise ValueError(f"{missing} of its {math.prod(page.chunked)} strips or tiles are missing")


def _decode(
    file: BinaryIO,
    at_least: int | None,  # noqa: ARG001 - only JPEG shrinks
) -> tuple[Pixels, Pixels | None, Metadata]:
    """The first page."""
    file.seek(0)
    with _opened(file) as tif:
        page: Any = tif.pages.first
        pixels = page.asarray()
        if page.axes == "YX":
            pixels = pixels[..., np.newaxis]
        elif page.axes == "SYX":
            pixels = np.moveaxis(pixels, 0, -1)
        colours, alpha = _colours(page), _alpha(page)
        chosen = [*range(colours)] + ([] if alpha is None else [alpha])
        associated = alpha is not None and _extras(page)[alpha - colours] == _ASSOCIATED
        if chosen != [*range(pixels.shape[-1])]:
            pixels = pixels[..., chosen]
        if page.photometric == _WHITE_IS_ZERO:
            pixels = np.concatenate([~pixels[..., :1], pixels[..., 1:]], axis=-1)
        if associated:
            pixels = unpack.straight(pixels)
        tags = page.tags
        xmp, icc = tags.valueof(_XMP), tags.valueof(_ICC)
        orientation = _orientation(page)
        dpi, aspect = _density(page)
        packet, lost = companions.parted(meta.upright_xmp(xmp))
        described = Metadata(
            icc=bytes(icc) if icc else None,
            exif=_exif(file),
            xmp=packet,
            lost=lost,
            dpi=dpi,
            aspect=aspect,
            iptc=_iptc(tags),
        )
    described = meta.turned(described, orientation)
    return *unpack.from_samples(pixels, orientation), described


def _encode(pixels: Pixels, file: BinaryIO, data: Metadata) -> None:
    """Write HxW or HxWxC (2 or 4 channels: alpha is the last), deflated; `file` may be a pipe."""
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    tags: list[tuple[int, int, int | None, Any, bool]] = []
    if data.xmp:
        tags.append((_XMP, _BYTE, len(data.xmp), data.xmp, True))
    if data.iptc:
        tags.append((_IPTC, _UNDEFINED, len(data.iptc), data.iptc, True))
    first, below = meta.subdirectories(data.exif) if data.exif else ({}, {})
    for tag, value in first.items():
        if isinstance(value, str):
            tags.append((tag, _ASCII, None, value.encode("latin-1", "replace"), True))
        elif tag == meta.ORIENTATION:
            tags.append((tag, _SHORT, 1, 1, True))
    buffer = file if file.seekable() else io.BytesIO()
    import tifffile

    tifffile.imwrite(
        buffer,
        pixels,
        photometric="rgb" if channels >= 3 else "minisblack",
        planarconfig="contig" if channels > 1 else None,
        extrasamples=["unassalpha"] if channels in (2, 4) else None,
        compression="zlib",
        predictor=True,
        rowsperstrip=max(1, (1 << 20) // pixels[0].nbytes),
        byteorder="<",
        bigtiff=False,
        resolution=data.dpi or (meta.whole(data.aspect) if data.aspect else None),
        resolutionunit="INCH" if data.dpi else "NONE",
        iccprofile=data.icc,
        extratags=tags,
        metadata=None,
        software=False,
    )
    unknown = () if data.dpi or data.aspect else _RESOLUTION  # that tifffile writes all the same
    if below or unknown:
        ifd.rewrite(buffer, below, unknown)
    if buffer is not file:
        buffer.seek(0)
        shutil.copyfileobj(buffer, file)


def _colours(page: Any) -> int:
    """Samples of a pixel that are colour, the others being extra."""
    if page.photometric in (*_GREY, _PALETTE):
        return 1
    return 4 if page.photometric == _SEPARATED else 3


def _extras(page: Any) -> list[int]:
    """What the extra samples are; those that the file does not tell of are unspecified."""
    count = page.samplesperpixel - _colours(page)
    return [*map(int, page.extrasamples[:count]), *[0] * (count - len(page.extrasamples))]


def _alpha(page: Any) -> int | None:
    """Which sample of a pixel is alpha: the first that says so, or a single one that says nothing.

    The latter is what Pillow and libvips take it for.
    """
    extras = _extras(page)
    for kind in (_UNASSOCIATED, _ASSOCIATED):
        if kind in extras:
            return _colours(page) + extras.index(kind)
    return _colours(page) if len(extras) == 1 else None


def _exif(file: BinaryIO) -> bytes | None:
    exif = Exif()
    try:
        file.seek(0)
        exif.load_from_fp(file)
        return meta.upright_exif(exif)
    except meta.UNPARSABLE:
        return None


def _density(page: Any) -> tuple[tuple[float, float] | None, tuple[float, float] | None]:
    """Dots per inch, and where there is no unit the aspect ratio of pixels; None for unknown."""
    if not all(tag in page.tags for tag in _RESOLUTION[:2]):
        return None, None
    try:
        if page.resolutionunit == _NO_UNIT:
            return None, meta.valid_aspect(page.get_resolution())
        return meta.valid_dpi(page.get_resolution("inch")), None
    except meta.UNPARSABLE:
        return None, None


def _orientation(page: Any) -> int:
    found = page.tags.valueof(meta.ORIENTATION, 1)
    return found if found in range(1, 9) else 1


def _iptc(tags: Any) -> bytes | None:
    """IPTC records, of their own tag or of the Photoshop block."""
    for tag in (_IPTC, _PHOTOSHOP):
        if tag in tags and (found := iptc.of_block(ifd.content(tags[tag]))):
            return found
    return None
