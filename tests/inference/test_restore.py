from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aecli.errors import ModelError, UsageError
from aecli.images.image import Image, Metadata
from aecli.inference import restore
from aecli.inference.restore import Restorer

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=["ncnn", "torch"])
def restorer(tiny_denoiser: Path, request: pytest.FixtureRequest) -> Restorer:
    return Restorer.open("tiny", engine=request.param, device="cpu", precision="fp32")


class Spy:
    """A denoiser that records the levels it is told, and sees a level in the mean of an image."""

    def __init__(self) -> None:
        self.levels: list[float] = []
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, method: str, x: np.ndarray, *told: np.ndarray) -> np.ndarray:
        return getattr(self, method)(x, *told)

    def restore(self, x: np.ndarray, sigma: np.ndarray) -> np.ndarray:
        assert sigma.shape == (1, 1, *x.shape[2:])
        (level,) = np.unique(sigma)
        self.levels.append(round(255 * float(level), 3))
        return 1 - x

    def estimate_sigma(self, x: np.ndarray) -> np.ndarray:
        self.shapes.append(x.shape)
        return x.mean((1, 2, 3))


@pytest.fixture
def spy(restorer: Restorer) -> Spy:
    spy = Spy()
    restorer.engine.calls, restorer.engine.fp32 = [spy], [spy]
    return spy


def picture(
    height: int = 40, width: int = 50, *channels: int, dtype: type[np.generic] = np.uint8
) -> Image:
    rng = np.random.default_rng(3)
    peak = np.iinfo(dtype).max
    return Image(rng.integers(0, peak, (height, width, *channels), dtype, endpoint=True))


def test_what_is_no_colour_stays(restorer: Restorer) -> None:
    alpha = picture().pixels
    metadata = Metadata(icc=b"profile", dpi=(300, 300), text={"Title": "A"})
    image = Image(picture(40, 50, 3).pixels, alpha, metadata, "PNG")
    result = restorer.denoise(image, sigma=25).image
    assert not np.array_equal(result.pixels, image.pixels)
    assert result.alpha is alpha
    assert result.metadata is metadata
    assert result.format == "PNG"


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_depth_and_channels_stay(
    restorer: Restorer, channels: tuple[int, ...], dtype: type[np.generic]
) -> None:
    image = picture(9, 11, *channels, dtype=dtype)
    result = restorer.denoise(image).image.pixels
    assert result.shape == image.pixels.shape
    assert result.dtype == dtype


def test_hidden_colours_leave_no_trace(restorer: Restorer) -> None:
    one, other = picture(120, 120, 3).pixels, picture(120, 120, 3).pixels
    alpha = np.zeros((120, 120), np.uint8)
    alpha[:9, :9] = 255
    other[alpha == 0] = (255, 0, 255)
    results = [
        restorer.denoise(Image(p, alpha), sigma=25).image.pixels[alpha > 0] for p in (one, other)
    ]
    assert np.array_equal(*results)


def test_tiles_do_not_change_the_result(restorer: Restorer) -> None:
    image = picture(150, 90, 3)
    whole, auto, tiled = (
        restorer.denoise(image, sigma=25, tile=tile).image.pixels for tile in ("off", "auto", 64)
    )
    assert np.array_equal(whole, auto)
    assert np.abs(whole.astype(int) - tiled).max() <= 1


@pytest.mark.parametrize("option", [{"strength": 0}, {"sigma": 0}])
def test_no_noise_to_remove_changes_nothing(
    restorer: Restorer, spy: Spy, option: dict[str, float]
) -> None:
    image = picture()
    assert restorer.denoise(image, **option).image is image
    assert spy.levels == []


@pytest.mark.parametrize(
    ("sigma", "strength", "applied"), [(20, 1, 20), (20, 0.5, 10), (70, 1, 70), (70, 2, 75)]
)
def test_strength_scales_the_level_within_the_trained_range(
    restorer: Restorer, spy: Spy, sigma: float, strength: float, applied: float
) -> None:
    restored = restorer.denoise(picture(), sigma=sigma, strength=strength)
    assert spy.levels == [applied]
    assert restored.sigma == sigma
    assert np.array_equal(restored.image.pixels, 255 - picture().pixels)


@pytest.mark.parametrize(("strength", "told", "share"), [(0.25, 20, 0.25), (1, 20, 1), (2, 40, 1)])
def test_of_a_cameras_noise_strength_below_1_is_a_share(
    restorer: Restorer, spy: Spy, strength: float, told: float, share: float
) -> None:
    restorer.meta.training["noise"] = "camera"
    before = picture(30, 30, 3)
    after = restorer.denoise(before, sigma=20, strength=strength).image.pixels
    assert spy.levels == [told]
    change = (255.0 - before.pixels) - before.pixels
    assert np.abs(after - (before.pixels + share * change)).max() <= 0.5 + 1e-3
    assert restorer.denoise(before, strength=0).image is before


