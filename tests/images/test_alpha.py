from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aecli.images.alpha import bleed


def scene(
    height: int, width: int, seed: int, channels: tuple[int, ...] = (3,)
) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (height, width, *channels), np.uint8)
    alpha = (255 * (rng.random((height, width)) < rng.random())).astype(np.uint8)
    return pixels, alpha


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 999), st.sampled_from([(), (3,)]))
def test_hidden_pixels_get_the_colour_of_a_nearest_visible_one(
    height: int, width: int, seed: int, channels: tuple[int, ...]
) -> None:
    pixels, alpha = scene(height, width, seed, channels)
    result = bleed(pixels, alpha, reach=99)
    visible = np.argwhere(alpha > 0)
    assert np.array_equal(result[alpha > 0], pixels[alpha > 0])
    if len(visible) == 0:
        assert result is pixels
        return
    for row, column in np.argwhere(alpha == 0):
        distance = np.abs(visible - (row, column)).sum(1)
        nearest = visible[distance == distance.min()]
        assert any(np.array_equal(result[row, column], pixels[y, x]) for y, x in nearest)


def test_colours_bleed_no_further_than_told() -> None:
    pixels = np.zeros((5, 9), np.uint16)
    pixels[2, 4] = 1000
    alpha = pixels.copy()
    result = bleed(pixels, alpha, reach=2)
    rows, columns = np.mgrid[:5, :9]
    near = np.abs(rows - 2) + np.abs(columns - 4) <= 2
    assert np.array_equal(result, np.where(near, 1000, 0))


@pytest.mark.parametrize("value", [0, 1, 255])
def test_constant_alpha_changes_nothing(value: int) -> None:
    pixels, alpha = scene(6, 7, 0)
    assert bleed(pixels, np.full_like(alpha, value), reach=9) is pixels
