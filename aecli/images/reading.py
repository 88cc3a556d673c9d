"""Image files to `Image`: upright, expanded to grey or RGB, nothing lost in silence."""

from __future__ import annotations

import io
import re
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import PIL.Image
from tifffile import TiffFileError

from aecli.errors import InputError
from aecli.images import metadata, netpbm, plugins, png16, tiff, unpack  # noqa: F401 - plugins registers
from aecli.images.foreign import foreign
from aecli.images.formats import FORMATS
from aecli.images.image import Image, Metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from PIL.ImageFile import ImageFile

    from aecli.images.image import Pixels

MAX_PIXELS = 500_000_000
"""Pixels of the largest image that is read unless told otherwise."""

_DAMAGED = (*metadata.UNPARSABLE, RuntimeError, TiffFileError)
"""What Pillow, imagecodecs and tifffile raise on damaged files."""

_SIGNATURES = {
    name: re.compile(signature, re.DOTALL)
    for name, signature in {
        "PNG": rb"\x89PNG\r\n\x1a\n",
        "JPEG": rb"\xff\xd8\xff",
        "WEBP": rb"RIFF....WEBP",
        "TIFF": rb"II[*+]\0|MM\0[*+]",
        "AVIF": rb"....ftyp(avif|avis|mif1|msf1)",
        "BMP": rb"BM",
        "PPM": rb"P[1-6][\s#]",
        "GIF": rb"GIF8[79]a",
    }.items()
}
_MP_ENTRIES = 0xB002


