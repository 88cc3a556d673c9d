from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aecli.images import consistency, reading
from aecli.images.consistency import project
from aecli.images.resample import resample

from ..conftest import SHARED
from .samples import noise

FACTORS = [2, 2.5, 3, 4]
PHOTOS = [
    *sorted((SHARED / "data/photos/val").glob("*"))[1:4],
    *sorted((SHARED / "data/bench/Set5").glob("*"))[1:3],
]


def agreement(large: np.ndarray, small: np.ndarray) -> tuple[float, float, float]:
    """Of a picture shrunk: mean difference, largest mean signed one of a channel, percentile."""
    level = np.iinfo(small.dtype).max / 255
    d = (resample(large, *small.shape[:2]).astype(float) - small) / level
    signed = np.abs(d.reshape(-1, *small.shape[2:]).mean(0)).max()
    return float(np.abs(d).mean()), float(signed), float(np.percentile(np.abs(d), 99.9))


def assert_agree(large: np.ndarray, small: np.ndarray) -> None:
    mean, signed, percentile = agreement(large, small)
    assert mean <= 0.35
    assert signed <= 0.05
    assert percentile <= 2


def enlarged(small: np.ndarray, factor: float, seed: int = 0) -> np.ndarray:
    """What a model may make: the bicubic, brighter, with waves and noise."""
    height, width = (int(factor * n + 0.5) for n in small.shape[:2])
    level = np.iinfo(small.dtype).max / 255
    noisy = np.random.default_rng(seed).normal(2, 4, (height, width, *small.shape[2:]))
    waves = 3 * np.sin(np.arange(width) / 5).reshape(width, *[1] * (small.ndim - 2))
    made = resample(small, height, width) + level * (noisy + waves)
    return np.clip(made, 0, 255 * level).astype(small.dtype)


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("value", [0, 1, 100, 254, 255])
def test_flat_colours(value: int, factor: float) -> None:
    small = np.full((40, 50, 3), value, np.uint8)
    exact = resample(small, int(40 * factor), int(50 * factor))
    assert np.array_equal(project(exact.copy(), small), exact)
    assert_agree(project(enlarged(small, factor), small), small)


@pytest.mark.parametrize("factor", FACTORS)
def test_noise(factor: float) -> None:
    normal = np.random.default_rng(0).normal(128, 25, (90, 80, 3)).clip(0, 255).astype(np.uint8)
    shrunk = resample(noise(int(90 * factor), int(80 * factor), 3), 90, 80)
    for small in (normal, shrunk, normal[..., 0], shrunk.astype(np.uint16) * 257):
        assert_agree(project(enlarged(small, factor), small), small)


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("path", PHOTOS, ids=lambda path: path.stem)
def test_photos(path: Path, factor: float) -> None:
    photo = reading.decode(path).pixels[:400, :400]
    small = resample(photo, int(len(photo) / factor), int(photo.shape[1] / factor))
    assert_agree(project(enlarged(small, factor), small), small)


def test_what_agrees_hardly_changes() -> None:
    large = resample(noise(20, 20, 3), 80, 80)
    changed = project(large.copy(), resample(large, 40, 40))
    assert np.abs(changed.astype(int) - large).max() <= 2


def test_the_change_is_the_smallest_possible() -> None:
    truth = resample(noise(30, 30), 120, 120)
    small = resample(truth, 60, 60)
    large = enlarged(small, 2)
    before, after = (
        np.square(p.astype(float) - truth).mean() for p in (large, project(large.copy(), small))
    )
    assert after < before


def test_the_rounding_of_the_small_picture_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    large = resample(noise(40, 40, 3), 160, 160)
    small = resample(large, 80, 80)
    changed = project(large.copy(), small)
    monkeypatch.setattr(consistency, "_LEEWAY", 0.0)
    followed = project(large.copy(), small)
    less, more = (np.square(p.astype(float) - large).mean() for p in (changed, followed))
    assert less < 0.6 * more
    assert np.abs(resample(changed, 80, 80).astype(int) - small).mean() < 0.1


@pytest.mark.parametrize(("height", "width"), [(50, 70), (53, 120), (110, 70), (350, 560)])
def test_any_ratio_along_each_axis(height: int, width: int) -> None:
    small = resample(noise(20, 28, 3), 50, 70)
    large = resample(small, height, width)
    assert project(large, small) is large
    assert_agree(large, small)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (3, 2), (40, 1)])
def test_the_smallest_pictures(shape: tuple[int, int]) -> None:
    small = np.full(shape, 90, np.uint8)
    large = np.full((3 * shape[0], 2 * shape[1]), 80, np.uint8)
    assert_agree(project(large, small), small)


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    small = resample(noise(60, 60, 3), 110, 140)
    large = enlarged(small, 2.5)
    expected = project(large.copy(), small)
    monkeypatch.setattr(consistency, "_BLOCK", 1000)
    whole = project(large.copy(), small)
    assert np.abs(expected.astype(int) - whole).max() <= 1
    assert np.mean(expected != whole) < 1e-4


def test_the_impossible_comes_nearer() -> None:
    """No picture within black and white shrinks to this."""
    small = (noise(60, 60) > 127).astype(np.uint8) * np.uint8(255)
    large = resample(small, 120, 120)
    before, after = agreement(large, small)[0], agreement(project(large.copy(), small), small)[0]
    assert after < 0.8 * before


def test_the_error_is_what_is_left(tmp_path) -> None:
    small = np.random.default_rng(3).integers(90, 160, (40, 50, 3), np.uint8)
    large = resample(small, 80, 100)
    assert consistency.error(large, small) > 2
    assert consistency.error(consistency.project(large, small), small) < 0.5
    black = np.zeros((40, 50), np.uint8)
    black[::2, ::2] = 255
    left = consistency.error(consistency.project(resample(black, 80, 100), black), black)
    expected = resample(consistency.project(resample(black, 80, 100), black), 40, 50)
    assert abs(left - np.abs(expected.astype(float) - black).mean()) < 0.5
    assert left > 5
