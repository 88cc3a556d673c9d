"""Text, line art, charts and windows, with smooth edges or without."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from aecli.training.degradations.graphics import parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

_LETTERS = "etaoinshrdlucmfwypvbgkjqxzETAOINSHRDLU0123456789"
_MARKS = ".,;:!?-()/%&+=*#@'"

FINER = 3
"""Letters that are slanted or turned are drawn so many times as large, and shrunk."""


def text(rng: np.random.Generator, photos: Sequence[Picture]) -> Picture:
    """Lines of words of several sizes, on paper or on a picture."""
    shape = parts.size(rng)
    paper, ink = parts.contrasting(rng)
    sheet = Pillow.new("RGB", shape[::-1], paper)
    if rng.random() < 0.2:
        sheet = Pillow.fromarray(parts.surface(rng, photos, shape))
    draw = _pen(rng, sheet)
    y = int(rng.integers(0, 12))
    while y < shape[0]:
        size = int(rng.choice([8, 9, 10, 11, 12, 13, 14, 16, 18, 24, 32, 48, 72]))
        shade = ink if rng.random() < 0.8 else parts.colour(rng)
        for _ in range(int(rng.integers(1, 2 + 64 // size))):
            _write(
                draw, (int(rng.integers(0, 24)), y), words(rng, 3 * shape[1] // size), size, shade
            )
            y += round(1.25 * size)
        y += int(rng.integers(0, 10))
    return np.asarray(sheet)


def lettering(rng: np.random.Generator, _photos: Sequence[Picture]) -> Picture:
    """A few large words, bolder, narrower, slanted or turned: one font stands for many."""
    height, width = parts.size(rng)
    paper, ink = parts.contrasting(rng)
    sheet = Pillow.new("RGB", (width, height), paper)
    y = 0
    while y < height:
        size = int(rng.integers(14, 110))
        shade = ink if rng.random() < 0.7 else parts.colour(rng)
        line = words(rng, 3 * width // size + 2)
        sheet.paste(shade, (0, y - size // 2), _mask(rng, line, size, width))
        y += round(1.2 * size)
    return np.asarray(sheet)


def lines(rng: np.random.Generator, _photos: Sequence[Picture]) -> Picture:
    """Line art: strokes, circles, boxes and curves."""
    shape = parts.size(rng)
    paper, ink = parts.contrasting(rng)
    fine = 3 if rng.random() < 0.6 else 1
    sheet = Pillow.new("RGB", (shape[1] * fine, shape[0] * fine), paper)
    draw = _pen(rng, sheet)
    for _ in range(int(rng.integers(10, 70))):
        shade = ink if rng.random() < 0.7 else parts.colour(rng)
        _stroke(rng, draw, sheet.size, shade, fine * int(rng.choice([1, 1, 1, 2, 3, 5])))
    return np.asarray(sheet.resize(shape[::-1], Pillow.Resampling.BOX) if fine > 1 else sheet)


def _blank(
    rng: np.random.Generator,
) -> tuple[Pillow.Image, ImageDraw.ImageDraw, parts.Colour, parts.Colour]:
    """An empty sheet, a pen for it, and the colours of its paper and of ink on that."""
    height, width = parts.size(rng)
    paper, ink = parts.contrasting(rng)
    sheet = Pillow.new("RGB", (width, height), paper)
    return sheet, _pen(rng, sheet), paper, ink


def chart(rng: np.random.Generator, _photos: Sequence[Picture]) -> Picture:
    """A diagram: axes, a grid, bars or curves, labels."""
    sheet, draw, paper, ink = _blank(rng)
    width, height = sheet.size
    left, bottom, right, top = 34, height - 26, width - 10, 24
    faint = tuple((3 * p + i) // 4 for p, i in zip(paper, ink, strict=True))
    for k in range(int(rng.integers(3, 9))):
        y = bottom - k * (bottom - top) // 8
        draw.line([(left, y), (right, y)], fill=faint)
        _write(draw, (4, y - 6), str(int(rng.integers(10)) + 10 * k), 10, ink)
    count = int(rng.integers(3, 25))
    x = np.linspace(left, right, count + 1)
    for _ in range(int(rng.integers(1, 4))):
        shade = parts.colour(rng)
        tops = bottom - rng.random(count) * (bottom - top)
        if rng.random() < 0.5:
            for k in range(count):
                box = (x[k] + 2, tops[k], max(x[k + 1] - 2, x[k] + 2), bottom)
                draw.rectangle([round(v) for v in box], fill=shade)
        else:
            points = list(zip(x[:-1].tolist(), tops.tolist(), strict=True))
            draw.line(points, fill=shade, width=int(rng.integers(1, 4)))
    draw.line(
        [(left, top), (left, bottom), (right, bottom)], fill=ink, width=int(rng.integers(1, 3))
    )
    _write(draw, (left, 4), words(rng, 24), int(rng.integers(11, 18)), ink)
    for k in range(0, count, 4):
        _write(draw, (int(x[k]), bottom + 6), str(k), 10, ink)
    return np.asarray(sheet)


def window(rng: np.random.Generator, photos: Sequence[Picture]) -> Picture:
    """What screens show: a bar, a column, boxes with text, buttons, a picture."""
    sheet, draw, paper, ink = _blank(rng)
    width, height = sheet.size
    bar, column = int(rng.integers(18, 40)), int(rng.integers(50, 120))
    draw.rectangle((0, 0, width, bar), fill=parts.colour(rng))
    draw.rectangle((0, bar, column, height), fill=_near(rng, paper))
    _write(draw, (8, bar // 2 - 7), words(rng, 20), 12, parts.colour(rng))
    for y in range(bar + 8, height, int(rng.integers(15, 26))):
        _write(draw, (8, y), words(rng, column // 8), 11, ink)
    y = bar + 10
    while y < height - 20:
        tall = int(rng.integers(24, 90))
        box = (column + 10, y, width - 10, y + tall)
        kind = rng.integers(4)
        if kind == 0:
            inner = (max(tall, 1), max(width - column - 20, 1))
            photo = Pillow.fromarray(parts.surface(rng, photos, inner))
            sheet.paste(photo, box[:2])
        elif kind == 1:
            draw.rounded_rectangle(box, int(rng.integers(0, 10)), _near(rng, paper), ink)
            _write(draw, (column + 18, y + 6), words(rng, 18), 12, ink)
        else:
            for row in range(y, y + tall, 15):
                _write(draw, (column + 10, row), words(rng, (width - column) // 7), 11, ink)
        y += tall + int(rng.integers(4, 16))
    return np.asarray(sheet)


def words(rng: np.random.Generator, length: int) -> str:
    """About so many letters in words of chance."""
    out = ""
    while len(out) < length:
        letters = _LETTERS[:26] if rng.random() < 0.7 else _LETTERS
        out += "".join(rng.choice(list(letters), int(rng.integers(1, 10))))
        out += rng.choice(list(_MARKS)) + " " if rng.random() < 0.2 else " "
    return out[:length]


@functools.cache
def _font(size: int) -> Any:
    return ImageFont.load_default(size)


def _write(
    draw: ImageDraw.ImageDraw, place: tuple[int, int], line: str, size: int, shade: parts.Colour
) -> None:
    draw.text(place, line, fill=shade, font=_font(size))


def _mask(rng: np.random.Generator, line: str, size: int, width: int) -> Pillow.Image:
    """A line of letters in white on black, two sizes high, its form changed by chance."""
    sheet = Pillow.new("L", (FINER * width, FINER * 2 * size))
    bolder = 0.0 if rng.random() < 0.4 else float(rng.integers(1, 2 + size // 12))
    ImageDraw.Draw(sheet).text(
        (FINER * int(rng.integers(0, 40)), FINER * size // 2),
        line,
        fill=255,
        font=_font(FINER * size),
        stroke_width=round(FINER * bolder / 2),
    )
    narrow, slant = rng.uniform(0.7, 1.5), rng.uniform(-0.45, 0.45) * (rng.random() < 0.5)
    turn = rng.uniform(-0.15, 0.15) * (rng.random() < 0.3)
    matrix = (narrow, slant, 0, turn, 1, 0)
    changed = sheet.transform(
        sheet.size, Pillow.Transform.AFFINE, matrix, Pillow.Resampling.BICUBIC
    )
    return changed.resize((width, 2 * size), Pillow.Resampling.BOX)


def _pen(rng: np.random.Generator, sheet: Pillow.Image) -> ImageDraw.ImageDraw:
    """For a picture whose letters have smooth edges, or, now and then, hard ones."""
    draw = ImageDraw.Draw(sheet)
    draw.fontmode = "L" if rng.random() < 0.75 else "1"
    return draw


def _near(rng: np.random.Generator, shade: parts.Colour) -> parts.Colour:
    """A colour hardly lighter or darker."""
    shift = int(rng.integers(5, 25))
    r, g, b = (v - shift if v > 127 else v + shift for v in shade)
    return (r, g, b)


def _stroke(
    rng: np.random.Generator,
    draw: ImageDraw.ImageDraw,
    size: tuple[int, int],
    shade: parts.Colour,
    width: int,
) -> None:
    a, b = (rng.random(2) * size for _ in range(2))
    low, high = np.minimum(a, b), np.maximum(a, b)
    box = (*low.tolist(), *high.tolist())
    fill = shade if rng.random() < 0.15 else None
    kind = rng.integers(4)
    if kind == 0:
        draw.line([tuple(a), tuple(b)], fill=shade, width=width)
    elif kind == 1:
        draw.ellipse(box, fill=fill, outline=shade, width=width)
    elif kind == 2:
        draw.rectangle(box, fill=fill, outline=shade, width=width)
    else:
        t = np.linspace(0, 1, 40)[:, None]
        c, d = (rng.random(2) * size for _ in range(2))
        curve = a * (1 - t) ** 3 + 3 * c * t * (1 - t) ** 2 + 3 * d * t * t * (1 - t) + b * t**3
        draw.line([tuple(p) for p in curve.tolist()], fill=shade, width=width, joint="curve")