@dataclass(frozen=True)
class Header:
    """What a file says of its picture before any pixel is decoded.

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


def probe(source: Path | bytes, *, name: str | None = None, max_pixels: int = MAX_PIXELS) -> Header:
    """Look at an image file without decoding it.

    Args:
        source: the file, or its content.
        name: what messages call it; by default its path.
        max_pixels: refuse more than this.

    Raises:
        InputError: missing, unreadable, no image, of a kind that aecli does not read, or too large.
    """
    with _reading(source, name) as (file, called):
        return _look(file, called, max_pixels)[0]


def decode(
    source: Path | bytes,
    *,
    name: str | None = None,
    max_pixels: int = MAX_PIXELS,
    at_least: int | None = None,
) -> Image:
    """Read one picture.

    The orientation is applied and reset; palettes and 1-bit pixels are expanded, a transparent
    colour becomes alpha; CMYK, YCbCr and Lab become RGB (by the ICC profile if there is one, which
    then no longer fits and is dropped). 16 bits stay 16 bits. Beside the array there is only
    Pillow's own buffer, 4 bytes a pixel.

    Args:
        source: the file, or its content.
        name: what messages call it; by default its path.
        max_pixels: refuse more than this.
        at_least: the picture may come out at a half, quarter or eighth of its size, if both sides
            keep this many pixels. Only JPEG does: it then decodes several times as fast.

    Raises:
        InputError: as for `probe`; or damaged, truncated, several pictures in one file.
    """
    pixels: Pixels
    alpha: Pixels | None
    with _reading(source, name) as (file, called):
        header, picture = _look(file, called, max_pixels)
        if header.frames > 1:
            raise InputError(
                f"{called}: holds {header.frames} pictures (an animation or several pages)",
                "split it into single pictures first",
            )
        if picture is None or header.bits == 16:
            samples, data, orientation = _samples(file, header.format)
            pixels, alpha = unpack.from_samples(samples, orientation)
        else:
            if at_least is not None:
                picture.draft(None, (at_least, at_least))
            picture.load()
            data, orientation = metadata.take(picture)
            pixels, alpha = unpack.from_pillow(picture, orientation)
            if picture.mode in unpack.CONVERTED:
                data = replace(data, icc=None)
    return Image(pixels, alpha, data, header.format)


@contextmanager
def _reading(source: Path | bytes, name: str | None) -> Iterator[tuple[BinaryIO, str]]:
    """The open file and its name for messages; failures in the block become InputErrors."""
    called = name or (str(source) if isinstance(source, Path) else "standard input")
    try:
        if isinstance(source, Path):
            with source.open("rb") as file:
                yield file if file.seekable() else io.BytesIO(file.read()), called
        else:
            yield io.BytesIO(source), called
    except PIL.Image.DecompressionBombError as error:
        raise InputError(f"{called}: {error}", "--max-pixels sets the limit") from error
    except _DAMAGED as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise InputError(f"{called}: {error.strerror}") from error
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{called}: damaged or truncated ({reason})") from error


def _look(file: BinaryIO, name: str, max_pixels: int) -> tuple[Header, ImageFile | None]:
    """The header, and the file as opened by Pillow (None where that is not wanted)."""
    limit = PIL.Image.MAX_IMAGE_PIXELS
    if limit is not None and limit < max_pixels:
        PIL.Image.MAX_IMAGE_PIXELS = max_pixels  # one for the whole process; it only ever grows
    head = file.read(64)
    if not head:
        raise InputError(f"{name}: is empty")
    form = next((f for f, signature in _SIGNATURES.items() if signature.match(head)), None)
    if (known := foreign(head, name, recognised=form not in (None, "TIFF"))) is not None:
        raise InputError(f"{name}: is {known[0]}, which aecli does not read", known[1])
    if form is None:
        raise InputError(f"{name}: is no image that aecli reads", f"it reads {', '.join(FORMATS)}")
    header, picture = _tiff(file, name) if form == "TIFF" else _other(file, form, head, name)
    if header.width * header.height > max_pixels:
        raise InputError(
            f"{name}: {header.width}x{header.height} is more than {max_pixels:,} pixels",
            "--max-pixels sets the limit",
        )
    return header, picture


def _tiff(file: BinaryIO, name: str) -> tuple[Header, ImageFile | None]:
    layout = tiff.layout(file)
    if layout.refused is not None:
        raise InputError(
            f"{name}: holds {layout.refused}, which aecli does not read",
            "convert it to 8 or 16 bits of grey or RGB first",
        )
    if layout.plain:
        size, bits = (layout.width, layout.height), layout.bits
        return Header(*size, "TIFF", layout.pages, bits, layout.colours, layout.alpha), None
    picture = _pillow(file, "TIFF")
    return Header(*picture.size, "TIFF", layout.pages, 8, *_channels(picture, name)), picture


def _other(file: BinaryIO, form: str, head: bytes, name: str) -> tuple[Header, ImageFile | None]:
    if form == "PPM" and (found := netpbm.header(file)) is not None and found.maximum > 255:
        return Header(found.width, found.height, form, 1, 16, found.channels, False), None
    picture = _pillow(file, form)
    bits = 16 if form == "PNG" and head[24:25] == b"\x10" else 8
    return Header(*picture.size, form, _frames(picture), bits, *_channels(picture, name)), picture


def _pillow(file: BinaryIO, form: str) -> ImageFile:
    """What `PIL.Image.open` gives, less its guessing and its warning of large pictures."""
    file.seek(0)
    factory, _ = PIL.Image.OPEN[form]
    return factory(file, "")


def _channels(picture: ImageFile, name: str) -> tuple[int, bool]:
    """1 or 3 colour channels, and whether there is alpha."""
    if picture.mode not in unpack.MODES:
        raise InputError(
            f"{name}: holds pixels of the kind {picture.mode}, which aecli does not read",
            "convert it to 8 or 16 bits of grey or RGB first",
        )
    return unpack.MODES[picture.mode], picture.has_transparency_data


def _frames(picture: ImageFile) -> int:
    """Pictures in the file; in a multi-picture JPEG those that are no thumbnail or gain map."""
    info: Any = getattr(picture, "mpinfo", None)
    if info is None:
        return int(getattr(picture, "n_frames", 1))
    kinds: list[str] = [entry["Attribute"]["MPType"] for entry in info[_MP_ENTRIES]]
    return max(1, sum(kind.startswith(("Baseline", "Multi-Frame")) for kind in kinds))


def _samples(file: BinaryIO, form: str) -> tuple[NDArray[Any], Metadata, int]:
    """What Pillow does not keep, HxWxC, with its metadata and orientation."""
    file.seek(0)
    if form == "TIFF":
        return tiff.read(file)
    if form == "PPM":
        return netpbm.read(file), Metadata(), 1
    data = file.read()
    return png16.read(data), *metadata.take(png16.described(data))
