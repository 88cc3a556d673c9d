"""How large a picture is to become: what the user asks for, and what that means in pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

from aecli.errors import UsageError

LARGEST = 8.0
"""The largest factor along an axis."""

TAGS = r"x\d+(\.\d+)?|\d+x\d+|[wh]\d+"
"""A regular expression of what all sizings call their results."""


@dataclass(frozen=True)
class Sizing:
    """A wish for a size; exactly one of the four is given.

    Attributes:
        scale: factor along both axes, 1 to `LARGEST`.
        size: width and height in pixels.
        width: width in pixels; the height follows.
        height: height in pixels; the width follows.

    Raises:
        UsageError: none or several are given, or an impossible one.
    """

    scale: float | None = None
    size: tuple[int, int] | None = None
    width: int | None = None
    height: int | None = None

    def __post_init__(self) -> None:
        given = [self.scale, self.size, self.width, self.height]
        if given.count(None) != 3:
            both = self.width is not None and self.height is not None
            hint = f"the size {self.width}x{self.height} is both" if both else None
            raise UsageError("choose one of scale, size, width and height", hint)
        if self.scale is not None and not 1 <= self.scale <= LARGEST:
            raise UsageError(f"a scale goes from 1 to {LARGEST:g}, it cannot be {self.scale:g}")
        pixels = self.size or (self.width or self.height or 1,)
        if min(pixels) < 1 or 0 in given:
            raise UsageError("a picture has at least one pixel along each side")

    @property
    def label(self) -> str:
        """The wish in a word: `2.5`, `800x600`, `w800` or `h600`."""
        if self.scale is not None:
            return f"{self.scale:.10g}"
        if self.size is not None:
            return f"{self.size[0]}x{self.size[1]}"
        return f"w{self.width}" if self.width is not None else f"h{self.height}"

    @property
    def tag(self) -> str:
        """What results are called: the label, a scale with an x before it."""
        return self.label if self.scale is None else f"x{self.label}"

    def of(self, width: int, height: int) -> tuple[int, int]:
        """The width and height that a picture of so many pixels gets, rounded half up.

        Raises:
            UsageError: it would shrink, or grow more than `LARGEST` times.
        """
        if self.scale is not None:
            return math.floor(self.scale * width + 0.5), math.floor(self.scale * height + 0.5)
        if self.size is not None:
            result = self.size
        elif self.width is not None:
            result = self.width, max((2 * self.width * height + width) // (2 * width), 1)
        else:
            assert self.height is not None
            result = max((2 * self.height * width + height) // (2 * height), 1), self.height
        change = f"{width}x{height} pixels to {result[0]}x{result[1]}"
        if result[0] < width or result[1] < height:
            raise UsageError(
                f"{change} would shrink it", "ask for more pixels: pictures are only enlarged here"
            )
        if result[0] > LARGEST * width or result[1] > LARGEST * height:
            most = f"{LARGEST * width:.0f}x{LARGEST * height:.0f}"
            raise UsageError(
                f"{change} is more than {LARGEST:g} times as large", f"ask for at most {most}"
            )
        return result
