"""One picture, wherever it lies: in a file of its own, or among others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from aecli.errors import InputError
from aecli.files.inputs import SEPARATOR, STDIN
from aecli.images import reading
from aecli.images.image import Image
from aecli.images.levels import from_unit

if TYPE_CHECKING:
    from collections.abc import Hashable
    from pathlib import Path

    from numpy.typing import NDArray

    from aecli.files.inputs import Source

_SLACK = 1e-3
"""How far floats may lie outside [0, 1]: what arithmetic in half precision leaves."""


@dataclass(frozen=True)
class Item(ABC):
    """One picture; equal items are the same one.

    Attributes:
        path: its file, FILE::PLACE where that holds many, or `-` for standard input.
        label: the class it belongs to; empty where there is none.
        key: what tells it from others, by whatever path it was reached.
    """

    path: str = field(compare=False)
    label: str = field(compare=False)
    key: Hashable = field(repr=False)

    @property
    def name(self) -> str:
        """What messages call it."""
        return "standard input" if self.path == STDIN else self.path

    @abstractmethod
    def read(self) -> bytes:
        """What `decode` goes by: the bytes of an image file, or those of pixels.

        Raises:
            InputError: it cannot be read.
        """

    @abstractmethod
    def decode(
        self, content: bytes, *, at_least: int | None = None, max_pixels: int = reading.MAX_PIXELS
    ) -> Image:
        """The picture of what `read` has given; options as of `aecli.images.reading.decode`.

        Raises:
            InputError: it is damaged, or too large.
        """

    @abstractmethod
    def size(self) -> tuple[int, int]:
        """Height and width in pixels, told without decoding.

        Raises:
            InputError: it cannot be read, or is damaged.
        """

    def image(self, *, at_least: int | None = None, max_pixels: int = reading.MAX_PIXELS) -> Image:
        """`read`, then `decode`."""
        return self.decode(self.read(), at_least=at_least, max_pixels=max_pixels)


class EncodedItem(Item):
    """A picture in the bytes of an image file, wherever these come from."""

    def decode(
        self, content: bytes, *, at_least: int | None = None, max_pixels: int = reading.MAX_PIXELS
    ) -> Image:
        """As `Item` says."""
        return reading.decode(content, name=self.name, at_least=at_least, max_pixels=max_pixels)

    def size(self) -> tuple[int, int]:
        """As `Item` says."""
        header = reading.probe(self.read(), name=self.name)
        return header.height, header.width


@dataclass(frozen=True)
class FileItem(EncodedItem):
    """An image file, or standard input.

    Attributes:
        source: the file.
    """

    source: Source = field(compare=False, repr=False)

    def read(self) -> bytes:
        """As `Item` says."""
        return self.source.read()

    def size(self) -> tuple[int, int]:
        """As `Item` says."""
        if self.source.path is None or self.source.once:
            return super().size()
        header = reading.probe(self.source.path)
        return header.height, header.width


@dataclass(frozen=True)
class ArrayItem(Item):
    """A picture in an array.

    Attributes:
        pixels: HxW, or HxWxC with C of 1 (grey), 3 (RGB) or 4 (RGB and alpha); uint8, or floats in
            [0, 1].
    """

    pixels: NDArray[Any] = field(compare=False, repr=False)

    def read(self) -> bytes:
        """As `Item` says."""
        pixels = self.pixels
        if pixels.dtype != np.uint8:
            values = pixels.astype(np.float32)
            if not (values.min() >= -_SLACK and values.max() <= 1 + _SLACK):  # of NaN neither holds
                raise InputError(
                    f"{self.name}: has values outside [0, 1]",
                    "floats are shares of white; 0 to 255 are for uint8",
                )
            pixels = from_unit(values)
        return pixels.tobytes()

    def decode(
        self,
        content: bytes,
        *,
        at_least: int | None = None,  # noqa: ARG002 - small as they are
        max_pixels: int = reading.MAX_PIXELS,
    ) -> Image:
        """As `Item` says."""
        height, width = self.size()
        reading.refuse_larger(self.name, width, height, max_pixels)
        pixels: NDArray[np.uint8] = np.frombuffer(content, np.uint8).reshape(self.pixels.shape)
        if pixels.ndim == 2 or pixels.shape[2] == 3:
            return Image(pixels)
        if pixels.shape[2] == 1:
            return Image(pixels[..., 0])
        return Image(np.ascontiguousarray(pixels[..., :3]), pixels[..., 3].copy())

    def size(self) -> tuple[int, int]:
        """As `Item` says."""
        height, width = self.pixels.shape[:2]
        return height, width


def in_array(
    path: Path, pixels: NDArray[Any], labels: NDArray[Any] | None = None
) -> dict[str, Item]:
    """The pictures of an array by their numbers.

    Args:
        path: the array's file.
        pixels: (N, H, W[, C]), as `ArrayItem` has each.
        labels: one of each, (N,); None without.
    """
    file = path.resolve()
    items: dict[str, Item] = {}
    for number, picture in enumerate(pixels):
        label = "" if labels is None else str(labels[number])
        items[str(number)] = ArrayItem(f"{path}{SEPARATOR}{number}", label, (file, number), picture)
    return items
