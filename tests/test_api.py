from __future__ import annotations

import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

import aecli
from aecli import handles
from aecli.cli.app import run
from aecli.errors import InputError, ModelError, UsageError
from aecli.images.image import Image
from aecli.inference.restore import Restorer

OPTIONS = {"model": "tiny", "device": "cpu", "precision": "fp32"}


def array(*shape: int, dtype: type[np.generic] = np.uint8) -> np.ndarray:
    peak = np.iinfo(dtype).max
    return np.random.default_rng(1).integers(0, peak, shape, dtype, endpoint=True)


def denoised(picture: np.ndarray) -> np.ndarray:
    return aecli.denoise(picture, sigma=25, **OPTIONS)


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, aecli; print(*({'torch', 'numpy', 'PIL', 'typer'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert out.stdout.strip() == ""


def test_the_version_is_the_packages() -> None:
    project = tomllib.loads(
        (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    )["project"]
    assert project.get("version", aecli.__version__) == aecli.__version__


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 2), (20, 30, 3), (20, 30, 4), (7, 1)])
def test_an_array_gives_an_array(
    tiny_denoiser: Path, shape: tuple[int, ...], dtype: type[np.generic]
) -> None:
    picture = array(*shape, dtype=dtype)
    result = denoised(picture)
    assert result.shape == shape
    assert result.dtype == dtype
    assert not np.array_equal(result, picture)
    if shape[2:] in ((2,), (4,)):
        assert np.array_equal(result[..., -1], picture[..., -1])


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_a_pillow_image_gives_a_pillow_image(tiny_denoiser: Path, mode: str) -> None:
    picture = Pillow.fromarray(array(20, 30, 4)).convert(mode)
    picture.info["dpi"] = (72, 72)
    result = aecli.denoise(picture, sigma=25, **OPTIONS)
    assert result.mode == mode
    assert result.info == picture.info
    assert np.array_equal(np.asarray(result), denoised(np.asarray(picture)))


@pytest.mark.parametrize(("mode", "expected"), [("1", "L"), ("P", "RGB"), ("CMYK", "RGB")])
def test_other_pillow_modes_are_expanded(tiny_denoiser: Path, mode: str, expected: str) -> None:
    picture = Pillow.fromarray(array(20, 30, 3)).convert(mode)
    assert aecli.denoise(picture, **OPTIONS).mode == expected


def test_a_transparent_palette_becomes_alpha(tiny_denoiser: Path) -> None:
    picture = Pillow.fromarray(array(20, 30, 3)).convert("P")
    picture.info["transparency"] = 0
    result = aecli.denoise(picture, **OPTIONS)
    assert result.mode == "RGBA"
    assert "transparency" not in result.info


def test_a_deep_pillow_image_stays_deep(tiny_denoiser: Path) -> None:
    picture = Pillow.fromarray(array(20, 30, dtype=np.uint16))
    result = aecli.denoise(picture, sigma=25, **OPTIONS)
    assert result.mode == "I;16"
    assert np.array_equal(np.asarray(result), denoised(np.asarray(picture)))


def test_an_image_gives_an_image(tiny_denoiser: Path) -> None:
    picture = Image(array(20, 30, 3))
    result = aecli.denoise(picture, sigma=25, **OPTIONS)
    assert np.array_equal(result.pixels, denoised(picture.pixels))


@pytest.mark.parametrize(
    ("picture", "error"),
    [
        ("photo.jpg", InputError),
        ([[1, 2], [3, 4]], TypeError),
        (np.zeros((4, 4), np.int32), TypeError),
        (np.full((4, 4), 1.5), ValueError),
        (np.full((4, 4), np.nan, np.float32), ValueError),
        (np.zeros((0, 4)), ValueError),
        (np.zeros((4, 4, 5), np.uint8), ValueError),
        (np.zeros((0, 4), np.uint8), ValueError),
        (Pillow.new("F", (4, 4)), TypeError),
    ],
)
def test_other_things_are_refused(
    tiny_denoiser: Path, picture: object, error: type[Exception]
) -> None:
    with pytest.raises(error):
        aecli.denoise(picture, **OPTIONS)


@pytest.mark.parametrize("shape", [(33, 47), (33, 47, 3), (33, 47, 4)])
def test_the_command_gives_the_same_pixels(
    tiny_denoiser: Path, tmp_path: Path, shape: tuple[int, ...]
) -> None:
    picture = Pillow.fromarray(array(*shape))
    source, target = tmp_path / "in.png", tmp_path / "out.png"
    picture.save(source)
    options = [word for name, value in OPTIONS.items() for word in (f"--{name}", value)]
    assert run(["denoise", str(source), "-o", str(target), "--quiet", *options]) == 0
    with Pillow.open(target) as written:
        assert np.array_equal(np.asarray(written), aecli.denoise(np.asarray(picture), **OPTIONS))


def test_a_transposed_array_is_welcome(tiny_denoiser: Path) -> None:
    picture = array(20, 30, 3)
    view = picture.transpose(1, 0, 2)
    assert np.array_equal(denoised(view), denoised(view.copy()))


def test_load_model_gives_the_network_and_its_card(tiny_denoiser: Path) -> None:
    for name in ("tiny", tiny_denoiser):
        model = aecli.load_model("denoise", name)
        assert model.meta.tag == "tiny"
        assert model.geometry.multiple_of == 4
    with pytest.raises(ModelError):
        aecli.load_model("denoise", "tinny")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 2), (20, 30, 3), (7, 1, 4)])
