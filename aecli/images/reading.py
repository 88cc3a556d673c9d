"""Image files to `Image`: upright, expanded to grey or RGB, nothing lost in silence."""

from __future__ import annotations

import io
import struct
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import PIL.Image

from aecli.errors import InputError, Reason
from aecli.images import metadata
from aecli.images.foreign import foreign
from aecli.images.formats import FORMATS, SUFFIXES, recognised
from aecli.images.header import SPLIT, UnsupportedError
from aecli.images.image import Image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aecli.images.header import Header, Opened

MAX_PIXELS = 500_000_000
"""Pixels of the largest image that is read unless told otherwise."""

_DAMAGED = (*metadata.UNPARSABLE, RuntimeError)
"""What Pillow, imagecodecs and tifffile raise on damaged files."""

_STUMBLED = (LookupError, TypeError, AttributeError, ArithmeticError, struct.error)
"""Those that tell of their code, and nothing of the file."""

_PLAINLY = {"not identified by this driver": "its header makes no sense"}
"""What they say in words of their own, and in plain ones."""


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
        return _open(file, called, max_pixels).header


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
    with _reading(source, name) as (file, called):
        opened = _open(file, called, max_pixels)
        frames, form = opened.header.frames, opened.header.format
        if frames > 1:
            raise InputError(
                f"{called}: holds {frames} pictures (an animation or several pages)",
                SPLIT,
            )
        return Image(*opened.decode(at_least), form)


def refuse_larger(name: str, width: int, height: int, max_pixels: int) -> None:
    """Refuse a picture of more than so many pixels.

    Raises:
        InputError: it has more.
    """
    if width * height > max_pixels:
        raise InputError(
            f"{name}: {width}x{height} is more than {max_pixels:,} pixels",
            reason=Reason.TOO_MANY_PIXELS,
        )


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
    except UnsupportedError as error:
        raise InputError(
            f"{called}: holds {error.what}, which aecli does not read", error.hint
        ) from error
    except PIL.Image.DecompressionBombError as error:
        raise InputError(f"{called}: {error}", reason=Reason.TOO_MANY_PIXELS) from error
    except _DAMAGED as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise InputError(f"{called}: {error.strerror}") from error
        raise InputError(f"{called}: damaged or truncated{_reason(error)}") from error


def _reason(error: Exception) -> str:
    """What a library says of a damaged file, in brackets; nothing where it merely stumbled."""
    if isinstance(error, _STUMBLED):
        return ""
    said = error.args[0] if error.args else ""
    said = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(error)
    return f" ({_PLAINLY.get(said) or ' '.join(said.split())[:200]})"


def _open(file: BinaryIO, name: str, max_pixels: int) -> Opened:
    """The file as its format opens it, unless it is none that is read, or too large."""
    limit = PIL.Image.MAX_IMAGE_PIXELS
    if limit is not None and limit < max_pixels:
        PIL.Image.MAX_IMAGE_PIXELS = max_pixels  # one for the whole process; it only ever grows
    head = file.read(64)
    if not head:
        raise InputError(f"{name}: is empty")
    form = recognised(head, name)
    if form is None:
        if (known := foreign(head, name)) is not None:
            raise InputError(f"{name}: is {known[0]}, which aecli does not read", known[1])
        said = Path(name).suffix.lower()
        hint = f"its name says {said}, its content does not" if said in SUFFIXES else None
        hint = hint or f"it reads {', '.join(FORMATS)}"
        raise InputError(f"{name}: is no image that aecli reads", hint)
    if form.extra is not None and not form.extra.there:
        what = form.called or form.name
        raise InputError(f"{name}: is {what}, which needs {form.extra.package}", form.cure)
    opened = form.codec.open(file)
    width, height = opened.header.width, opened.header.height
    if min(width, height) < 1:
        raise ValueError("it has no pixels")
    refuse_larger(name, width, height, max_pixels)
    return opened
