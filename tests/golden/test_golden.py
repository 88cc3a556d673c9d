"""Pictures the whole pipeline made, kept to notice when it makes others.

`pytest --update-golden` writes them anew: look at them before committing them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import aecli
from aecli.images import reading, writing
from aecli.images.image import Image

HERE = Path(__file__).parent
HEIGHT, WIDTH = 43, 61

Y, X = np.mgrid[:HEIGHT, :WIDTH] / [[[HEIGHT]], [[WIDTH]]]
DISC = (X - 0.6) ** 2 + (Y - 0.5) ** 2 < 0.09
SCENE = np.stack([0.9 * X, 0.2 + 0.6 * Y, np.where(DISC, 0.85, 0.3)], axis=-1)
"""A gradient with a disc, in [0, 1]."""


def noisy(scene: np.ndarray, dtype: type[np.unsignedinteger[Any]]) -> np.ndarray:
    """The scene under noise of sigma 20, from the raw bits of a generator, which never change."""
    bits = np.random.PCG64(11).random_raw(12 * scene.size).reshape(12, *scene.shape)
    normal = (bits / 2.0**64).sum(0) - 6
    top = np.iinfo(dtype).max
    return np.clip(np.rint((scene + 20 / 255 * normal) * top), 0, top).astype(dtype)


ALPHA = np.clip(np.rint(255 * (1.2 - 2 * np.hypot(X - 0.5, Y - 0.5))), 0, 255).astype(np.uint8)

PICTURES = {
    "colour": Image(noisy(SCENE, np.uint8)),
    "grey": Image(noisy(SCENE.mean(-1), np.uint8)),
    "alpha": Image(noisy(SCENE, np.uint8), alpha=ALPHA),
    "colour16": Image(noisy(SCENE, np.uint16)),
    "grey16": Image(noisy(SCENE.mean(-1), np.uint16)),
    "dot": Image(noisy(SCENE[:1, :1], np.uint8)),
}
CASES: list[tuple[str, str, dict[str, Any]]] = [
    *((name, name, {"tile": "off"}) for name in PICTURES),
    ("colour", "colour", {"tile": 16}),  # tiles never change the result
    ("colour-told", "colour", {"sigma": 20, "strength": 1.2}),
]
"""Name of the golden file, the picture it was denoised from, and how."""

SCALES = [("colour", 2.0), ("alpha", 3.0), ("grey16", 2.5), ("colour", 4.0)]
"""Corners of the pictures that are enlarged, and how many times."""


@pytest.mark.parametrize(("golden", "name", "options"), CASES)
def test_the_pipeline_makes_the_same_picture(
    golden: str,
    name: str,
    options: dict[str, Any],
    tiny_denoiser: Path,
    request: pytest.FixtureRequest,
) -> None:
    picture = PICTURES[name]
    made = aecli.denoise(picture, model="tiny", device="cpu", precision="fp32", **options)
    assert made.pixels.dtype == picture.pixels.dtype
    assert not np.array_equal(made.pixels, picture.pixels)
    update = request.config.getoption("--update-golden") and options.get("tile") != 16
    compare(HERE / f"{golden}.png", made, update=update)


@pytest.mark.parametrize(("name", "scale"), SCALES)
def test_the_pipeline_makes_the_same_enlargement(
    name: str, scale: float, tiny_upscaler: Path, request: pytest.FixtureRequest
) -> None:
    picture = PICTURES[name]
    alpha = None if picture.alpha is None else picture.alpha[15:30, 8:24].copy()
    corner = picture.with_pixels(picture.pixels[15:30, 8:24].copy(), alpha)
    made = aecli.upscale(corner, scale=scale, model="tiny", device="cpu", precision="fp32")
    assert (made.height, made.width) == (int(15 * scale + 0.5), 16 * scale)
    update = request.config.getoption("--update-golden")
    compare(HERE / f"{name}-x{scale:g}.png", made, update=update)


def compare(path: Path, made: Image, *, update: bool) -> None:
    """Hold a picture against the kept one, within a level of 255."""
    if update:
        with path.open("wb") as file:
            writing.write(made, file, "PNG")
    kept = reading.decode(path)
    assert kept.pixels.dtype == made.pixels.dtype
    assert kept.pixels.shape == made.pixels.shape
    tolerance = 1 if made.pixels.dtype == np.uint8 else 64
    assert np.abs(kept.pixels.astype(int) - made.pixels.astype(int)).max() <= tolerance
    assert (kept.alpha is None) == (made.alpha is None)
    assert kept.alpha is None or np.array_equal(kept.alpha, made.alpha)


def test_every_picture_is_small_and_in_use() -> None:
    used = {f"{golden}.png" for golden, _, _ in CASES}
    used |= {f"{name}-x{scale:g}.png" for name, scale in SCALES}
    kept = list(HERE.glob("*.png"))
    assert {path.name for path in kept} == used
    for path in kept:
        header = reading.probe(path)
        assert max(header.width, header.height) <= 64
