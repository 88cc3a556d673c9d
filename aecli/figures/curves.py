"""The course of a training run: its losses, and below them how it was validated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import PIL.Image
from PIL import ImageDraw, ImageFont

from aecli.figures.axes import Frame, polyline
from aecli.figures.scatter import colours

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aecli.figures.sheet import Picture

    Course = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 900, 640
_LEFT, _RIGHT, _TOP, _BETWEEN, _BOTTOM = 80, 220, 40, 70, 60
_SHARE = 0.62
"""Of the height, what the losses take."""


def curves(
    losses: Mapping[str, Course], held_out: Mapping[str, Course], score: tuple[str, Course]
) -> Picture:
    """The figure.

    Args:
        losses: terms of the training loss, by name: (step, value) each.
        held_out: the same terms on held-out pictures, those that are known: shown as dots.
        score: the figure that chooses the best weights, and its course.
    """
    sheet = PIL.Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw = ImageDraw.Draw(sheet)
    room = HEIGHT - _TOP - _BETWEEN - _BOTTOM
    middle = _TOP + room * _SHARE
    right = WIDTH - _RIGHT
    name, course = score
    every = [point for series in (*losses.values(), *held_out.values()) for point in series]
    last = max((step for step, _ in (*every, *course)), default=1)
    upper = Frame((_LEFT, _TOP, right, middle), (0, last), *_range([v for _, v in every], log=True))
    upper.draw(draw, y_name="loss")
    palette = dict(zip({**losses, **held_out}, colours(len({**losses, **held_out})), strict=True))
    for key, series in losses.items():
        polyline(draw, [upper.place(*point) for point in series], palette[key])
    for key, series in held_out.items():
        for x, y in (upper.place(*point) for point in series):
            draw.ellipse((x - 4, y - 4, x + 4, y + 4), outline=palette[key], width=2)
    lower = Frame(
        (_LEFT, middle + _BETWEEN, right, HEIGHT - _BOTTOM),
        (0, last),
        *_range([v for _, v in course], log=False),
    )
    lower.draw(draw, "step", f"validation: {name}")
    places = [lower.place(*point) for point in course]
    polyline(draw, places, "black")
    for x, y in places:
        draw.ellipse((x - 4, y - 4, x + 4, y + 4), outline="black", width=2)
    font = ImageFont.load_default(16)
    lines = [(key, palette[key], False) for key in losses]
    lines += [(f"{key}, held out", palette[key], True) for key in held_out]
    for number, (text, colour, dot) in enumerate(lines):
        y = _TOP + 14 + 26 * number
        if dot:
            draw.ellipse((right + 20, y - 4, right + 28, y + 4), outline=colour, width=2)
        else:
            draw.line((right + 14, y, right + 34, y), fill=colour, width=3)
        draw.text((right + 42, y), text, fill="black", font=font, anchor="lm")
    return np.asarray(sheet)


def _range(values: Sequence[float], *, log: bool) -> tuple[tuple[float, float], bool]:
    """The values at the bottom and at the top, and whether y is to grow by factors."""
    finite = [value for value in values if np.isfinite(value)]
    positive = [value for value in finite if value > 0]
    if log and positive:
        low, high = max(min(positive), max(positive) / 1e4), max(positive)
        return (low / 1.1, high * 1.1), True
    if not finite:
        return (0.0, 1.0), False
    low, high = min(finite), max(finite)
    margin = 0.05 * (high - low) or 0.5
    return (low - margin, high + margin), False
