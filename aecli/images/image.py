"""Image: the value that carries a picture's pixels and everything its file says about them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping

Pixels = NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True)
class Metadata:
    """What a file says beside its pixels; kept from input to output unless the user strips it."""

    icc: bytes | None = None
    """ICC profile, as stored."""
    exif: bytes | None = None
    """EXIF block as `PIL.Image.Exif.tobytes()` gives it; orientation already applied and reset."""
    xmp: bytes | None = None
    """XMP packet, as stored."""
    dpi: tuple[float, float] | None = None
    """Horizontal and vertical resolution in dots per inch."""
    aspect: tuple[float, float] | None = None
    """Horizontal and vertical density of pixels where the file names no unit, and no dpi."""
    iptc: bytes | None = None
    """IPTC records (IIM), as stored."""
    colour: Mapping[bytes, bytes] = field(default_factory=dict)
    """PNG chunks that say what the colours mean where there is no profile: gAMA, cHRM, cICP."""
    depth: int | None = None
    """Bits a sample in the file, where these are more than 8 and fewer than the array's 16."""
    lossless: bool = False
    """Whether the file keeps every level although its format need not (WebP, AVIF)."""
    lost: tuple[str, ...] = ()
    """One line for each thing that the file holds beside its picture, and no result will."""
    text: Mapping[str, str] = field(default_factory=dict)
    """PNG text chunks; `Comment` is that of JPEG and GIF files, too."""


@dataclass(frozen=True, eq=False)
class Image:
    """A still picture in memory.

    `pixels` is HxW (grey) or HxWx3 (RGB), uint8 or uint16, C-contiguous, sRGB-encoded as stored,
    upright.
    `alpha` is None or HxW of the same dtype, straight (not premultiplied).
    """

    pixels: Pixels
    alpha: Pixels | None = None
    metadata: Metadata = field(default_factory=Metadata)
    format: str | None = None
    """Pillow's name of the format it was decoded from (`PNG`, ...), None if made in memory."""

    def __post_init__(self) -> None:
        p = self.pixels
        if p.dtype not in (np.uint8, np.uint16):
            raise TypeError(f"pixels must be uint8 or uint16, not {p.dtype}")
        if not (p.ndim == 2 or (p.ndim == 3 and p.shape[2] == 3)) or 0 in p.shape:
            raise ValueError(f"pixels must be HxW or HxWx3 and not empty, not {p.shape}")
        a = self.alpha
        if a is not None and (a.shape != p.shape[:2] or a.dtype != p.dtype):
            raise ValueError(f"alpha must be {p.shape[:2]} {p.dtype}, not {a.shape} {a.dtype}")

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.pixels.shape[1])

    @property
    def grey(self) -> bool:
        """Whether there is one channel only."""
        return self.pixels.ndim == 2

    @property
    def peak(self) -> int:
        """The value of white: 255 or 65535."""
        return 255 if self.pixels.dtype == np.uint8 else 65535

    def with_pixels(self, pixels: Pixels, alpha: Pixels | None = None) -> Image:
        """The same picture with other pixels and alpha; metadata and format stay."""
        return replace(self, pixels=pixels, alpha=alpha)
