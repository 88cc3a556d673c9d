"""The shipped weights do what they are for, measured on real photographs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aecli.checkpoints import store
from aecli.imaging import codec, metrics
from aecli.imaging.degrade import white_noise
from aecli.imaging.image import Image
from aecli.inference.restore import Restorer

from .conftest import DATA, SHARED

BENCH = SHARED / "data" / "bench" / "CBSD68"
SAMPLES = sorted(p.name for p in (DATA / "clean").iterdir())


@pytest.fixture(scope="module")
def gaussian() -> Restorer:
    bundled = store.bundled_folder() / store.file_name("denoise", "gaussian")
    if not bundled.is_file():
        pytest.skip("no weights yet")
    return Restorer.open("denoise", bundled, device="cpu")


def gain(restorer: Restorer, clean: np.ndarray, noisy: np.ndarray) -> tuple[float, float]:
    """dB over doing nothing, and the estimated noise level."""
    restored = restorer.denoise(Image(noisy))
    after = metrics.psnr(clean, restored.image.pixels)
    return after - metrics.psnr(clean, noisy), restored.sigma


@pytest.mark.parametrize("name", SAMPLES)
def test_the_sample_photos_come_out_clean(gaussian: Restorer, name: str) -> None:
    clean, noisy = (codec.decode(DATA / kind / name).pixels for kind in ("clean", "noisy"))
    better, sigma = gain(gaussian, clean, noisy)
    assert better > 6
    assert sigma == pytest.approx(25, rel=0.2)


@pytest.mark.parametrize("sigma", [15, 50])
def test_grey_is_restored_as_grey(gaussian: Restorer, sigma: int) -> None:
    clean = codec.decode(DATA / "clean" / SAMPLES[0]).pixels.mean(2).astype(np.uint8)
    noisy = white_noise(clean, sigma, np.random.default_rng(1))
    better, estimate = gain(gaussian, clean, noisy)
    assert better > 4
    assert estimate == pytest.approx(sigma, rel=0.25)


@pytest.mark.skipif(not BENCH.is_dir(), reason="the benchmark images are not here")
@pytest.mark.parametrize(("sigma", "least"), [(15, 32.0), (25, 29.5), (50, 26.0)])
def test_the_benchmark_is_met(gaussian: Restorer, sigma: int, least: float) -> None:
    scores = []
    for number, path in enumerate(sorted(BENCH.iterdir())[:3]):
        clean = codec.decode(Path(path)).pixels
        noisy = white_noise(clean, sigma, np.random.default_rng(number))
        restored = gaussian.denoise(Image(noisy)).image.pixels
        scores.append(metrics.psnr(clean, restored))
    assert np.mean(scores) > least
