"""The shipped weights do what they are for, measured on real photographs."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from aecli.checkpoints import store
from aecli.checkpoints.novelty import UNUSUAL
from aecli.datasets.collecting import find
from aecli.images import metrics, reading
from aecli.images.image import Image
from aecli.images.resample import resample
from aecli.images.square import square
from aecli.inference.embed import Embedder
from aecli.inference.restore import Restorer
from aecli.inference.sample import Sampler
from aecli.inference.upscale import Upscaler
from aecli.training.degradations.draws import Draws
from aecli.training.degradations.photo import Mixture, noisy_photos

from .conftest import DATA, SHARED

BENCH = SHARED / "data" / "bench" / "CBSD68"
SAMPLES = sorted(p.name for p in (DATA / "clean").iterdir())


def bundled(task: str, name: str) -> Path:
    path = store.bundled_folder() / store.file_name(task, name)
    if not path.is_file():
        pytest.skip("no weights yet")
    return path


@pytest.fixture(scope="module")
def gaussian() -> Restorer:
    return Restorer.open(bundled("denoise", "gaussian"), device="cpu")


def white_noise(clean: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Clipped and rounded, as an 8-bit file holds it."""
    return np.clip(np.rint(clean + sigma * rng.standard_normal(clean.shape)), 0, 255).astype("u1")


def jpeg(picture: np.ndarray, quality: int, subsampling: int = 2) -> np.ndarray:
    buffer = io.BytesIO()
    Pillow.fromarray(picture).save(buffer, "JPEG", quality=quality, subsampling=subsampling)
    return np.asarray(Pillow.open(buffer))


def gain(restorer: Restorer, clean: np.ndarray, noisy: np.ndarray) -> tuple[float, float]:
    """dB over doing nothing, and the estimated noise level."""
    restored = restorer.denoise(Image(noisy))
    after = metrics.psnr(clean, restored.image.pixels)
    return after - metrics.psnr(clean, noisy), restored.sigma


@pytest.mark.parametrize("name", SAMPLES)
def test_the_sample_photos_come_out_clean(gaussian: Restorer, name: str) -> None:
    clean, noisy = (reading.decode(DATA / kind / name).pixels for kind in ("clean", "noisy"))
    better, sigma = gain(gaussian, clean, noisy)
    assert better > 6
    assert sigma == pytest.approx(25, rel=0.2)


@pytest.mark.parametrize("sigma", [15, 50])
def test_grey_is_restored_as_grey(gaussian: Restorer, sigma: int) -> None:
    clean = reading.decode(DATA / "clean" / SAMPLES[0]).pixels.mean(2).astype(np.uint8)
    noisy = white_noise(clean, sigma, np.random.default_rng(1))
    better, estimate = gain(gaussian, clean, noisy)
    assert better > 4
    assert estimate == pytest.approx(sigma, rel=0.25)


@pytest.mark.skipif(not BENCH.is_dir(), reason="the benchmark images are not here")
@pytest.mark.parametrize(("sigma", "least"), [(15, 32.0), (25, 29.5), (50, 26.0)])
def test_the_benchmark_is_met(gaussian: Restorer, sigma: int, least: float) -> None:
    scores = []
    for number, path in enumerate(sorted(BENCH.iterdir())[:3]):
        clean = reading.decode(Path(path)).pixels
        noisy = white_noise(clean, sigma, np.random.default_rng(number))
        restored = gaussian.denoise(Image(noisy)).image.pixels
        scores.append(metrics.psnr(clean, restored))
    assert np.mean(scores) > least


@pytest.fixture(scope="module")
def photo() -> Restorer:
    return Restorer.open(bundled("denoise", "photo"), device="cpu")


@pytest.mark.parametrize(
    ("mixture", "least"),
    [(Mixture(0, 1, 0), 1.5), (Mixture(0, 0, 1), 3.0)],
    ids=["coloured", "camera"],
)
def test_the_noise_of_photographs_is_removed(
    photo: Restorer, gaussian: Restorer, mixture: Mixture, least: float
) -> None:
    clean = np.stack([reading.decode(DATA / "clean" / n).pixels[:192, :192] for n in SAMPLES] * 4)
    batch = torch.from_numpy(clean).permute(0, 3, 1, 2).float() / 255
    draws = Draws(11, range(len(clean)), torch.device("cpu"))
    made = noisy_photos(batch, draws, np.zeros(len(clean), bool), mixture)
    noisy, target = ((p * 255).round().byte().permute(0, 2, 3, 1).numpy() for p in made)
    gains = [gain(photo, t, n)[0] for n, t in zip(noisy, target, strict=True)]
    others = [gain(gaussian, t, n)[0] for n, t in zip(noisy, target, strict=True)]
    assert np.mean(gains) > least
    assert np.mean(gains) > np.mean(others) + 0.8


