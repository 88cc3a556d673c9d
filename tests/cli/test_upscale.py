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
from aecli.cli.restoring import purpose
from aecli.imaging import metrics
from aecli.imaging.resample import resample

from .. import tiny
from .conftest import ROOT

SMOOTH = np.indices((24, 30)).sum(0)[..., None] * np.array([2, 3, 4]) + 10


def save(path: Path | str, array: np.ndarray | None = None, **options) -> Path:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(SMOOTH.astype(np.uint8) if array is None else array).save(path, **options)
    return path


def read(path: Path | str) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def size(path: Path | str) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def names(folder: Path | str = ".") -> list[str]:
    folder = Path(folder)
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


@pytest.fixture(autouse=True)
def _there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def upscale(aecli, tiny_upscaler):
    """`aecli upscale -m tiny ...`."""
    return lambda *arguments, **options: aecli("upscale", "-m", "tiny", *arguments, **options)


@pytest.fixture
def photo() -> Path:
    """30 pixels wide, 24 high."""
    return save("photo.png")


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
        (["photo.png", "--width", "60", "--height", "60"], "choose one of --scale, --size,"),
        (["photo.png", "--scale", "2", "--size", "60x60"], "choose one of --scale, --size,"),
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
    monkeypatch.setattr(purpose, "MOST_BYTES", 60 * 48 * 3)
    assert upscale(photo, "-o", "fits.png").code == 0
    save("deep.png", SMOOTH[..., 0].astype(np.uint16))
    save("alpha.png", np.dstack([SMOOTH, SMOOTH[..., 0]]).astype(np.uint8))
    assert upscale("deep.png", "-o", "deep_fits.png").code == 0
    refused = upscale("photo.png", "alpha.png", "-o", "out/")
    assert refused.code == 2
    assert "alpha.png: 60x48 pixels would take 0.0 GiB (11,520 bytes)" in refused.err
    assert "--yes" in refused.err
    assert not Path("out").exists()
    assert upscale("photo.png", "alpha.png", "-o", "out/", "--yes").code == 0
    piped = upscale("-", stdin=Path("alpha.png").read_bytes())
    assert (piped.code, piped.out) == (1, b"")
    assert "standard input: 60x48 pixels would take" in piped.err


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
    both = read("photo_compare.png")
    assert both.shape == (36, 90, 3)
    assert np.array_equal(both[:, :45], resample(read(photo), 36, 45))
    assert np.array_equal(both[:, 45:], read("photo_x1.5.png"))


def test_stdin_to_stdout(upscale, photo) -> None:
    piped = upscale("-", stdin=photo.read_bytes())
    assert piped.code == 0
    upscale(photo, "-o", "file.png")
    assert piped.out == Path("file.png").read_bytes()
    small = upscale("-", "--size", "20x20", stdin=photo.read_bytes())
    assert (small.code, small.out) == (1, b"")
    assert "standard input: 30x24 pixels to 20x20 would shrink it" in small.err


def test_a_dry_run_imports_no_torch(python, photo, tiny_upscaler) -> None:
    code = (
        "import sys; from aecli.cli.app import run;"
        f"assert run(['upscale', '-m', 'tiny', {str(photo)!r}, '--dry-run']) == 0;"
        "sys.exit('torch' in sys.modules)"
    )
    assert python("-c", code).returncode == 0


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


def test_a_reader_that_went_away_ends_the_run_quietly(python, photo, tiny_upscaler) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        arguments = ("-m", "aecli", "upscale", "-q", "-m", "tiny", photo, "-o", "-")
        done = python(*arguments, stdout=closed)
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_family_for_found_photos(aecli, home, photo) -> None:
    tiny.upscalers(home / "models", "found", "photo")
    tiny.upscalers(home / "models", "clean")
    [record] = aecli("upscale", "-m", "found", photo, "-s", "8", "--json").records
    assert (record["model"], record["networks"]) == ("found", "2x4")
