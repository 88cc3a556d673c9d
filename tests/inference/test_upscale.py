from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aecli.checkpoints import store
from aecli.errors import ModelError, UsageError
from aecli.images.image import Image, Metadata
from aecli.images.resample import resample
from aecli.inference.upscale import Upscaler, bicubic, chain

from .. import tiny

FP32 = {"device": "cpu", "precision": "fp32"}


@pytest.fixture(params=["ncnn", "torch"])
def upscaler(tiny_upscaler: Path, request: pytest.FixtureRequest) -> Upscaler:
    return Upscaler.open("tiny", engine=request.param, **FP32)


def picture(
    height: int = 40, width: int = 50, *channels: int, dtype: type[np.generic] = np.uint8
) -> Image:
    rng = np.random.default_rng(3)
    peak = np.iinfo(dtype).max
    coarse = rng.integers(0, peak, (9, 11, *channels), dtype, endpoint=True)
    return Image(resample(coarse, height, width))


@pytest.mark.parametrize(
    ("factor", "available", "expected"),
    [
        (1, {2, 3, 4}, ()),
        (1.01, {2, 3, 4}, (2,)),
        (2, {2, 3, 4}, (2,)),
        (2.5, {2, 3, 4}, (3,)),
        (3.5, {2, 3, 4}, (4,)),
        (4.01, {2, 3, 4}, (2, 3)),
        (6, {2, 3, 4}, (2, 3)),
        (7, {2, 3, 4}, (2, 4)),
        (8, {2, 3, 4}, (2, 4)),
        (1.5, {2}, (2,)),
        (3, {2}, (2, 2)),
        (8, {2}, (2, 2, 2)),
        (8, {3}, (3, 3)),
        (5, {2, 4}, (2, 4)),
    ],
)
def test_chains(factor: float, available: set[int], expected: tuple[int, ...]) -> None:
    assert chain(factor, available) == expected


def test_without_models_there_is_no_chain() -> None:
    with pytest.raises(ModelError):
        chain(2, {1})


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [(), (3,)])
@pytest.mark.parametrize(("width", "height"), [(22, 18), (23, 25), (88, 72)])
def test_size_depth_and_channels(
    upscaler: Upscaler,
    width: int,
    height: int,
    channels: tuple[int, ...],
    dtype: type[np.generic],
) -> None:
    image = picture(9, 11, *channels, dtype=dtype)
    result = upscaler.upscale(image, width, height, consistent=False).image
    assert result.pixels.shape == (height, width, *channels)
    assert result.pixels.dtype == dtype
    level = np.iinfo(dtype).max / 255
    cubic = bicubic(image, width, height).pixels
    assert 0 < np.abs(result.pixels.astype(float) - cubic).mean() < 20 * level


def test_its_own_size_is_the_picture_itself(upscaler: Upscaler) -> None:
    image = picture()
    enlarged = upscaler.upscale(image, image.width, image.height)
    assert enlarged.image is image
    assert enlarged.networks == ()


def test_the_larger_factor_decides(upscaler: Upscaler) -> None:
    assert upscaler.upscale(picture(10, 10), 20, 10).networks == (2,)
    assert upscaler.upscale(picture(10, 10), 10, 21).networks == (3,)


def test_each_model_is_loaded_once_and_when_it_is_needed(upscaler: Upscaler) -> None:
    assert upscaler._models == {}
    upscaler.upscale(picture(10, 10), 20, 20)
    first = dict(upscaler._models)
    assert len(first) == 1
    upscaler.upscale(picture(10, 10), 60, 60)
    assert len(upscaler._models) == 2
    assert all(upscaler._models[path] is model for path, model in first.items())


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_tiles_do_not_change_the_result(upscaler: Upscaler, scale: int) -> None:
    image = picture(150, 131, 3)
    whole, tiled = (
        upscaler.upscale(image, 131 * scale, 150 * scale, consistent=False, tile=tile).image.pixels
        for tile in ("off", 64)
    )
    assert np.abs(whole.astype(int) - tiled).max() <= 1
    assert np.count_nonzero(whole != tiled) <= whole.size / 100_000


@pytest.mark.parametrize("factor", [2, 2.5, 6])
def test_a_consistent_result_shrinks_to_the_picture(upscaler: Upscaler, factor: float) -> None:
    image = picture(60, 50, 3)
    width, height = int(50 * factor), int(60 * factor)
    loose, given, default = (
        resample(
            upscaler.upscale(image, width, height, consistent=wish).image.pixels, 60, 50
        ).astype(int)
        - image.pixels
        for wish in (False, True, None)
    )
    assert np.abs(given).mean() <= 0.1 < np.abs(loose).mean()
    assert np.array_equal(given, default)