def test_auto_estimates_the_level(restorer: Restorer, spy: Spy) -> None:
    image = Image(np.full((30, 31), 40, np.uint8))
    restored = restorer.denoise(image)
    assert restored.sigma == pytest.approx(40, abs=1e-4)
    assert spy.levels == [40]
    assert spy.shapes == [(1, 3, 128, 128)]


def test_the_estimate_is_the_median_of_squares(restorer: Restorer, spy: Spy) -> None:
    pixels = np.full((128, 128 * 5), 10, np.uint8)
    pixels[:, 128 * 3 :] = 60
    assert restorer.estimate_sigma(Image(pixels)) == pytest.approx(10, abs=1e-4)
    assert spy.shapes == [(1, 3, 128, 128)] * 5


def test_the_estimate_looks_where_the_picture_is_visible(restorer: Restorer, spy: Spy) -> None:
    pixels = np.full((128, 128 * 5), 200, np.uint8)
    pixels[:, -128:] = 10
    alpha = np.zeros_like(pixels)
    alpha[:, -128:] = 255
    assert restorer.estimate_sigma(Image(pixels, alpha)) == pytest.approx(10, abs=1e-4)


@given(st.integers(1, 30_000), st.integers(1, 30_000))
def test_squares_lie_inside_and_are_few(height: int, width: int) -> None:
    squares = restore._squares(height, width)
    assert 1 <= len(squares) <= 48
    assert len(squares) >= min(max(1, height // 128) * max(1, width // 128), 16)
    assert len({(y.start, x.start) for y, x in squares}) == len(squares)
    for spans in squares:
        for span, length in zip(spans, (height, width), strict=True):
            assert len(range(length)[span]) == min(length, 128)


@pytest.mark.parametrize(
    ("option", "value"),
    [("sigma", -1), ("sigma", np.nan), ("strength", -0.1), ("strength", np.inf), ("tile", 0)],
)
def test_impossible_wishes_are_refused(restorer: Restorer, option: str, value: float) -> None:
    with pytest.raises(UsageError):
        restorer.denoise(picture(), **{"sigma": 25, option: value})


class Kind(Spy):
    """A denoiser that sees and leaves fixed parts of a level of 40."""

    def __init__(self, sees: float, leaves: float = 0.0) -> None:
        super().__init__()
        self.sees, self.leaves = sees, leaves

    def restore(self, x: np.ndarray, sigma: np.ndarray) -> np.ndarray:
        self.levels.append(255 * float(sigma.max()))
        return np.full_like(x, self.leaves)

    def estimate_sigma(self, x: np.ndarray) -> np.ndarray:
        left = x.max(initial=0)
        return np.array([(left if (x == left).all() else self.sees) * 40 / 255])


@pytest.mark.parametrize(
    ("white", "model"),
    [(Kind(1.0), "white"), (Kind(0.5, 0.4), "white"), (Kind(0.3), "tiny"), (Kind(1, 0.6), "tiny")],
    ids=["sees and removes it", "nearly", "hardly sees it", "leaves it"],
)
def test_white_noise_is_left_to_the_model_of_it(
    tiny_denoiser: Path, white: Kind, model: str
) -> None:
    general = Restorer.open("tiny", device="cpu")
    expert = Restorer(general.engine, replace(general.meta, tag="white"), general.runs_on)
    default = Restorer(copy(general.engine), general.meta, general.runs_on, lambda: expert)
    for restorer, kind in ((expert, white), (default, other := Kind(1.0))):
        restorer.engine.calls, restorer.engine.fp32 = [kind], [kind]
    restored = default.denoise(picture(), strength=0.5)
    assert restored.model == restored.facts["model"] == model
    used = white if model == "white" else other
    assert used.levels[-1] == pytest.approx(20 * used.sees)
    assert default.denoise(picture(), sigma=8).sigma == 8


def test_pictures_without_noise_ask_for_no_other_model(tiny_denoiser: Path) -> None:
    general = Restorer.open("tiny", device="cpu")
    none = Restorer(general.engine, general.meta, general.runs_on, pytest.fail)
    none.engine.fp32 = none.engine.calls = [Kind(0.0)]
    assert none.denoise(picture()).model == "tiny"


def test_models_and_devices_that_are_not_there_are_refused(tiny_denoiser: Path) -> None:
    with pytest.raises(ModelError):
        Restorer.open("tinny")
    with pytest.raises(UsageError):
        Restorer.open("tiny", device="gpu")
    with pytest.raises(UsageError):
        Restorer.open("tiny", engine="onnx")


def test_progress_is_told(restorer: Restorer) -> None:
    calls: list[tuple[int, int]] = []
    restorer.denoise(
        picture(70, 70), sigma=9, tile=64, progress=lambda done, total: calls.append((done, total))
    )
    assert calls[-1] == (4900, 4900)
