"""What `aecli denoise` makes of files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import aecli
from aecli.images import metrics, reading
from aecli.images.formats import FORMATS

from ..pictures import names, panel, read
from .pictures import CLEAN, pixels, save


def test_the_result_lands_beside_the_input(denoise, photo, tmp_path) -> None:
    result = denoise(photo)
    assert (result.code, result.out) == (0, b"")
    assert names(tmp_path) == ["photo.png", "photo_denoised.png"]
    assert read(tmp_path / "photo_denoised.png").shape == CLEAN.shape
    assert not np.array_equal(read(tmp_path / "photo_denoised.png"), read(photo))
    assert "photo_denoised.png (sigma " in result.err.splitlines()[-1]


def test_an_existing_result_is_refused_skipped_or_replaced(denoise, photo, tmp_path) -> None:
    target = tmp_path / "photo_denoised.png"
    target.write_bytes(b"mine")
    refused = denoise(photo)
    assert refused.code == 2
    assert "exists already" in refused.err
    assert "hint: --overwrite replaces, --skip-existing leaves out" in refused.err
    skipped = denoise(photo, "--skip-existing")
    assert skipped.code == 0
    assert "skipped" in skipped.err
    assert target.read_bytes() == b"mine"
    assert denoise(photo, "--overwrite").code == 0
    assert read(target).shape == CLEAN.shape


def test_a_corrupt_file_among_good_ones(denoise, tmp_path) -> None:
    good = [save(tmp_path / f"in/{n}.png", pixels(n)) for n in range(3)]
    bad = tmp_path / "in/bad.png"
    bad.write_bytes(good[0].read_bytes()[:200])
    result = denoise(*sorted((tmp_path / "in").iterdir()), "-o", "out/")
    assert result.code == 1
    assert names(tmp_path / "out") == ["0.png", "1.png", "2.png"]
    assert any("error:" in line and "bad.png" in line for line in result.err.splitlines())
    assert "3 done, 1 failed" in result.err.splitlines()[-1]


def test_every_format_is_read_and_written(denoise, tmp_path) -> None:
    pillow = {*Image.registered_extensions().values()}  # the others are in test_folder
    suffixes = [f.suffixes[0] for f in FORMATS.values() if f.name in pillow]
    for suffix in suffixes:
        save(tmp_path / f"in/{suffix[1:]}{suffix}")
    assert denoise("in", "-o", "out/").code == 0
    expected = ["gif.png" if s == ".gif" else f"{s[1:]}{s}" for s in suffixes]
    assert names(tmp_path / "out") == sorted(expected)


def test_a_bug_that_one_image_meets_stops_that_image_alone(denoise, tmp_path, monkeypatch) -> None:
    genuine = reading.decode

    def decode(path, **options):
        return 1 // 0 if path.name == "b.png" else genuine(path, **options)

    monkeypatch.setattr(reading, "decode", decode)
    for name in "abc":
        save(tmp_path / f"in/{name}.png")
    result = denoise("in", "-o", "out/")
    assert result.code == 1
    assert names(tmp_path / "out") == ["a.png", "c.png"]
    [error] = [line for line in result.err.splitlines() if "error" in line]
    assert error.startswith("aecli: error: in/b.png: ZeroDivisionError: ")
    assert "AECLI_DEBUG=1 shows the traceback" in result.err
    monkeypatch.setenv("AECLI_DEBUG", "1")
    assert "Traceback" in denoise("in", "-o", "again/").err


def test_broken_metadata_are_dropped_in_silence(python, tmp_path, tiny_denoiser) -> None:
    exif = Image.Exif()
    exif[0x010F] = "a camera's name that is too long to lie in the directory itself"
    beyond_the_end = exif.tobytes().replace(b"\0\0\0\x1a", b"\0\0\xff\0")
    for suffix in ("jpg", "png", "webp"):
        save(tmp_path / f"in/{suffix}.{suffix}", exif=beyond_the_end)
    done = python("-m", "aecli", "denoise", "-q", "-m", "tiny", "in")
    assert (done.returncode, done.stderr) == (0, b"")


def test_folders_keep_their_tree_and_skip_their_own_results(denoise, tmp_path) -> None:
    for name in ("a.png", "sub/b.png", "sub/deeper/c.png"):
        save(tmp_path / "in" / name)
    assert denoise("in", "-o", "flat/").code == 0
    assert names(tmp_path / "flat") == ["a.png"]
    assert denoise("in", "-r", "-o", "out").code == 0
    assert names(tmp_path / "out") == ["a.png", "sub/b.png", "sub/deeper/c.png"]
    assert denoise("in").code == 0
    again = denoise("in", "--skip-existing")
    assert again.code == 0
    assert names(tmp_path / "in") == [
        "a.png",
        "a_denoised.png",
        "sub/b.png",
        "sub/deeper/c.png",
    ]


def test_sigma_and_strength_steer(denoise, photo, tmp_path) -> None:
    told = denoise(photo, "--sigma", "30", "--json", "-o", "a.png")
    assert told.records[0]["sigma"] == 30
    denoise(photo, "--sigma", "15", "--strength", "2", "-o", "b.png")
    assert np.array_equal(read(tmp_path / "a.png"), read(tmp_path / "b.png"))
    denoise(photo, "--strength", "0", "-o", "c.png")
    assert np.array_equal(read(tmp_path / "c.png"), read(photo))


def test_tiles_change_nothing(denoise, photo, tmp_path) -> None:
    denoise(photo, "--tile", "off", "--precision", "fp32", "-o", "a.png")
    denoise(photo, "--tile", "16", "--precision", "fp32", "-o", "b.png")
    a, b = (read(tmp_path / n).astype(int) for n in ("a.png", "b.png"))
    assert np.abs(a - b).max() <= 1
    assert (a != b).sum() <= 1


def test_ensemble_is_the_mean_of_eight(denoise, photo, tmp_path) -> None:
    denoise(photo, "--precision", "fp32", "-o", "a.png")
    denoise(photo, "--precision", "fp32", "--ensemble", "-o", "b.png")
    a, b = (read(tmp_path / n) for n in ("a.png", "b.png"))
    assert not np.array_equal(a, b)
    assert np.array_equal(
        b, aecli.denoise(read(photo), model="tiny", ensemble=True, precision="fp32")
    )


def test_ref_scores_before_and_after(denoise, photo, tmp_path) -> None:
    clean = save(tmp_path / "true/photo.tif", CLEAN.round().astype(np.uint8))
    result = denoise(photo, "--ref", clean, "--json", "--sigma", "25")
    [record] = result.records
    truth, after = read(clean), read(tmp_path / "photo_denoised.png")
    assert record["psnr_before"] == pytest.approx(metrics.psnr(read(photo), truth), abs=1e-3)
    assert record["psnr"] == pytest.approx(metrics.psnr(after, truth), abs=1e-3)
    assert record["ssim_before"] == pytest.approx(metrics.ssim(read(photo), truth), abs=1e-3)
    assert record["ssim"] == pytest.approx(metrics.ssim(after, truth), abs=1e-3)
    by_folder = denoise(photo, "--ref", "true", "--overwrite", "--sigma", "25")
    assert f"PSNR {record['psnr_before']:.2f} -> {record['psnr']:.2f} dB" in by_folder.err


def test_the_input_itself_as_reference_scores_infinity(denoise, photo) -> None:
    result = denoise(photo, "--ref", photo, "--strength", "0", "--json")
    assert result.records[0]["psnr"] is None
    assert result.records[0]["ssim"] == 1


def test_a_reference_that_does_not_fit(denoise, photo, tmp_path) -> None:
    other = save(tmp_path / "other.png", CLEAN[:30].astype(np.uint8))
    wrong = denoise(photo, "--ref", other)
    assert wrong.code == 1
    assert "photo.png: the reference is 56x30 pixels, the image 56x40" in wrong.err
    assert not (tmp_path / "photo_denoised.png").exists()
    for reference in ("none.png", "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        missing = denoise(photo, "--ref", reference)
        assert missing.code == 2
    assert denoise(photo, other, "--ref", other).code == 2


def test_grey_and_deep_images_score_against_any_reference(denoise, tmp_path) -> None:
    grey = save(tmp_path / "grey.png", pixels()[..., 0])
    truth = save(tmp_path / "true.png", CLEAN.round().astype(np.uint8))
    [record] = denoise(grey, "--ref", truth, "--json").records
    assert record["psnr"] > 0


def test_compare_shows_before_and_after(denoise, photo, tmp_path) -> None:
    result = denoise(photo, "--compare", "-o", "out/", "--json")
    [record] = result.records
    assert record["compare"] == "out/photo_denoise_compare.png"
    assert "models" not in record
    both = read(tmp_path / record["compare"])
    left, right = panel(both, read(photo)), panel(both, read("out/photo.png"))
    assert left < 10 < both.shape[1] / 2 < right
    assert denoise(photo, "--compare", "-o", "out/b.png").code == 0
    assert denoise(photo, "--compare", "-o", "out/b.png").code == 2
    assert denoise(photo, "--compare", "-o", "out/b.png", "--overwrite").code == 0
    assert denoise("-", "--compare", stdin=photo.read_bytes()).code == 2
    save(tmp_path / "photo.jpg")
    Path("new").mkdir()
    Path("new/photo_denoise_compare.png").write_bytes(b"mine")
    assert denoise(photo, "--compare", "-o", "new/").code == 2
    assert names("new") == ["photo_denoise_compare.png"]
    refused = denoise(photo, "photo.jpg", "--compare", "-o", "newer/")
    assert "would both become newer/photo_denoise_compare.png" in refused.err
    assert "hint: name results after their inputs" in refused.err
    template = ("--template", "{name}.png")
    assert denoise(photo, "photo.jpg", "--compare", "-o", "newer/", *template).code == 0
    assert "photo.jpg_denoise_compare.png" in names("newer")


def test_what_is_transparent_shows_the_background_when_compared(denoise) -> None:
    alpha = np.zeros(CLEAN.shape[:2], np.uint8)
    save(Path("clear.png"), np.dstack([pixels(), alpha]))
    assert denoise("clear.png", "--compare", "--background", "#123456").code == 0
    figure = read("clear_denoise_compare.png")
    assert (figure == (0x12, 0x34, 0x56)).all(axis=2).sum() == 2 * alpha.size


def test_a_dry_run_writes_nothing_and_loads_no_model(denoise, photo, tmp_path) -> None:
    result = denoise(photo, "--dry-run", "-o", "out/", "--template", "{stem}-{model}.{ext}")
    assert result.code == 0
    assert result.lines == [f"{photo} -> out/photo-tiny.png"]
    assert names(tmp_path) == ["photo.png"]
    [record] = denoise(photo, "--dry-run", "--json").records
    assert record["status"] == "planned"


def test_what_the_format_cannot_hold_is_a_warning(denoise, tmp_path) -> None:
    rgba = np.dstack([pixels(), np.full(CLEAN.shape[:2], 128, np.uint8)])
    save(tmp_path / "rgba.png", rgba)
    result = denoise("rgba.png", "-f", "jpg", "--background", "black", "--json")
    assert "aecli: warning: rgba.png: " in result.err
    assert len(result.records[0]["warnings"]) == 1
    assert read(tmp_path / "rgba_denoised.jpg").mean() < pixels().mean() * 0.7


def test_alpha_grey_and_depth_are_kept(denoise, tmp_path) -> None:
    deep = (pixels()[..., 0].astype(np.uint16)) * 257
    save(tmp_path / "grey16.png", deep)
    save(tmp_path / "alpha.png", np.dstack([pixels(), pixels(1)[..., 0]]))
    assert denoise("grey16.png", "alpha.png", "-o", "out/").code == 0
    with Image.open("out/grey16.png") as grey:
        assert grey.mode == "I;16"
    assert np.array_equal(read(Path("out/alpha.png"))[..., 3], pixels(1)[..., 0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no inputs"),
        (["photo.png", "-o", "photo.png", "--overwrite"], "would replace the input"),
        (["photo.png", "-o", "-", "--json"], "cannot both go to standard output"),
        (["photo.png", "-f", "xyz"], "no known image format"),
        (["photo.png", "--background", "puce"], "background 'puce' is no colour"),
        (["photo.png", "--device", "cuda:63"], "CUDA"),
        (["photo.png", "--template", "{nope}"], "no placeholder {nope}"),
    ],
)
def test_usage_errors_come_before_any_work(denoise, photo, tmp_path, arguments, message) -> None:
    result = denoise(*arguments)
    assert result.code == 2
    assert message in result.err.splitlines()[0]
    assert names(tmp_path) == ["photo.png"]


def test_too_many_pixels_are_one_files_failure(denoise, photo) -> None:
    result = denoise(photo, "--max-pixels", "2000")
    assert result.code == 1
    assert "photo.png" in result.err
