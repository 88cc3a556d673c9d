"""HEIC files, through pillow-heif; 10 and 12 bits become 16.

libheif turns pictures upright, as the file says; the orientation in EXIF says it once more.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from aecli import extras
from aecli.images import colour, companions, metadata, unpack
from aecli.images.header import Header, Opened, UnsupportedError
from aecli.images.levels import scaled

if TYPE_CHECKING:
    from aecli.images.image import Metadata, Pixels

DEPTH = 10
"""Bits that deep pictures are written with; others, on reading, count as 16."""

_MODES = {"L": 1, "I": 1, "LA": 2, "RGB": 3, "RGBA": 4, "RGBa": 4}
"""pillow-heif's modes, and their samples a pixel."""

_GAIN_MAP = "gainmap"
_LOSSLESS, _NO_MATRIX = -1, 0


class Codec:
    """HEIC, one picture a file."""

    name = "HEIC"

    @property
    def encodes(self) -> bool:
        """Whether the library has an encoder."""
        return bool(_library().libheif_info()["HEIF"])

    def open(self, file: BinaryIO) -> Opened:
        """See `aecli.images.header.Codec`."""
        file.seek(0)
        content = _library().open_heif(file, convert_hdr_to_8bit=False, hdr_to_16bit=False)
        picture = content[content.primary_index]
        mode, _, bits = picture.mode.partition(";")
        if mode not in _MODES:
            raise UnsupportedError(f"pixels of the kind {picture.mode}")
        depth, samples = int(bits or 8), _MODES[mode]
        width, height = picture.size
        header = Header(
            width,
            height,
            self.name,
            frames=len(content),
            bits=8 if depth == 8 else 16,
            channels=1 if samples < 3 else 3,
            has_alpha=samples % 2 == 0,
        )
        return Opened(header, partial(_decode, picture, depth, mode.endswith("a")))

    def write(self, samples: Pixels, file: BinaryIO, data: Metadata, quality: int) -> None:
        """See `aecli.images.header.Codec`; 16 bits become 10, and quality 100 is without loss.

        What is stored without loss says so by its matrix, which is none.
        """
        height, width = samples.shape[:2]
        mode = ("L", "LA", "RGB", "RGBA")[0 if samples.ndim == 2 else samples.shape[2] - 1]
        if samples.dtype == np.uint16:
            mode += ";16"
            samples = scaled(samples, 65535, 2**DEPTH - 1) << np.uint16(16 - DEPTH)
        exif = data.exif
        if data.dpi:
            exif = metadata.with_resolution(exif or b"", data.dpi)
        options: dict[str, Any] = {"exif": exif, "xmp": data.xmp, "icc_profile": data.icc}
        if quality == 100 or data.lossless:
            options |= {"quality": _LOSSLESS, "matrix_coefficients": _NO_MATRIX}
        _library().encode(
            mode,
            (width, height),
            np.ascontiguousarray(samples).tobytes(),
            file,
            **{"quality": quality, "chroma": 444} | options,
        )


def _library() -> Any:
    """pillow-heif, loaded where it is needed."""
    return extras.HEIF.load("HEIC")


def _decode(
    picture: Any,
    depth: int,
    associated: bool,
    at_least: int | None,  # noqa: ARG001 - only JPEG shrinks
) -> tuple[Pixels, Pixels | None, Metadata]:
    width, height = picture.size
    samples = np.asarray(picture)[:height, :width].reshape(height, width, -1)
    if associated:
        samples = unpack.straight(samples)
    if depth > 8:
        samples = scaled(samples, 2**depth - 1, 65535)
    info = picture.info
    data = metadata.of_blocks(info["exif"], info.get("xmp"), info.get("icc_profile"))
    said = info.get("nclx_profile") or {}
    data = replace(data, lossless=said.get("matrix_coefficients") == _NO_MATRIX)
    if said and not data.icc:
        primaries, transfer = said["color_primaries"], said["transfer_characteristics"]
        data = replace(data, colour=colour.unlike_srgb(primaries, transfer))
    lost = set(data.lost)
    if any(_GAIN_MAP in name.lower() for name in info["aux"]):
        lost.add(companions.left_out("gain map"))
    if info["depth_images"]:
        lost.add(companions.left_out("depth map"))
    data = replace(data, lost=tuple(sorted(lost)), depth=depth if depth == DEPTH else None)
    return *unpack.from_samples(samples, 1), data
