"""JPEG XL files, through imagecodecs; the boxes around the picture are handled here."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

import imagecodecs
import numpy as np

from aecli.images import colour, isobmff, jxl_header, metadata, unpack
from aecli.images.header import SPLIT, Header, Opened, UnsupportedError
from aecli.images.levels import scaled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aecli.images.image import Metadata, Pixels
    from aecli.images.jxl_header import Picture

_SIGNATURE = b"\0\0\0\x0cJXL \r\n\x87\n"
_KIND = b"jxl \0\0\0\0jxl "
_WHOLE, _PART, _PACKED, _JPEG = b"jxlc", b"jxlp", b"brob", b"jbrd"
_EXIF, _XMP = b"Exif", b"xml "
_NUMBER = 4
"""Bytes before the content of a part, and before a block of EXIF."""

_LONGEST_BLOCK = 16 << 20
"""Bytes of metadata that are unpacked."""

_UNTOLD = "its ICC profile cannot be read: its colours are taken for sRGB's"


class Codec:
    """JPEG XL of up to 16 bits, one picture a file."""

    name = "JXL"
    encodes = True

    def open(self, file: BinaryIO) -> Opened:
        """See `aecli.images.header.Codec`."""
        file.seek(0)
        data = file.read()
        blocks = dict(_unpacked(_boxes(data)))
        said = jxl_header.read(blocks[_WHOLE] if _WHOLE in blocks else blocks[_PART][_NUMBER:])
        if said.animated:
            raise UnsupportedError("an animation", SPLIT)
        if (refused := _refused(said)) is not None:
            raise UnsupportedError(refused)
        size = said.width, said.height
        header = Header(
            *(size if said.orientation < 5 else size[::-1]),
            self.name,
            frames=1,
            bits=8 if said.bits <= 8 else 16,
            channels=1 if said.grey else 3,
            has_alpha=bool(said.extras),
        )
        return Opened(header, partial(_decode, data, blocks, said))

    def write(self, samples: Pixels, file: BinaryIO, data: Metadata, quality: int) -> None:
        """See `aecli.images.header.Codec`.

        Without loss where `data` says so, at quality 100, and for 16 bits: imagecodecs takes their
        levels for linear light, which matters where some are lost, and is put right where not.
        """
        deep = samples.dtype == np.uint16
        exact = data.lossless or quality == 100 or deep
        encoded = imagecodecs.jpegxl_encode(
            np.ascontiguousarray(samples),
            lossless=exact,
            distance=None if exact else _distance(quality),
        )
        boxes = _boxes(bytes(encoded))
        if deep:
            boxes = [(k, jxl_header.as_srgb(c) if k == _WHOLE else c) for k, c in boxes]
        exif = data.exif
        if data.dpi:
            exif = metadata.with_resolution(exif or b"", data.dpi)
        more: list[tuple[bytes, bytes]] = []
        if exif:
            more.append((_EXIF, bytes(_NUMBER) + exif.removeprefix(b"Exif\0\0")))
        if data.xmp:
            more.append((_XMP, data.xmp))
        if len(boxes) == 1 and not more:
            file.write(boxes[0][1])
            return
        if len(boxes) == 1:
            boxes = [(b"JXL ", _SIGNATURE[8:]), (b"ftyp", _KIND), *boxes]
        file.writelines(isobmff.boxed(kind, content) for kind, content in [*boxes, *more])


def _distance(quality: int) -> float:
    """How far levels may be off, in units of what is just visible, as libjxl counts qualities."""
    if quality >= 30:
        return 0.1 + (100 - quality) * 0.09
    return 53 / 3000 * quality**2 - 23 / 20 * quality + 25


def _boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    """Kind and content of a file's boxes; of a file without any, one box that holds it all."""
    if not data.startswith(_SIGNATURE):
        return [(_WHOLE, data)]
    return [(box.kind, data[box.start : box.end]) for box in isobmff.boxes(data)]


def _unpacked(boxes: list[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    """Boxes, the first of a kind last, those unpacked that hold another one."""
    for kind, content in reversed(boxes):
        if kind != _PACKED:
            yield kind, content
            continue
        try:
            yield content[:4], bytes(imagecodecs.brotli_decode(content[4:], out=_LONGEST_BLOCK))
        except RuntimeError:
            continue


def _refused(said: Picture) -> str | None:
    """What a file holds that is not read."""
    if said.floating:
        return "floating-point pixels"
    if said.bits > 16:
        return f"{said.bits}-bit pixels"
    if len(said.extras) > 1 or any(extra.kind for extra in said.extras):
        return "channels beside colours and transparency"
    return None


def _decode(
    data: bytes,
    blocks: dict[bytes, bytes],
    said: Picture,
    at_least: int | None,  # noqa: ARG001 - only JPEG shrinks
) -> tuple[Pixels, Pixels | None, Metadata]:
    samples = imagecodecs.jpegxl_decode(data)  # upright
    samples = samples.reshape(*samples.shape[:2], -1)
    if said.bits < 8:
        samples = scaled(samples, 2**said.bits - 1, 255).astype(np.uint8)
    elif 8 < said.bits < 16:
        samples = scaled(samples, 2**said.bits - 1, 65535)
    if any(extra.associated for extra in said.extras):
        samples = unpack.straight(samples)
    described = metadata.of_blocks(blocks.get(_EXIF, b"")[_NUMBER:], blocks.get(_XMP))
    described = replace(
        described,
        depth=said.bits if 8 < said.bits < 16 else None,
        lossless=not said.approximate and _JPEG not in blocks,
        colour=colour.unlike_srgb(*said.cicp) if said.cicp else {},
        lost=described.lost if said.cicp or said.approximate else (*described.lost, _UNTOLD),
    )
    return *unpack.from_samples(samples, 1), described