def test_models_for_found_photos_are_not_consistent_unless_told(home: Path) -> None:
    tiny.upscalers(home / "models", "found", "photo")
    upscaler = Upscaler.open("found", **FP32)
    loose, default = (
        upscaler.upscale(picture(), 100, 80, consistent=wish).image.pixels for wish in (False, None)
    )
    assert np.array_equal(loose, default)


def test_after_a_model_that_cleans_come_those_for_clean_pictures(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "bundled_folder", lambda: home / "none")
    folder = home / "models"
    tiny.upscalers(folder, "found", "photo")
    (folder / "upscale-found-x3.safetensors").unlink()
    (folder / "upscale-found-x4.safetensors").unlink()
    image = picture(12, 10)
    alone = Upscaler.open("found", **FP32)
    assert alone.upscale(image, 80, 96).networks == (2, 2, 2)
    assert [path.name for path in alone._models] == ["upscale-found-x2.safetensors"]
    tiny.upscalers(folder, "clean")
    both = Upscaler.open("found", **FP32)
    assert both.upscale(image, 80, 96).networks == (2, 2, 2)
    assert [path.name for path in both._models] == [
        "upscale-found-x2.safetensors",
        "upscale-clean-x2.safetensors",
    ]


@pytest.mark.parametrize("name", ["tiny-x3", "upscale-tiny-x3.safetensors"])
def test_one_member_or_file_is_a_family_of_its_own(
    tiny_upscaler: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tiny_upscaler)
    upscaler = Upscaler.open(name, **FP32)
    assert upscaler.upscale(picture(10, 10), 20, 20).networks == (3,)
    assert upscaler.upscale(picture(10, 10), 80, 80).networks == (3, 3)


@pytest.mark.parametrize("value", [0, 1, 77, 254, 255])
def test_constant_alpha_stays_constant(upscaler: Upscaler, value: int) -> None:
    image = Image(picture(20, 30, 3).pixels, np.full((20, 30), value, np.uint8))
    result = upscaler.upscale(image, 75, 50).image.alpha
    assert result is not None
    assert result.shape == (50, 75)
    assert (result == value).all()


@pytest.mark.parametrize("consistent", [False, True])
@pytest.mark.parametrize("factor", [2, 8])
def test_hidden_colours_leave_no_trace(upscaler: Upscaler, consistent: bool, factor: int) -> None:
    one = picture(90, 90, 3).pixels
    other = one.copy()
    alpha = np.zeros((90, 90), np.uint8)
    alpha[:9, :9] = 255
    other[alpha == 0] = (255, 0, 255)
    results = [
        upscaler.upscale(Image(p, alpha), 90 * factor, 90 * factor, consistent=consistent).image
        for p in (one, other)
    ]
    assert results[0].alpha is not None
    visible = results[0].alpha > 0
    assert np.array_equal(*(result.pixels[visible] for result in results))


@pytest.mark.parametrize("consistent", [False, True])
def test_a_cut_out_has_no_fringe_over_any_background(upscaler: Upscaler, consistent: bool) -> None:
    """A bright disc whose hidden surroundings are black, over white: nothing gets dark."""
    rows, columns = np.mgrid[:40, :40]
    distance = np.hypot(rows - 19.5, columns - 19.5)
    alpha = np.clip(255 * (12.5 - distance), 0, 255).astype(np.uint8)
    colour = np.where(alpha[..., None] > 0, np.uint8([200, 220, 240]), np.uint8(0))
    result = upscaler.upscale(Image(colour, alpha), 100, 100, consistent=consistent).image
    assert result.alpha is not None
    share = result.alpha[..., None] / 255
    plain = upscaler.upscale(
        Image(np.broadcast_to(np.uint8([200, 220, 240]), colour.shape).copy(), alpha),
        *(100, 100),
        consistent=consistent,
    ).image.pixels
    assert (np.abs(share * (result.pixels.astype(float) - plain)) < 1.01).all()


def test_metadata_follow_the_size(upscaler: Upscaler) -> None:
    metadata = Metadata(icc=b"profile", dpi=(300, 300), text={"Title": "A"})
    image = Image(picture(10, 10).pixels, None, metadata, "PNG")
    for result in (upscaler.upscale(image, 25, 20).image, bicubic(image, 25, 20)):
        assert result.metadata.dpi == (750, 600)
        assert result.metadata.icc == b"profile"
        assert result.format == "PNG"


def test_impossible_wishes_are_refused(upscaler: Upscaler) -> None:
    with pytest.raises(UsageError, match="cannot be enlarged"):
        upscaler.upscale(picture(10, 10), 9, 20)
    with pytest.raises(UsageError, match="tile"):
        upscaler.upscale(picture(10, 10), 20, 20, tile=0)


def test_progress_counts_all_models(upscaler: Upscaler) -> None:
    calls: list[tuple[int, int]] = []
    upscaler.upscale(
        picture(20, 20), 120, 120, tile=16, progress=lambda done, total: calls.append((done, total))
    )
    assert calls == sorted(calls)
    assert calls[-1] == (2000, 2000)
