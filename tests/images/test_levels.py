from __future__ import annotations

import numpy as np
import pytest

from aecli.images.levels import luma, to_8_bits, to_16_bits
from aecli.images.metrics import luma as studio_luma

from .samples import noise


def test_every_level_of_16_bits_becomes_the_nearest_of_8() -> None:
    levels = np.arange(1 << 16, dtype=np.uint16).reshape(256, 256)
    expected = np.rint(levels.astype(np.float64) / 257)
    assert np.array_equal(to_8_bits(levels), expected)
    assert to_8_bits(levels).dtype == np.uint8


def test_8_bits_survive_16() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(to_8_bits(to_16_bits(levels)), levels)
    assert to_16_bits(levels).max() == 65535
    assert to_8_bits(levels) is levels or np.shares_memory(to_8_bits(levels), levels)


def test_luma_of_grey_is_grey() -> None:
    grey = noise(5, 6)
    colour = np.repeat(grey[..., None], 3, axis=2)
    assert luma(grey) is grey
    assert luma(colour) == pytest.approx(grey, abs=1e-4)
    assert studio_luma(colour) == pytest.approx(16 + grey * (219 / 255), abs=1e-4)


def test_the_luma_that_upscaling_is_scored_on() -> None:
    colour = noise(5, 6, 3)
    expected = 16 + colour @ np.array([65.481, 128.553, 24.966]) / 255
    assert studio_luma(colour) == pytest.approx(expected, abs=1e-4)
