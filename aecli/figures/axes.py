"""Axes of figures: round ticks, and where values lie between the edges of a box."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Sequence

GREY, LINE = (110, 110, 110), (225, 225, 225)
_TEXT = 15


def ticks(low: float, high: float, count: int = 6) -> list[float]:
    """About so many round numbers (1, 2 or 5 times a power of ten apart) between two."""
    if not high > low:
        return [low]
    step = 10 ** math.floor(math.log10((high - low) / count))
    step *= next((m for m in (1, 2, 5) if (high - low) / (step * m) <= count), 10)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [k * step for k in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten between two positive numbers; of many the powers alone."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1,) if len(powers) > 4 else (1, 2, 5)
    return [m * 10.0**k for k in powers for m in factors if low <= m * 10.0**k <= high]


@dataclass(frozen=True)
class Frame:
    """A box of a figure, and the values at its edges.

    Attributes:
        box: left, top, right and bottom, pixels.
        x, y: the values at the left and right edge, and at the bottom and the top.
        log: whether y grows by factors.
    """

    box: tuple[float, float, float, float]
    x: tuple[float, float]
    y: tuple[float, float]
    log: bool = False

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Where a value lies, pixels; those beyond the edges lie on them."""
        left, top, right, bottom = self.box
        low, high = (math.log10(v) for v in self.y) if self.log else self.y
        level = math.log10(max(y, self.y[0])) if self.log else y
        across = (x - self.x[0]) / ((self.x[1] - self.x[0]) or 1)
        up = (level - low) / ((high - low) or 1)
        across, up = min(max(across, 0.0), 1.0), min(max(up, 0.0), 1.0)
        return left + across * (right - left), bottom - up * (bottom - top)

    def draw(
        self, on: ImageDraw.ImageDraw, x_name: str = "", y_name: str = "", *, grid: bool = True
    ) -> None:
        """Draw the box, its ticks and numbers, and what is along them; `grid`: lines across."""
        font = ImageFont.load_default(_TEXT)
        left, top, right, bottom = self.box
        for value in ticks(*self.x):
            at, _ = self.place(value, self.y[0])
            on.line((at, top if grid else bottom - 6, at, bottom), LINE if grid else GREY)
            on.text((at, bottom + 6), _number(value), fill=GREY, font=font, anchor="mt")
        for value in log_ticks(*self.y) if self.log else ticks(*self.y):
            _, at = self.place(self.x[0], value)
            on.line((left, at, right if grid else left + 6, at), LINE if grid else GREY)
            on.text((left - 6, at), _number(value), fill=GREY, font=font, anchor="rm")
        on.rectangle(self.box, outline=GREY)
        if x_name:
            on.text((right, bottom + 26), x_name, fill=GREY, font=font, anchor="rt")
        if y_name:
            on.text((left, top - 6), y_name, fill=GREY, font=font, anchor="lb")


def polyline(
    on: ImageDraw.ImageDraw, points: Sequence[tuple[float, float]], colour: object
) -> None:
    """A line through points, pixels; a dot where there is one alone."""
    if len(points) > 1:
        on.line(list(points), fill=colour, width=2, joint="curve")  # type: ignore[arg-type]
    for x, y in points[:1] if len(points) == 1 else ():
        on.ellipse((x - 3, y - 3, x + 3, y + 3), fill=colour)  # type: ignore[arg-type]


def _number(value: float) -> str:
    return f"{value:.6g}".replace("e+0", "e").replace("e-0", "e-")