@pytest.mark.parametrize("name", SAMPLES)
def test_the_default_leaves_white_noise_alone_to_the_model_of_it(name: str) -> None:
    for model in ("photo", "gaussian"):
        bundled("denoise", model)
    default = Restorer.open(device="cpu")
    clean = reading.decode(DATA / "clean" / name).pixels
    rng = np.random.default_rng(4)
    for sigma in (5, 25, 50):
        restored = default.denoise(Image(white_noise(clean, sigma, rng)))
        assert (restored.model, round(restored.sigma / sigma)) == ("gaussian", 1)
    soft = np.asarray(Pillow.fromarray(white_noise(clean[::2, ::2], 25, rng)).resize((192, 192)))
    for others in (clean, jpeg(white_noise(clean, 25, rng), 60), soft):
        assert default.denoise(Image(others)).model == "photo"


@pytest.mark.parametrize("name", SAMPLES)
def test_photos_without_noise_stay_as_they_are(photo: Restorer, name: str) -> None:
    clean = reading.decode(DATA / "clean" / name).pixels
    assert metrics.psnr(clean, photo.denoise(Image(clean)).image.pixels) > 42


@pytest.fixture
def families() -> dict[str, Upscaler]:
    """The shipped upscalers."""
    names = {entry.name for entry in store.entries("upscale")}
    if not {"clean-x2", "photo-x2"} <= names:
        pytest.skip("no weights yet")
    return {family: Upscaler.open(family, device="cpu") for family in ("clean", "photo")}


def enlarged(upscaler: Upscaler, small: np.ndarray, like: np.ndarray) -> float:
    """PSNR of the luma, in dB, of an enlarged picture."""
    made = upscaler.upscale(Image(small), like.shape[1], like.shape[0]).image.pixels
    return metrics.psnr(metrics.luma(like), metrics.luma(made))


