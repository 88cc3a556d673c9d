"""`--compare` with several models, of both commands that make pictures from pictures."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests import tiny

from .denoise.pictures import save
from .pictures import names, panel, read
from .test_both import BOTH


@pytest.fixture(scope="module")
def _others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("others")
    tiny.denoiser(folder, "other", seed=8)
    tiny.upscalers(folder, "other", "photo")
    return folder


@pytest.fixture
def photo(tiny_denoiser: Path, home: Path, tiny_upscaler, _others: Path) -> Path:
    """One for two models of each kind: tiny, and another."""
    shutil.copytree(_others, home / "models", dirs_exist_ok=True)
    return save("photo.png")


RESULTS = {"denoise": "photo_denoised.png", "upscale": "photo_x2.png"}
COMPARED = {"denoise": "photo_denoise_compare.png", "upscale": "photo_upscale_x2_compare.png"}


@BOTH
def test_several_models_stand_side_by_side(aecli, photo: Path, command: str) -> None:
    for model in ("other", "tiny"):
        assert aecli(command, photo, "-m", model, "-o", f"{model}.png").code == 0
    called = ("-m", "tiny", "-m", "other", "--compare")
    [record] = aecli(command, photo, *called, "--json").records
    assert record["target"] == RESULTS[command]
    assert record["compare"] == COMPARED[command]
    assert [each["model"] for each in record["models"]] == ["tiny", "other"]
    assert record == record | record["models"][0]
    figure = read(record["compare"])
    assert np.array_equal(read(record["target"]), read("tiny.png"))
    places = [panel(figure, read(f"{model}.png")) for model in ("tiny", "other")]
    assert 0 < places[0] < places[1]
    again = aecli(command, photo, *called, "--overwrite")
    assert "tiny: " in again.err
    assert "; other: " in again.err


@BOTH
def test_each_model_is_scored(aecli, photo: Path, command: str) -> None:
    truth = read(photo).repeat(2, 0).repeat(2, 1) if command == "upscale" else read(photo)
    clean = save("clean.png", truth)
    models = ("-m", "tiny", "-m", "other", "--compare")
    [record] = aecli(command, photo, "--ref", clean, *models, "--json").records
    first, second = record["models"]
    assert record["psnr"] == first["psnr"] != second["psnr"]
    assert first["ssim_before"] == second["ssim_before"]
    save("in/photo.png")
    save("in/clean.png")
    Path("clean").mkdir()
    for name in ("photo.png", "clean.png"):
        shutil.copy(clean, Path("clean", name))
    result = aecli(command, "in", "--ref", "clean/", *models, "-o", "out/", "--json")
    told = result.err.splitlines()[-1]
    for name, place in (("tiny", 0), ("other", 1)):
        mean = np.mean([record["models"][place]["psnr"] for record in result.records])
        assert f"{name}: mean PSNR " in told
        assert f" -> {mean:.2f} dB" in told


@BOTH
@pytest.mark.parametrize(
    ("models", "message", "cure"),
    [
        (
            ("tiny", "other"),
            "2 models, but one result an image",
            "--compare puts them side by side",
        ),
        (("tiny", "tiny"), "2 models, but one result", "--compare"),
        (("tiny", "tiny", "--compare"), "-m tiny is named twice", ""),
        (("tiny", "gone", "--compare"), "no model 'gone'", "other"),
    ],
)
def test_what_cannot_be_compared_is_said(
    aecli, photo: Path, command: str, models: tuple[str, ...], message: str, cure: str
) -> None:
    words = [word for name in models for word in (("-m", name) if name[0] != "-" else (name,))]
    refused = aecli(command, photo, *words)
    assert refused.code in (2, 3)
    assert message in refused.err
    assert cure in refused.err
    assert names() == ["photo.png"]


def test_both_commands_compare_into_one_folder_and_leave_it_out_again(aecli, photo: Path) -> None:
    for _ in range(2):
        for command in ("denoise", "upscale"):
            options = ("-m", "tiny", "--compare", "--overwrite")
            assert aecli(command, photo, *options, "-o", "out/").code == 0
            assert aecli(command, ".", *options).code == 0
    assert names("out") == ["photo.png", *sorted(COMPARED.values())]
    assert {*COMPARED.values()} < {*names()}
    assert not [name for name in names() if "compare_" in name]
