"""Halftones: photographs as they are printed, in dots or lines, with one ink or with four."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as Pillow

from aecli.training.degradations.graphics import parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

_ANGLES = np.radians([15, 75, 0, 45])
"""The usual ones of cyan, magenta, yellow and black."""


def halftone(rng: np.random.Generator, photos: Sequence[Picture]) -> Picture:
    """One ink on paper."""
    shape = parts.size(rng)
    photo = Pillow.fromarray(parts.surface(rng, photos, shape)).convert("L")
    angle = rng.choice([0, np.pi / 4, rng.uniform(0, np.pi)])
    screen = _screen(shape, rng.uniform(2.5, 10), angle, dots=bool(rng.random() < 0.7))
    ink = _printed(1 - np.asarray(photo, np.float32) / 255, screen, _edge(rng))
    colours = parts.contrasting(rng)
    return parts.paint(ink, *colours)


def process(rng: np.random.Generator, photos: Sequence[Picture]) -> Picture:
    """Cyan, magenta, yellow and black, each with its own angle."""
    shape = parts.size(rng)
    rgb = parts.surface(rng, photos, shape).astype(np.float32) / 255
    black = 1 - rgb.max(axis=2)
    inks = [*np.moveaxis(1 - rgb - black[..., None], 2, 0), black]
    period, edge, turn = rng.uniform(3, 9), _edge(rng), rng.uniform(0, np.pi / 2)
    light = np.ones((*shape, 3), np.float32)
    for channel, (ink, angle) in enumerate(zip(inks, _ANGLES + turn, strict=True)):
        left = 1 - _printed(ink, _screen(shape, period, angle, dots=True), edge)
        if channel < 3:
            light[..., channel] *= left
        else:
            light *= left[..., None]
    return np.rint(255 * light).astype(np.uint8)


def _edge(rng: np.random.Generator) -> float:
    """How sharply dots end: hard, or softened over some tones."""
    return float(rng.choice([1e6, 12, 5]))


def _screen(shape: tuple[int, int], period: float, angle: float, *, dots: bool) -> Any:
    """Thresholds in [0, 1] of a screen of dots or of lines, HxW."""
    y, x = parts.grid(shape)
    u = (x * np.cos(angle) + y * np.sin(angle)) * (2 * np.pi / period)
    if not dots:
        return 0.5 + 0.5 * np.cos(u)
    v = (y * np.cos(angle) - x * np.sin(angle)) * (2 * np.pi / period)
    return 0.5 + 0.25 * (np.cos(u) + np.cos(v))


def _printed(tone: Any, screen: Any, edge: float) -> Any:
    """Where ink is, 0 to 1, for tones of 0, none, to 1, full."""
    return np.clip((tone - screen) * np.float32(edge) + 0.5, 0, 1)
