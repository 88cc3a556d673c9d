"""Cameras' RAW files, through rawpy (LibRaw): developed as plainly as can be, to 16 bits of sRGB.

The camera's white balance, its colours by the camera's matrix, no brightening: nothing is clipped
that the sensor did not clip.
"""

from __future__ import annotations

import io
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from PIL import JpegImagePlugin
from PIL.Image import Exif

from aecli import extras
from aecli.images import metadata, unpack
from aecli.images.header import Header, Opened, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aecli.images.image import Metadata, Pixels

_TIFF = (b"II*\0", b"MM\0*")
_SRGB_CURVE = (2.4, 12.92)
"""Power and slope (IEC 61966-2-1), as LibRaw has them."""

_KEPT = {*range(0x010E, 0x0111), 0x0112, 0x0132, 0x013B, 0x8298, 0x8769, 0x8825}
"""Tags of the first directory that are about the photo and not about its RAW data."""

_EXIF_IFD, _MAKER_NOTE = 0x8769, 0x927C


class Codec:
    """RAW files, read only."""

    name = "RAW"
    encodes = False

    def open(self, file: BinaryIO) -> Opened:
        """See `aecli.images.header.Codec`."""
        file.seek(0)
        with _plainly():
            raw = _library().imread(file)
            grey = raw.num_colors == 1
            width, height = raw.sizes.width, raw.sizes.height
        header = Header(width, height, self.name, 1, 16, 1 if grey else 3, has_alpha=False)
        return Opened(header, partial(_decode, raw, file))

    def write(self, samples: Pixels, file: BinaryIO, data: Metadata, quality: int) -> None:
        """Never called: `encodes` is False."""
        raise NotImplementedError


def _library() -> Any:
    """rawpy, loaded where it is needed."""
    return extras.RAW.load("RAW")


@contextmanager
def _plainly() -> Iterator[None]:
    """LibRaw's errors become those that damaged files raise, or those of kinds it cannot read."""
    library = _library()
    try:
        yield
    except (library.LibRawFileUnsupportedError, library.LibRawNotImplementedError) as error:
        raise UnsupportedError(
            "RAW data of a kind that LibRaw does not know", "another program may convert it to TIFF"
        ) from error
    except library.LibRawError as error:
        said = error.args[0] if error.args else ""
        raise ValueError(said.decode() if isinstance(said, bytes) else str(said)) from error


def _decode(
    raw: Any,
    file: BinaryIO,
    at_least: int | None,  # noqa: ARG001 - only JPEG shrinks
) -> tuple[Pixels, Pixels | None, Metadata]:
    with _plainly():
        samples = raw.postprocess(
            use_camera_wb=True,
            no_auto_bright=True,
            output_color=_library().ColorSpace.sRGB,
            gamma=_SRGB_CURVE,
            output_bps=16,
        )
    data = metadata.of_blocks(_exif(raw, file))
    samples = samples if raw.num_colors > 1 else samples[..., :1]
    return *unpack.from_samples(np.ascontiguousarray(samples), 1), data


def _exif(raw: Any, file: BinaryIO) -> Exif:
    """What the file says of the photo, or its preview does."""
    found = Exif()
    try:
        file.seek(0)
        if file.read(4) in _TIFF:
            file.seek(0)
            found.load_from_fp(file)
        else:
            found = JpegImagePlugin.JpegImageFile(io.BytesIO(raw.extract_thumb().data)).getexif()
        below = dict(found.get_ifd(_EXIF_IFD))
        kept = Exif()
        for tag in found.keys() & _KEPT:
            kept[tag] = found.get_ifd(tag) if tag == 0x8825 else found[tag]
        below.pop(_MAKER_NOTE, None)  # its places in the file would be wrong
        if below:
            kept[_EXIF_IFD] = below
    except (*metadata.UNPARSABLE, _library().LibRawError):
        return Exif()
    return kept
