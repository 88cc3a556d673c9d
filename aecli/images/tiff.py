"""TIFF files; grey and RGB without Pillow, which cuts 16 bits down to 8.

Pixels go through tifffile; an EXIF directory is appended behind them.
"""

from __future__ import annotations

import io
import logging
import shutil
import struct
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import tifffile
from PIL import TiffImagePlugin
from PIL.Image import Exif
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from aecli.images import metadata as meta
from aecli.images import pillow, unpack
from aecli.images.header import Header, Opened, UnsupportedError
from aecli.images.image import Metadata

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from aecli.images.image import Pixels

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # its findings come as errors, too

_GREY = (tifffile.PHOTOMETRIC.MINISBLACK, tifffile.PHOTOMETRIC.MINISWHITE)
_REDUCED, _MASK = 1, 4
_DNG_VERSION, _XMP, _ICC = 50706, 700, 34675
_ASSOCIATED, _UNASSOCIATED = 1, 2
_BYTE, _ASCII, _SHORT, _LONG = 1, 2, 3, 4


class Codec(pillow.Codec):
    """TIFF: grey and RGB of 8 and 16 bits by tifffile, what else there is by Pillow."""

    def __init__(self) -> None:
        super().__init__("TIFF", TiffImagePlugin)

    def open(self, file: BinaryIO) -> Opened:
        """As Pillow's; or a TiffFileError where the file is damaged."""
        file.seek(0)
        with tifffile.TiffFile(file) as tif:
            page: Any = tif.pages.first
            bits = page.bitspersample
            bits = max(bits) if isinstance(bits, tuple) else bits
            plain = bits in (8, 16) and page.photometric in (*_GREY, tifffile.PHOTOMETRIC.RGB)
            if (refused := _refused(page, bits, plain=plain)) is not None:
                raise UnsupportedError(refused)
            header = Header(
                width=page.imagewidth,
                height=page.imagelength,
                format=self.name,
                frames=sum(not _auxiliary(p) for p in tif.pages),
                bits=bits,
                channels=page.samplesperpixel - len(page.extrasamples),
                has_alpha=_has_alpha(page),
            )
        if plain:
            return Opened(header, partial(_decode, file))
        opened = super().open(file)
        return Opened(replace(opened.header, frames=header.frames), opened.decode)

    def write(self, samples: Pixels, file: BinaryIO, data: Metadata, quality: int) -> None:  # noqa: ARG002 - lossless
        """Deflated, with an EXIF directory."""
        _encode(samples, file, data)


def _refused(page: Any, bits: int, *, plain: bool) -> str | None:
    """What a page holds that is not read."""
    if _DNG_VERSION in page.tags or page.subfiletype & _REDUCED:
        return "a camera's RAW image"
    if page.sampleformat != tifffile.SAMPLEFORMAT.UINT:
        return "floating-point or signed pixels"
    if bits not in (1, 2, 4, 8, 16):
        return f"{bits}-bit pixels"
    if bits == 16 and not plain:
        return f"16-bit pixels of the kind {tifffile.PHOTOMETRIC(page.photometric).name}"
    return None


def _decode(
    file: BinaryIO,
    at_least: int | None,  # noqa: ARG001 - only JPEG shrinks
) -> tuple[Pixels, Pixels | None, Metadata]:
    """The first page."""
    file.seek(0)
    with tifffile.TiffFile(file) as tif:
        page: Any = tif.pages.first
        pixels = page.asarray()
        if page.axes == "YX":
            pixels = pixels[..., np.newaxis]
        elif page.axes == "SYX":
            pixels = np.moveaxis(pixels, 0, -1)
        colours = 1 if page.photometric in _GREY else 3
        alpha = _has_alpha(page)
        pixels = pixels[..., : colours + alpha]
        if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
            pixels = np.concatenate([~pixels[..., :1], pixels[..., 1:]], axis=-1)
        if alpha and page.extrasamples[0] == _ASSOCIATED:
            pixels = _straight(pixels)
        tags = page.tags
        xmp, icc = tags.valueof(_XMP), tags.valueof(_ICC)
        orientation = int(tags.valueof(meta.ORIENTATION, 1))
        described = Metadata(
            icc=bytes(icc) if icc else None,
            exif=_exif(file),
            xmp=meta.upright_xmp(xmp),
            dpi=_dpi(page),
        )
    orientation = orientation if orientation in range(1, 9) else 1
    return *unpack.from_samples(pixels, orientation), described


