"""What Pillow reads and writes: 8 bits a channel."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

import PIL.Image

from aecli.images import metadata, unpack
from aecli.images.header import Header, Opened, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

    from PIL.ImageFile import ImageFile

    from aecli.images.image import Metadata, Pixels

logging.getLogger("PIL").addHandler(logging.NullHandler())  # what it logs, it raises, too

_MP_ENTRIES = 0xB002
"""The list of pictures in a multi-picture JPEG."""

_DPI_IN_EXIF = ("WEBP", "AVIF")
"""Formats that have no other place for the resolution."""


class Codec:
    """One of Pillow's formats; those that hold more than Pillow keeps override either way.

    Args:
        name: Pillow's name of the format.
        plugin: the module of Pillow that knows it: named, so that Pillow knows these formats and
            none of the forty others.
        options: what the encoder is told for the metadata and a quality from 1 to 100.
    """

    def __init__(
        self,
        name: str,
        plugin: ModuleType,
        options: Callable[[Metadata, int], Mapping[str, Any]] = lambda _data, _quality: {},
    ) -> None:
        self.name = name
        self._plugin = plugin
        self._options = options

    @property
    def encodes(self) -> bool:
        """See `aecli.images.header.Codec`."""
        return self.name in PIL.Image.SAVE

    def open(self, file: BinaryIO) -> Opened:
        """See `aecli.images.header.Codec`."""
        file.seek(0)
        factory, _ = PIL.Image.OPEN[self.name]  # not PIL.Image.open: it guesses, and it warns
        picture = factory(file, "")
        if picture.mode not in unpack.MODES:
            raise UnsupportedError(f"pixels of the kind {picture.mode}")
        colours, alpha = unpack.MODES[picture.mode], picture.has_transparency_data
        header = Header(*picture.size, self.name, _frames(picture), 8, colours, alpha)
        return Opened(header, partial(self._decode, picture))

    def describe(self, picture: ImageFile, data: Metadata) -> Metadata:  # noqa: ARG002 - others do
        """What a format says beside what all do, before the picture is turned upright.

        Args:
            picture: loaded.
            data: what `metadata.take` has found.
        """
        return data

    def write(self, samples: Pixels, file: BinaryIO, data: Metadata, quality: int) -> None:
        """See `aecli.images.header.Codec`."""
        exif = data.exif or b""
        options: dict[str, Any] = {"icc_profile": data.icc, "exif": exif}
        if data.dpi:
            options["dpi"] = data.dpi
            if self.name in _DPI_IN_EXIF:
                options["exif"] = metadata.with_resolution(exif, data.dpi)
        if data.xmp:
            options["xmp"] = data.xmp
        PIL.Image.fromarray(samples).save(
            file, self.name, **options, **self._options(data, quality)
        )

    def _decode(
        self, picture: ImageFile, at_least: int | None
    ) -> tuple[Pixels, Pixels | None, Metadata]:
        if at_least is not None:
            picture.draft(None, (at_least, at_least))
        picture.load()
        data, orientation = metadata.take(picture)
        data = metadata.turned(self.describe(picture, data), orientation)
        pixels, alpha = unpack.from_pillow(picture, orientation)
        if picture.mode in unpack.CONVERTED:
            data = replace(data, icc=None)
        return pixels, alpha, data


def listed(picture: ImageFile) -> list[str]:
    """What kinds of pictures a multi-picture JPEG lists, its own first; none of another file."""
    info: Any = getattr(picture, "mpinfo", None)
    return [entry["Attribute"]["MPType"] for entry in info[_MP_ENTRIES]] if info else []


def _frames(picture: ImageFile) -> int:
    """Pictures in the file; in a multi-picture JPEG those that are no thumbnail or gain map."""
    if not (kinds := listed(picture)):
        return int(getattr(picture, "n_frames", 1))
    return max(1, sum(kind.startswith(("Baseline", "Multi-Frame")) for kind in kinds))
