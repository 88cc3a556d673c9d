from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image as Pillow

from aecli.images.metrics import psnr
from aecli.training.camera import Camera, any_camera, demosaic
from tests.images.samples import noise

PLAIN = Camera(shot=0.0, read=0.0, gains=(1, 1, 1), mixture=0.0, mosaic=None)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def smooth(height: int = 64, width: int = 48) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    waves = [120 + 60 * np.sin(rows / a + columns / b) for a, b in ((29, 34), (37, 27), (41, 30))]
    return np.stack(waves, -1).astype(np.uint8)


def flat(level: int) -> np.ndarray:
    return np.full((128, 128, 3), level, np.uint8)


def correlation(noise: np.ndarray, rows: int, columns: int) -> float:
    a, b = noise[rows:, columns:], noise[: noise.shape[0] - rows, : noise.shape[1] - columns]
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


@pytest.mark.parametrize("mixture", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("contrast", [False, True])
def test_development_undoes_the_exposure(mixture: float, contrast: bool) -> None:
    camera = replace(PLAIN, mixture=mixture, contrast=contrast, gains=(2, 1, 1.7))
    noisy, reference = camera.take(smooth(), rng())
    assert (noisy == reference).all(), "there is no noise"
    assert psnr(smooth(), reference) > 50


def test_shot_noise_grows_with_the_light_and_read_noise_does_not() -> None:
    linear = replace(PLAIN, gamma=1.0)
    for camera, ratio in (
        (replace(linear, shot=0.01), 2.0),
        (replace(linear, read=0.001), 1.0),
    ):
        spread = [
            float(np.subtract(*camera.take(flat(v), rng()), dtype=float).std()) for v in (40, 160)
        ]
        assert spread[1] / spread[0] == pytest.approx(ratio, rel=0.05)


def test_the_level_of_the_noise_is_the_formulas() -> None:
    camera = replace(PLAIN, gamma=1.0, shot=0.01, read=0.0005)
    noisy, reference = camera.take(flat(100), rng())
    expected = 255 * np.sqrt(0.01 * 100 / 255 + 0.0005)
    assert float(np.subtract(noisy, reference, dtype=float).std()) == pytest.approx(
        expected, rel=0.03
    )


def test_less_light_is_darker_and_noisier_where_it_is_developed() -> None:
    camera = Camera(shot=0.004, read=1e-5, mixture=0.0)
    spread, bright = [], []
    for exposure in (1.0, 0.25):
        noisy, reference = replace(camera, exposure=exposure).take(flat(180), rng())
        spread.append(float(np.subtract(noisy, reference, dtype=float).std()))
        bright.append(float(reference.mean()))
    assert bright[1] == pytest.approx(180 * 0.25 ** (1 / 2.2), rel=0.02)
    assert spread[1] > spread[0]


def test_a_mosaic_makes_neighbours_and_a_colour_matrix_channels_alike() -> None:
    white = replace(PLAIN, shot=0.005)
    difference = np.subtract(*white.take(flat(110), rng()), dtype=float)
    assert abs(correlation(difference, 0, 1)) < 0.03
    difference = np.subtract(*replace(white, mosaic=0).take(flat(110), rng()), dtype=float)
    assert correlation(difference, 0, 1) > 0.3
    difference = np.subtract(*replace(white, mixture=1.0).take(flat(110), rng()), dtype=float)
    assert np.corrcoef(difference.reshape(-1, 3).T)[0, 1] < -0.3


@pytest.mark.parametrize("start", range(4))
def test_demosaicing_keeps_planes(start: int) -> None:
    rows, columns = np.mgrid[:20, :22].astype(np.float32)
    light = np.stack([rows + 2 * columns, columns - rows, rows * 0 + 5], -1)
    inner = (slice(2, -2), slice(2, -2))
    assert np.abs(demosaic(light, start) - light)[inner].max() < 1e-4


def test_grey_pictures_stay_grey_and_sizes_may_be_odd() -> None:
    for seed in range(20):
        noisy, reference = any_camera(rng(seed)).take(smooth(31, 45)[..., 0], rng(seed))
        assert noisy.shape == reference.shape == (31, 45)
        noisy, reference = any_camera(rng(seed)).take(smooth(31, 45), rng(seed))
        assert noisy.shape == reference.shape == (31, 45, 3)


def test_cameras_differ_and_repeat_with_the_generator() -> None:
    scores = []
    for seed in range(40):
        camera = any_camera(rng(seed))
        assert camera == any_camera(rng(seed))
        noisy, reference = camera.take(smooth(), rng(seed))
        assert (noisy == camera.take(smooth(), rng(seed))[0]).all()
        scores.append(psnr(reference, noisy))
    assert min(scores) < 24
    assert max(scores) > 38


def test_a_clean_detailed_picture_is_developed_without_new_noise() -> None:
    picture = noise(40, 40, 3)
    camera = replace(any_camera(rng(3)), shot=0.0, read=0.0, quality=None, chroma=0.0)
    noisy, reference = camera.take(picture, rng())
    assert (noisy == reference).all()


def test_blurred_colours_are_part_of_the_damage() -> None:
    noisy, reference = replace(PLAIN, chroma=1.5).take(noise(40, 40, 3), rng())
    assert (reference == PLAIN.take(noise(40, 40, 3), rng())[1]).all()
    colours = [
        np.asarray(Pillow.fromarray(p).convert("YCbCr"), float)[..., 1:].std()
        for p in (noisy, reference)
    ]
    assert colours[0] < 0.5 * colours[1]