@pytest.mark.parametrize(("scale", "least"), [(2, 1.5), (3, 0.8), (4, 0.5)])
def test_sharp_pictures_gain_detail(
    families: dict[str, Upscaler], scale: int, least: float
) -> None:
    gains = []
    for name in SAMPLES:
        clean = reading.decode(DATA / "clean" / name).pixels
        height, width = (n // scale * scale for n in clean.shape[:2])
        clean = np.ascontiguousarray(clean[:height, :width])
        small = resample(clean, height // scale, width // scale)
        cubic = metrics.psnr(metrics.luma(clean), metrics.luma(resample(small, height, width)))
        gains.append(enlarged(families["clean"], small, clean) - cubic)
    assert np.mean(gains) > least


def test_jpegs_are_cleaned_and_not_enlarged(families: dict[str, Upscaler]) -> None:
    over_cubic, over_clean = [], []
    for name in SAMPLES:
        clean = reading.decode(DATA / "clean" / name).pixels
        height, width = (n // 2 * 2 for n in clean.shape[:2])
        clean = np.ascontiguousarray(clean[:height, :width])
        small = jpeg(resample(clean, height // 2, width // 2), 60)
        cubic = metrics.psnr(metrics.luma(clean), metrics.luma(resample(small, height, width)))
        photo, sharp = (enlarged(families[family], small, clean) for family in ("photo", "clean"))
        over_cubic.append(photo - cubic)
        over_clean.append(photo - sharp)
    assert np.mean(over_cubic) > 0.2
    assert np.mean(over_clean) > 0.2


SHARP = (2, 4)
"""The factors of `sharp`."""


def fine(picture: np.ndarray) -> float:
    """Root mean square of the luma's finest detail, on the 0-255 scale."""
    y = metrics.luma(picture).astype(np.float64)
    inner = sum(y[1 + j : y.shape[0] - 1 + j, 1 + i : y.shape[1] - 1 + i] for j, i in NEAR) / 9
    return float(np.sqrt(np.mean((y[1:-1, 1:-1] - inner) ** 2)))


NEAR = [(j, i) for j in (-1, 0, 1) for i in (-1, 0, 1)]


def gridded(picture: np.ndarray, scale: int) -> float:
    """How much of the finest detail is the same in every cell of the small picture's grid."""
    y = metrics.luma(picture).astype(np.float64)
    y = y[: y.shape[0] // scale * scale, : y.shape[1] // scale * scale]
    cells = y.reshape(y.shape[0] // scale, scale, y.shape[1] // scale, scale).swapaxes(1, 2)
    patterns = cells - cells.mean((2, 3), keepdims=True)
    return float(patterns.mean((0, 1)).std() / patterns.std())


@pytest.fixture(scope="module")
def inventor() -> Upscaler:
    bundled("upscale", "sharp-x2")
    return Upscaler.open("sharp", device="cpu")


@pytest.mark.parametrize("scale", SHARP)
def test_sharp_shows_more_detail_in_photos_and_no_grid(
    families: dict[str, Upscaler], inventor: Upscaler, scale: int
) -> None:
    details, grids = [], []
    for name in SAMPLES:
        clean = reading.decode(DATA / "clean" / name).pixels
        height, width = (n // scale * scale for n in clean.shape[:2])
        small = jpeg(resample(clean[:height, :width], height // scale, width // scale), 80)
        plain, sharp = (
            u.upscale(Image(small), width, height).image.pixels
            for u in (families["photo"], inventor)
        )
        details.append(fine(sharp) / fine(plain))
        grids.append(gridded(sharp, scale))
    assert np.mean(details) > 1.2
    assert max(grids) < 0.06


@pytest.mark.parametrize("scale", SHARP)
def test_sharp_invents_nothing_in_flat_areas_and_text(
    families: dict[str, Upscaler], inventor: Upscaler, scale: int
) -> None:
    x, y = np.meshgrid(np.linspace(0, 1, 192), np.linspace(0, 1, 192))
    sky = np.rint(np.stack([120 + 90 * y, 160 + 60 * y, 220 + 20 * y - 15 * x], 2)).astype("u1")
    small = jpeg(resample(sky, 192 // scale, 192 // scale), 75)
    assert fine(inventor.upscale(Image(small), 192, 192).image.pixels) < fine(sky) + 0.2
    sheet = Pillow.new("RGB", (192, 192), (250, 248, 240))
    for line, size in enumerate((36, 30, 24)):
        font = ImageFont.load_default(size)
        ImageDraw.Draw(sheet).text((6, 8 + 60 * line), "Quick brown", (20, 20, 40), font)
    text = np.asarray(sheet)
    small = jpeg(resample(text, 192 // scale, 192 // scale), 75)
    assert enlarged(inventor, small, text) > enlarged(families["photo"], small, text) - 0.5


@pytest.mark.parametrize("name", ["mnist", "mnist-2d"])
def test_drawn_digits_have_the_ink_of_digits(name: str) -> None:
    found = store.Found(bundled("generate", name), "generate", name, store.Origin.BUNDLED)
    pictures = next(iter(Sampler.open(found, device="cpu").samples(64, 0))).pictures
    ink = pictures.mean((1, 2)) / 255
    assert ink.mean() == pytest.approx(0.13, abs=0.02), "the mean of MNIST is 0.1307"
    assert (ink > 0.03).all(), "none is empty"
    assert np.abs(pictures[:, [0, -1]].astype(float)).max() < 128, "the margin is black"
    others = np.square(pictures[:, None] / 255.0 - pictures[None] / 255.0).mean((2, 3))
    assert np.sort(others, axis=1)[:, 1].min() > 1e-5, "no two are the same"


@pytest.fixture(scope="module")
def searcher() -> Embedder:
    return Embedder.open(bundled("embed", "photo"), device="cpu")


def test_edited_copies_are_found(searcher: Embedder) -> None:
    originals = [reading.decode(DATA / "clean" / name).pixels for name in SAMPLES]
    copies = [
        (number, copy)
        for number, pixels in enumerate(originals)
        for copy in (pixels[:, ::-1], jpeg(pixels, 10), pixels[20:, 30:], pixels // 2)
    ]
    small = [
        square(Image(np.ascontiguousarray(p)), searcher.size, 3)
        for p in (*originals, *(copy for _, copy in copies))
    ]
    vectors, _ = searcher.embed(np.stack(small))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    likeness = unit[len(originals) :] @ unit[: len(originals)].T
    assert likeness.argmax(1).tolist() == [number for number, _ in copies]


def test_search_models_know_their_kind(searcher: Embedder) -> None:
    photos = np.stack([searcher.small(find(str(DATA / "clean" / name))) for name in SAMPLES])
    digit = np.zeros((28, 28), np.uint8)
    digit[5:23, 12:16] = 255
    _, usual = searcher.embed(photos)
    _, unusual = searcher.embed(square(Image(digit), searcher.size, 3)[None])
    assert (usual <= UNUSUAL).all()
    assert (unusual > UNUSUAL).all()
