"""What `aecli upscale` makes of pictures and streams."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecli import upscale as enlarge
from aecli.images import metrics
from aecli.images.resample import resample
from tests import tiny
from tests.cli.conftest import ROOT

from ..pictures import names, panel, read, size
from .pictures import SMOOTH, save


def test_one_bad_file_stops_itself_alone(upscale) -> None:
    save("in/a.png")
    Path("in/b.png").write_bytes(b"rubbish")
    result = upscale("in", "-o", "out/")
    assert result.code == 1
    assert names("out") == ["a.png"]


def test_resolution_and_size_in_metadata_follow(upscale) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Canon"
    exif[0x8769] = {0xA002: 30, 0xA003: 24}
    save("a.jpg", dpi=(100, 100), exif=exif)
    assert upscale("a.jpg", "-s", "3").code == 0
    with Image.open("a_x3.jpg") as image:
        assert image.info["dpi"] == (300, 300)
        assert dict(image.getexif().get_ifd(0x8769)) == {0xA002: 90, 0xA003: 72}
        assert image.getexif()[0x010F] == "Canon"
    assert upscale("a.jpg", "-s", "3", "--strip", "-o", "bare.jpg").code == 0
    with Image.open("bare.jpg") as image:
        assert not image.getexif()


def test_depth_channels_and_alpha_are_kept(upscale) -> None:
    save("grey.png", SMOOTH[..., 0].astype(np.uint8))
    save("deep.png", SMOOTH[..., 0].astype(np.uint16) * 257)
    constant = np.full((*SMOOTH.shape[:2], 1), 128)
    save("alpha.png", np.concatenate([SMOOTH, constant], axis=2).astype(np.uint8))
    assert upscale("grey.png", "deep.png", "alpha.png", "-o", "out/", "-s", "2.5").code == 0
    modes = {"grey": "L", "deep": "I;16", "alpha": "RGBA"}
    for name, mode in modes.items():
        with Image.open(f"out/{name}.png") as image:
            assert (image.mode, image.size) == (mode, (75, 60))
    assert (read("out/alpha.png")[..., 3] == 128).all()


def test_one_bit_and_palette_files_are_expanded(upscale) -> None:
    disc = np.hypot(*(np.indices((30, 30)) - 14.5)) < 9
    Image.fromarray(disc).save("bit.png")
    colours = Image.fromarray(np.where(disc[..., None], [250, 0, 0], [0, 0, 250]).astype(np.uint8))
    colours.quantize(2).save("palette.png")
    colours.quantize(2).save("hole.gif", transparency=int(np.asarray(colours.quantize(2))[0, 0]))
    assert upscale("bit.png", "palette.png", "hole.gif", "-o", "out/").code == 0
    bit, palette, hole = (read(f"out/{n}.png") for n in ("bit", "palette", "hole"))
    assert bit.shape == (60, 60)
    assert palette.shape == (60, 60, 3)
    assert hole.shape == (60, 60, 4)
    for values, low, high in ((bit, 0, 255), (palette[..., 0], 0, 250), (hole[..., 3], 0, 255)):
        assert abs(int(values[30, 30]) - high) <= 12
        assert abs(int(values[2, 2]) - low) <= 12
        assert len(np.unique(values)) > 8
    assert (hole[hole[..., 3] > 0][:, 0] > 200).all()  # red to its edge, no blue shines through
    assert (hole[hole[..., 3] > 0][:, 2] < 50).all()


def test_consistency_can_be_chosen(upscale, photo) -> None:
    differences = {}
    for name, wish in (("on", ["--consistent"]), ("off", ["--no-consistent"]), ("default", [])):
        assert upscale(photo, *wish, "-o", f"{name}.png").code == 0
        shrunk = resample(read(f"{name}.png"), *SMOOTH.shape[:2])
        differences[name] = np.abs(shrunk.astype(int) - read(photo)).mean()
    assert differences["on"] == differences["default"] <= 0.35 < differences["off"]


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_tiles_change_nothing(upscale, scale) -> None:
    small = np.random.default_rng(0).integers(0, 256, (20, 16, 3), np.uint8)
    save("large.png", resample(small, 160, 150))
    for tile in ("off", "64"):
        arguments = ("--tile", tile, "--precision", "fp32", "--no-consistent")
        assert upscale("large.png", "-s", scale, *arguments, "-o", f"{tile}.png").code == 0
    whole, tiled = read("off.png").astype(int), read("64.png")
    assert np.abs(whole - tiled).max() <= 1
    assert np.count_nonzero(whole != tiled) <= whole.size / 100_000


def test_ensemble_is_the_mean_of_eight(upscale, photo) -> None:
    for options in ([], ["--ensemble"]):
        arguments = ("--precision", "fp32", *options)
        assert upscale(photo, *arguments, "-o", f"{len(options)}.png").code == 0
    plain, mean = read("0.png"), read("1.png")
    assert not np.array_equal(plain, mean)
    assert np.array_equal(mean, enlarge(read(photo), model="tiny", ensemble=True, precision="fp32"))


def test_ref_scores_against_bicubic(upscale, photo) -> None:
    truth = resample(SMOOTH.astype(np.uint8), 48, 60)
    save("truth/photo.png", truth)
    [record] = upscale(photo, "--ref", "truth", "--json").records
    bicubic = resample(read(photo), 48, 60)
    assert record["psnr_before"] is None
    assert np.array_equal(bicubic, truth)
    assert record["psnr"] == pytest.approx(metrics.psnr(read("photo_x2.png"), truth), abs=1e-3)


def test_compare_shows_bicubic_and_result(upscale, photo) -> None:
    assert upscale(photo, "--compare", "-s", "1.5").code == 0
    both = read("photo_upscale_x1.5_compare.png")
    assert panel(both, resample(read(photo), 36, 45)) < panel(both, read("photo_x1.5.png"))
    assert upscale(photo, "--compare", "-s", "3").code == 0
    assert upscale(".", "--compare", "-o", "out/", "--dry-run").lines == [
        "photo.png -> out/photo.png"
    ]


def test_stdin_to_stdout(upscale, photo) -> None:
    piped = upscale("-", stdin=photo.read_bytes())
    assert piped.code == 0
    upscale(photo, "-o", "file.png")
    assert piped.out == Path("file.png").read_bytes()
    small = upscale("-", "--size", "20x20", stdin=photo.read_bytes())
    assert (small.code, small.out) == (1, b"")
    assert "standard input: 30x24 pixels to 20x20 would shrink it" in small.err


@pytest.mark.skipif(os.name == "nt", reason="a POSIX shell")
def test_a_pipe_of_both_commands(photo, tiny_denoiser, tiny_upscaler) -> None:
    program = f"{shlex.quote(sys.executable)} -m aecli"
    line = (
        f"cat photo.png | {program} denoise -q -m tiny - | {program} upscale -q -m tiny - -s 2 > b"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(line, shell=True, env=environment, capture_output=True, check=False)  # noqa: S602
    assert (done.returncode, done.stderr) == (0, b"")
    assert size("b") == (60, 48)


def test_a_family_for_found_photos(aecli, home, photo) -> None:
    tiny.upscalers(home / "models", "found", "photo")
    tiny.upscalers(home / "models", "clean")
    [record] = aecli("upscale", "-m", "found", photo, "-s", "8", "--json").records
    assert (record["model"], record["networks"]) == ("found", "2x4")


def test_a_result_that_is_not_consistent_says_so(upscale) -> None:
    mosaic = np.zeros((30, 40), np.uint8)
    mosaic[::2, ::2] = 255
    save("mosaic.png", mosaic)
    save("flat.png", np.full((30, 40), 90, np.uint8))
    result = upscale("mosaic.png", "flat.png", "--consistent", "-o", "out/", "--json")
    assert result.code == 0
    said = {record["source"]: record.get("warnings", []) for record in result.records}
    assert "shrunk again it is" in said["mosaic.png"][0]
    assert said["flat.png"] == []
    assert "mosaic.png: shrunk again it is" in result.err
