"""WebP files, which keep every level or do not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO

from PIL import WebPImagePlugin

from aecli.images import pillow
from aecli.images.header import Opened

if TYPE_CHECKING:
    from aecli.images.image import Metadata, Pixels

_FIRST_CHUNK = 12
_LOSSLESS, _LOSSY = b"VP8L", b"VP8 "


class Codec(pillow.Codec):
    """As Pillow's; what was stored without loss is stored so again."""

    def __init__(self) -> None:
        super().__init__("WEBP", WebPImagePlugin, _options)

    def open(self, file: BinaryIO) -> Opened:
        """As Pillow's."""
        lossless = _lossless(file)
        opened = super().open(file)

        def decode(at_least: int | None) -> tuple[Pixels, Pixels | None, Metadata]:
            pixels, alpha, data = opened.decode(at_least)
            return pixels, alpha, replace(data, lossless=lossless)

        return Opened(opened.header, decode)


def _options(data: Metadata, quality: int) -> dict[str, Any]:
    return {"quality": quality, "lossless": quality == 100 or data.lossless, "exact": True}


def _lossless(file: BinaryIO) -> bool:
    """Whether the first picture of a file is stored without loss."""
    at = _FIRST_CHUNK
    while True:
        file.seek(at)
        head = file.read(8)
        if len(head) < 8 or head[:4] in (_LOSSLESS, _LOSSY):
            return head[:4] == _LOSSLESS
        size = int.from_bytes(head[4:], "little")
        at += 8 + size + size % 2