def test_upscale_enlarges_any_array(
    tiny_upscaler: Path, shape: tuple[int, ...], dtype: type[np.generic]
) -> None:
    picture = array(*shape, dtype=dtype)
    result = aecli.upscale(picture, 2.5, **OPTIONS)
    assert result.shape == (int(2.5 * shape[0] + 0.5), int(2.5 * shape[1] + 0.5), *shape[2:])
    assert result.dtype == dtype
    exact = aecli.upscale(picture, size=(2 * shape[1], 3 * shape[0]), **OPTIONS)
    assert exact.shape == (3 * shape[0], 2 * shape[1], *shape[2:])


def test_upscale_keeps_the_kind_of_picture(tiny_upscaler: Path) -> None:
    pixels = array(20, 30, 3)
    expected = aecli.upscale(pixels, **OPTIONS)
    result = aecli.upscale(Pillow.fromarray(pixels), **OPTIONS)
    assert (result.mode, result.size) == ("RGB", (60, 40))
    assert np.array_equal(np.asarray(result), expected)
    assert np.array_equal(aecli.upscale(Image(pixels), **OPTIONS).pixels, expected)
    loose = aecli.upscale(pixels, consistent=False, **OPTIONS)
    assert not np.array_equal(loose, expected)


@pytest.mark.parametrize("wish", [{"scale": 9}, {"size": (30, 19)}])
def test_upscale_refuses_impossible_sizes(
    tiny_upscaler: Path, wish: dict[str, float | tuple[int, int]]
) -> None:
    with pytest.raises(UsageError):
        aecli.upscale(array(20, 30), **wish, **OPTIONS)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floating_point_from_0_to_1_is_16_bits_and_comes_back(
    tiny_denoiser: Path, dtype: type[np.generic]
) -> None:
    deep = array(20, 30, 4, dtype=np.uint16)
    result = aecli.denoise((deep / 65535).astype(dtype), sigma=25, **OPTIONS)
    assert result.dtype == dtype
    assert np.array_equal(np.rint(result * np.float64(65535)), denoised(deep))


def test_a_path_gives_an_image_with_all_that_its_file_says(
    tiny_denoiser: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source, target = tmp_path / "in.png", tmp_path / "out.jpg"
    Pillow.fromarray(array(20, 30, 4)).save(source, dpi=(300, 300))
    for path in (source, str(source)):
        result = aecli.denoise(path, sigma=25, **OPTIONS)
        assert np.array_equal(result.pixels, denoised(array(20, 30, 4))[..., :3])
    aecli.save(result, target)
    with Pillow.open(target) as written:
        assert (written.size, written.info["dpi"]) == ((30, 20), (300, 300))
    assert f"{target}: transparency flattened on white" in caplog.text
    with pytest.raises(aecli.AecliError, match="exists"):
        aecli.save(result, target)
    aecli.save(array(4, 4), target, overwrite=True)
    with pytest.raises(aecli.AecliError, match="format"):
        aecli.save(result, tmp_path / "out.xyz")


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What has been loaded from a file."""
    handles._kept.cache_clear()
    names: list[str] = []
    real = Restorer.open.__func__

    def opening(cls: type[Restorer], model: str | Path | None = None, **where: str) -> Restorer:
        names.append(str(model))
        return real(cls, model, **where)

    monkeypatch.setattr(Restorer, "open", classmethod(opening))
    return names


def test_a_model_is_loaded_once_until_its_file_changes(
    tiny_denoiser: Path, loads: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "aecli")
    kept = aecli.open("denoise", **OPTIONS)
    assert "denoise by tiny on " in caplog.text
    first = kept(array(20, 30), sigma=25)
    assert np.array_equal(first, denoised(array(20, 30)))
    assert loads == ["tiny"]
    tiny_denoiser.write_bytes(tiny_denoiser.read_bytes())
    denoised(array(20, 30))
    assert loads == ["tiny"] * 2
    with ThreadPoolExecutor(1) as thread:
        thread.submit(denoised, array(20, 30)).result()
    assert loads == ["tiny"] * 3, "a thread has its own"


def test_each_task_has_its_handle(tiny_upscaler: Path) -> None:
    picture = array(20, 30)
    large = aecli.open("upscale", **OPTIONS)(picture, scale=2.5)
    assert np.array_equal(large, aecli.upscale(picture, 2.5, **OPTIONS))
    with pytest.raises(UsageError, match="no task 'sharpen'"):
        aecli.open("sharpen")
    with pytest.raises(UsageError, match="fp32"):
        aecli.open("embed", precision="bf16")


def test_training_takes_what_the_command_takes_and_tells_the_logger(
    images: Path, home: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "aecli")
    short = {"steps": 1, "seed": 3, "device": "cpu", "precision": "fp32"}
    settings = ("data.crop=24", "data.val_crop=24", "data.batch=2", "model.widths=[8]")
    settings += ("model.blocks=[1]", "data.val_limit=1", "data.workers=0")
    made = [
        aecli.train(
            "upscale",
            [images],
            name=name,
            scale=3,
            folder=tmp_path / name,
            settings=settings,
            **short,
        )
        for name in ("one", "two")
    ]
    assert made == [home / "models" / f"upscale-{name}-x3.safetensors" for name in ("one", "two")]
    one, two = (aecli.load_model("upscale", path) for path in made)
    assert one.meta.training["recipe"]["run"]["seed"] == 3
    pairs = zip(one.module.parameters(), two.module.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs), "equal seeds, equal weights"
    assert "step 1: psnr " in caplog.text
    with pytest.raises(UsageError, match="denoise cannot be asked for 'scale'"):
        aecli.train("denoise", [images], name="x", scale=2)
