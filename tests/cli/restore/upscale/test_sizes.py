"""What `aecli upscale` is asked for: sizes, names, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecli.cli.restore import spec

from ..pictures import names, read, size
from .pictures import SMOOTH, save


@pytest.mark.parametrize(
    ("arguments", "name", "expected"),
    [
        ([], "photo_x2.png", (60, 48)),
        (["-s", "3"], "photo_x3.png", (90, 72)),
        (["--scale", "2.5"], "photo_x2.5.png", (75, 60)),
        (["--scale", "1.33"], "photo_x1.33.png", (40, 32)),
        (["--scale", "8"], "photo_x8.png", (240, 192)),
        (["--scale", "1"], "photo_x1.png", (30, 24)),
        (["--size", "80x60"], "photo_80x60.png", (80, 60)),
        (["--width", "80"], "photo_w80.png", (80, 64)),
        (["--height", "60"], "photo_h60.png", (75, 60)),
        (["--template", "{stem}@{scale}x-{model}"], "photo@2x-tiny.png", (60, 48)),
        (["--template", "{scale}/{tag}", "--width", "60"], "w60/w60.png", (60, 48)),
        (["-f", "jpg", "-o", "out/"], "out/photo.jpg", (60, 48)),
    ],
)
def test_names_and_sizes(upscale, photo, arguments, name, expected) -> None:
    result = upscale("photo.png", *arguments)
    assert (result.code, result.out) == (0, b"")
    assert names() == sorted(["photo.png", name])
    assert size(name) == expected


def test_scale_1_changes_nothing(upscale, photo) -> None:
    [record] = upscale(photo, "-s", "1", "--json").records
    assert np.array_equal(read("photo_x1.png"), read(photo))
    assert record["scale"] == 1
    assert "networks" not in record


def test_sizes_are_rounded_half_up(upscale) -> None:
    for width in (1, 5, 8):
        save(f"in/{width}.png", SMOOTH.astype(np.uint8)[:7, :width])
    assert upscale("in", "-o", "out/", "--scale", "2.5").code == 0
    assert [size(f"out/{width}.png") for width in (1, 5, 8)] == [(3, 18), (13, 18), (20, 18)]


def test_records_say_what_was_done(upscale, photo) -> None:
    [record] = upscale(photo, "-s", "5.5", "--json").records
    assert record.pop("seconds") >= 0
    assert record == {
        "source": "photo.png",
        "target": "photo_x5.5.png",
        "status": "done",
        "width": 165,
        "height": 132,
        "model": "tiny",
        "engine": "ncnn",
        "scale": 5.5,
        "networks": "2x3",
    }
    result = upscale(photo, "--size", "60x72")
    assert result.err.splitlines()[0].startswith("aecli: tiny on ")
    assert "photo_60x72.png (scale 2.5, networks 3, " in result.err.splitlines()[-1]


def test_a_member_and_a_file_go_by_their_own_names(upscale, aecli, photo, tiny_upscaler) -> None:
    arguments = (photo, "--dry-run", "--template", "{model}.png")
    for model, name in (
        ("tiny", "tiny"),
        ("tiny-x3", "tiny-x3"),
        (tiny_upscaler / "upscale-tiny-x3.safetensors", "tiny-x3"),
    ):
        result = aecli("upscale", "-m", model, *arguments)
        assert result.lines == [f"photo.png -> {name}.png"]


def test_running_again_over_a_folder_skips_its_own_results(upscale) -> None:
    save("in/a.png")
    for wish in (["-s", "2"], ["-s", "2.5"], ["--width", "60"], ["--size", "60x60"]):
        assert upscale("in", *wish).code == 0
    assert upscale("in", "--skip-existing").code == 0
    expected = ["a.png", "a_60x60.png", "a_w60.png", "a_x2.5.png", "a_x2.png"]
    assert names("in") == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no inputs"),
        (["photo.png", "--scale", "9"], "a scale goes from 1 to 8"),
        (["photo.png", "--scale", "0.5"], "a scale goes from 1 to 8"),
        (["photo.png", "--scale", "two"], "Invalid value for '-s' / '--scale'"),
        (["photo.png", "--size", "60"], "'60' is not a width and a height"),
        (["photo.png", "--size", "20x60"], "photo.png: 30x24 pixels to 20x60 would shrink it"),
        (["photo.png", "--width", "241"], "photo.png: 30x24 pixels to 241x193 is more than 8"),
        (["photo.png", "--width", "60", "--height", "60"], "choose one of scale, size,"),
        (["photo.png", "--scale", "2", "--size", "60x60"], "choose one of scale, size,"),
        (["photo.png", "-o", "photo.png", "--overwrite"], "would replace the input"),
        (["photo.png", "--device", "cuda:63"], "CUDA"),
    ],
)
def test_usage_errors_come_before_any_work(upscale, photo, arguments, message) -> None:
    result = upscale(*arguments)
    assert result.code == 2
    assert message in result.err.splitlines()[0]
    assert names() == ["photo.png"]


def test_a_missing_model_is_said(aecli, photo) -> None:
    result = aecli("upscale", "-m", "nope", photo)
    assert result.code == 3
    assert "there is no model 'nope' for upscale" in result.err


def test_a_damaged_model_ends_the_run(upscale, photo, tiny_upscaler) -> None:
    model = tiny_upscaler / "upscale-tiny-x3.safetensors"
    model.write_bytes(model.read_bytes()[:-1])
    result = upscale(photo)
    assert result.code == 3
    assert "upscale-tiny-x3.safetensors is damaged" in result.err


def test_huge_results_are_refused_unless_confirmed(upscale, photo, monkeypatch) -> None:
    monkeypatch.setattr(spec, "MOST_BYTES", 60 * 48 * 3)
    assert upscale(photo, "-o", "fits.png").code == 0
    save("deep.png", SMOOTH[..., 0].astype(np.uint16))
    save("alpha.png", np.dstack([SMOOTH, SMOOTH[..., 0]]).astype(np.uint8))
    assert upscale("deep.png", "-o", "deep_fits.png").code == 0
    refused = upscale("alpha.png", "-o", "out/")
    assert refused.code == 2
    assert "alpha.png: 60x48 pixels would take 0.0 GiB (11,520 bytes)" in refused.err
    assert "--yes" in refused.err
    assert not Path("out").exists()
    assert upscale("alpha.png", "-o", "out/", "--yes").code == 0
    piped = upscale("-", stdin=Path("alpha.png").read_bytes())
    assert (piped.code, piped.out) == (1, b"")
    assert "standard input: 60x48 pixels would take" in piped.err


def test_an_impossible_picture_fails_alone(upscale, photo) -> None:
    save("wide.png", np.zeros((10, 300, 3), np.uint8))
    for dry in (["--dry-run"], []):
        done = upscale(photo, "wide.png", "--width", "60", "-o", "out/", "--json", *dry)
        assert done.code == 1
        assert [r["status"] for r in done.records].count("failed") == 1
        assert "wide.png: " in done.err
    assert names("out") == ["photo.png"]


def test_what_a_format_cannot_hold_is_said_before_the_work(aecli, upscale, tiny_denoiser) -> None:
    save("long.png", np.zeros((2, 16_384, 3), np.uint8))
    for result in (
        upscale("long.png", "-f", "webp", "--dry-run"),
        aecli("denoise", "long.png", "-f", "webp", "--dry-run"),
        aecli("denoise", "long.png", "-m", "tiny", "-o", "long.webp"),
    ):
        assert result.code == 1
        assert "long.png: " in result.err
        assert "too large for WEBP, which ends at 16383" in result.err
        assert "-f png" in result.err
        assert "on cpu" not in result.err
    assert names() == ["long.png"]


def test_the_limit_is_a_gibibyte(upscale) -> None:
    save("wide.png", np.zeros((2500, 2500, 3), np.uint8))
    refused = upscale("wide.png", "-s", "8", "--dry-run")
    assert refused.code == 2
    assert "wide.png: 20000x20000 pixels would take 1.1 GiB (1,200,000,000 bytes)" in refused.err
    assert upscale("wide.png", "-s", "7.5", "--dry-run").code == 0


def test_pictures_that_lie_sideways_are_measured_upright(upscale) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    save("upright.jpg", exif=exif)
    assert upscale("upright.jpg", "--width", "25").code == 0
    assert size("upright_w25.jpg") == (25, 31)
    refused = upscale("upright.jpg", "--height", "29")
    assert refused.code == 2
    assert "24x30 pixels to 23x29 would shrink it" in refused.err