def _encode(pixels: Pixels, file: BinaryIO, data: Metadata) -> None:
    """Write HxW or HxWxC (2 or 4 channels: alpha is the last), deflated; `file` may be a pipe."""
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    tags: list[tuple[int, int, int | None, Any, bool]] = []
    if data.xmp:
        tags.append((_XMP, _BYTE, len(data.xmp), data.xmp, True))
    first, below = meta.subdirectories(data.exif) if data.exif else ({}, {})
    for tag, value in first.items():
        if isinstance(value, str):
            tags.append((tag, _ASCII, None, value.encode("latin-1", "replace"), True))
        elif tag == meta.ORIENTATION:
            tags.append((tag, _SHORT, 1, 1, True))
    buffer = file if file.seekable() else io.BytesIO()
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
        resolution=data.dpi,
        resolutionunit="INCH" if data.dpi else None,
        iccprofile=data.icc,
        extratags=tags,
        metadata=None,
        software=False,
    )
    if below:
        _add(buffer, below)
    if buffer is not file:
        buffer.seek(0)
        shutil.copyfileobj(buffer, file)


def _add(file: BinaryIO, directories: Mapping[int, Mapping[int, Any]]) -> None:
    """Append directories, and a copy of the file's first that points to them in its stead."""
    file.seek(4)
    (first,) = struct.unpack("<I", file.read(4))
    file.seek(first)
    (count,) = struct.unpack("<H", file.read(2))
    entries = [file.read(12) for _ in range(count)]
    for tag, content in directories.items():
        directory = ImageFileDirectory_v2(group=tag)
        for key, value in content.items():
            directory[key] = value
        at = _align(file)
        file.write(directory.tobytes(at))
        entries.append(struct.pack("<HHII", tag, _LONG, 1, at))
    entries.sort(key=lambda entry: struct.unpack_from("<H", entry))
    at = _align(file)
    file.write(struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4))
    file.seek(4)
    file.write(struct.pack("<I", at))


def _align(file: BinaryIO) -> int:
    """The end of the file, made even."""
    end = file.seek(0, io.SEEK_END)
    return end + file.write(bytes(end % 2))


def _auxiliary(page: Any) -> bool:
    """Whether a page is a reduced copy or a mask of another."""
    return bool(page.subfiletype & (_REDUCED | _MASK))


def _has_alpha(page: Any) -> bool:
    return bool(page.extrasamples) and page.extrasamples[0] in (_ASSOCIATED, _UNASSOCIATED)


def _exif(file: BinaryIO) -> bytes | None:
    exif = Exif()
    try:
        file.seek(0)
        exif.load_from_fp(file)
        return meta.upright_exif(exif)
    except meta.UNPARSABLE:
        return None


def _dpi(page: Any) -> tuple[float, float] | None:
    try:
        if page.resolutionunit == tifffile.RESUNIT.NONE:
            return None
        return meta.valid_dpi(page.get_resolution("inch"))
    except meta.UNPARSABLE:
        return None


def _straight(pixels: NDArray[Any]) -> NDArray[Any]:
    """Undo the multiplication by alpha."""
    out, peak = pixels.copy(), np.uint32(np.iinfo(pixels.dtype).max)
    for row in out:
        alpha = np.maximum(row[:, -1:].astype(np.uint32), 1)
        colour = row[:, :-1].astype(np.uint32)
        row[:, :-1] = np.minimum((colour * peak + alpha // 2) // alpha, peak)
    return out
