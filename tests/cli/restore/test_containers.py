"""Files that hold many pictures: each is one input, and one result."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .pictures import names, read, size

DIGITS = np.random.default_rng(0).integers(0, 256, (3, 12, 16), np.uint8)
IDX = "train-images-idx3-ubyte"


@pytest.fixture
def denoise(aecli, tiny_denoiser):
    return lambda *arguments: aecli("denoise", "-m", "tiny", *arguments)


@pytest.fixture
def digits() -> Path:
    np.savez("digits.npz", x=DIGITS)
    return Path("digits.npz")


def archive(**members: str) -> Path:
    """`icons.zip` of pictures in formats, by their names there."""
    with zipfile.ZipFile("icons.zip", "w") as file:
        for place, form in members.items():
            content = io.BytesIO()
            Image.fromarray(DIGITS[0]).save(content, form)
            file.writestr(place, content.getvalue())
    return Path("icons.zip")


def test_every_picture_becomes_a_result_beside_the_file(denoise, digits: Path) -> None:
    assert denoise(digits).code == 0
    results = [f"digits-{number}_denoised.png" for number in range(3)]
    assert names() == [*results, "digits.npz"]
    for pixels, result in zip(DIGITS, results, strict=True):
        assert 0 < np.abs(read(result).astype(int) - pixels).mean() < 40
    again = denoise(digits)
    assert (again.code, "exist already" in again.err) == (2, True)
    Path(results[1]).unlink()
    assert "1 done, 2 skipped" in denoise(digits, "--skip-existing").err


def test_one_is_named_by_its_place(denoise, digits: Path) -> None:
    result = denoise(f"{digits}::1", digits, "--json", "-o", "out/")
    told = [json.loads(line) for line in result.out.splitlines()]
    assert [row["source"] for row in told] == [f"{digits}::{place}" for place in (1, 0, 2)]
    assert [row["target"] for row in told] == [f"out/digits-{place}.png" for place in (1, 0, 2)]
    assert np.array_equal(read("out/digits-1.png").shape, DIGITS[1].shape)
    assert denoise(f"{digits}::2", "-o", "two.png").code == 0
    assert np.array_equal(read("two.png"), read("out/digits-2.png"))


def test_what_cannot_be_read_leaves_the_others_alone(denoise, digits: Path) -> None:
    Path("bad.zip").write_bytes(b"PK\3\4")
    result = denoise(f"{digits}::3", "bad.zip", f"{digits}::0")
    assert result.code == 1
    assert f"error: {digits}::3: there is no such picture\n" in result.err
    assert "hint: there are 0 to 2" in result.err
    assert "error: bad.zip: damaged" in result.err
    assert "1 done, 2 failed" in result.err
    assert names() == ["bad.zip", "digits-0_denoised.png", "digits.npz"]
    result = denoise("digits-0_denoised.png::0")
    assert (result.code, "is no file of many pictures" in result.err) == (2, True)


def test_too_many_pixels_are_refused_as_in_files(denoise, digits: Path) -> None:
    members = archive(**{"a.png": "PNG"})
    result = denoise(f"{digits}::0", members, "--max-pixels", 100)
    assert (result.code, result.err.count("16x12 is more than 100 pixels")) == (1, 2)


def test_members_of_an_archive_keep_their_format_and_lead_nowhere(aecli, tiny_upscaler) -> None:
    archive(
        **{"cats/1.png": "PNG", "dogs/1.jpg": "JPEG", "../up.png": "PNG", "a\\..\\..\\b.png": "PNG"}
    )
    assert aecli("upscale", "-m", "tiny", "icons.zip", "-o", "deep/out/").code == 0
    results = ["icons-a-b.png", "icons-cats-1.png", "icons-dogs-1.jpg"]
    assert names() == [*(f"deep/out/{name}" for name in results), "icons.zip"]
    assert {size(f"deep/out/{name}") for name in results} == {(32, 24)}
    assert Path("deep/out/icons-dogs-1.jpg").read_bytes().startswith(b"\xff\xd8")


def test_two_that_would_share_a_name_are_refused(denoise) -> None:
    archive(**{"a/b.png": "PNG", "a-b.png": "PNG"})
    result = denoise("icons.zip")
    assert (result.code, names()) == (2, ["icons.zip"])
    assert "icons.zip::a/b.png and icons.zip::a-b.png would both become" in result.err


def test_folders_give_idx_files_but_no_archives(denoise, digits: Path) -> None:
    folder = Path("mnist")
    folder.mkdir()
    header = bytes([0, 0, 8, 3]) + np.array(DIGITS.shape, ">u4").tobytes()
    (folder / IDX).write_bytes(header + DIGITS.tobytes())
    digits.rename(folder / digits)
    for expected in ("3 done in", "3 done, 3 left out (3 of an earlier run)"):
        result = denoise(folder, "--overwrite")
        assert (result.code, expected in result.err) == (0, True)
    assert names(folder) == ["digits.npz", IDX, *(f"{IDX}-{k}_denoised.png" for k in range(3))]
