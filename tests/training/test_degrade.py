from __future__ import annotations

import numpy as np
import pytest

from aecli.images.metrics import psnr
from aecli.training import degrade
from tests.images.samples import noise


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_noise_has_the_level_asked_for_and_is_clipped() -> None:
    grey = np.full((200, 200), 128, np.uint8)
    assert float(degrade.white_noise(grey, 20, rng()).std()) == pytest.approx(20, rel=0.02)
    black = degrade.white_noise(np.zeros((50, 50), np.uint8), 20, rng())
    assert black.dtype == np.uint8
    assert float((black == 0).mean()) == pytest.approx(0.51, abs=0.04)


def test_jpeg_loses_more_at_lower_quality() -> None:
    picture = noise(64, 64, 3)
    coarse, fine = (psnr(picture, degrade.jpeg(picture, q)) for q in (40, 95))
    assert coarse < fine
    assert degrade.jpeg(picture[..., 0], 90).shape == (64, 64)
