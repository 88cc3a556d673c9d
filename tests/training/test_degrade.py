from __future__ import annotations

import numpy as np
import pytest

from aecli.images.metrics import psnr
from aecli.training import degrade
from tests.images.samples import noise


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def smooth(height: int, width: int) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    waves = [128 + 90 * np.sin(rows / a + columns / b) for a, b in ((9, 14), (17, 7), (11, 30))]
    return np.stack(waves, -1).astype(np.uint8)


def test_noise_has_the_level_asked_for_and_is_clipped() -> None:
    grey = np.full((200, 200), 128, np.uint8)
    assert float(degrade.white_noise(grey, 20, rng()).std()) == pytest.approx(20, rel=0.02)
    black = degrade.white_noise(np.zeros((50, 50), np.uint8), 20, rng())
    assert black.dtype == np.uint8
    assert float((black == 0).mean()) == pytest.approx(0.51, abs=0.04)


def test_shrinking_keeps_flat_colours() -> None:
    flat = np.full((24, 36, 3), (3, 77, 255), np.uint8)
    for scale in (2, 3, 4):
        assert (degrade.shrink(flat, scale) == (3, 77, 255)).all()
        assert degrade.shrink(flat, scale).shape == (24 // scale, 36 // scale, 3)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("grey", [False, True])
def test_found_photos_are_small_and_like_the_shrunk_picture(scale: int, grey: bool) -> None:
    clean = smooth(120, 96)[..., 0] if grey else smooth(120, 96)
    ideal = degrade.shrink(np.ascontiguousarray(clean), scale)
    scores = [psnr(ideal, degrade.found_photo(clean, scale, rng(i))) for i in range(20)]
    assert min(scores) > 22
    assert max(scores) - min(scores) > 6, "they should be of very different quality"


def test_found_photos_repeat_with_the_generator() -> None:
    clean = smooth(48, 48)
    first, again, other = (degrade.found_photo(clean, 2, rng(i)) for i in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()
    assert first.flags.writeable


def test_jpeg_loses_more_at_lower_quality() -> None:
    picture = noise(64, 64, 3)
    coarse, fine = (psnr(picture, degrade.jpeg(picture, q)) for q in (40, 95))
    assert coarse < fine
    assert degrade.jpeg(picture[..., 0], 90).shape == (64, 64)
