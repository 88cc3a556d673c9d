"""A folder as people have them, left alone for a night: every kind of picture, and what is none."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from aecli import extras
from aecli.images import writing
from aecli.images.image import Image, Metadata
from aecli.images.reading import decode
from tests.images.raws import dng
from tests.images.samples import exif, noise

from ..pictures import names

SUFFIXES = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp", "HEIC": "HEIC", "JXL": "jxl"}
EACH = 6


def picture(seed: int) -> np.ndarray:
    return np.repeat(np.repeat(noise(3, 4, 3, seed=seed), 8, 0), 8, 1)


@pytest.fixture
def night(tmp_path: Path) -> Path:
    """Thirty pictures, six RAW files, six copies, and twelve files that cannot be read."""
    folder = tmp_path / "night"
    (folder / "deeper").mkdir(parents=True)
    data = Metadata(exif=exif(1))
    for at, (form, suffix) in enumerate(SUFFIXES.items()):
        for number in range(EACH):
            file = io.BytesIO()
            writing.write(Image(picture(10 * at + number), None, data), file, form)
            place = folder / "deeper" if number % 2 else folder
            (place / f"{form.lower()}{number}.{suffix}").write_bytes(file.getvalue())
    for number in range(EACH):
        (folder / f"raw{number}.DNG").write_bytes(dng(picture(90 + number)))
        copy = (folder / f"png{number // 2 * 2}.png").read_bytes()
        (folder / f"copy{number}.png").write_bytes(copy)
        for name in ("heic0.HEIC", "jxl0.jxl"):
            cut = (folder / name).read_bytes()[: 60 + 40 * number]
            (folder / f"cut{number}.{name.partition('.')[2]}").write_bytes(cut)
    (folder / "notes.txt").write_text("not a picture")
    (folder / "drawing.psd").write_bytes(b"8BPS")
    (folder / "gone.png").symlink_to("nothing")
    return folder


def test_one_command_does_it(denoise, night: Path) -> None:
    before = {path: path.read_bytes() for path in night.rglob("*") if path.is_file()}
    result = denoise("-r", night, "-o", "out/", "--json")
    assert result.code == 1
    assert Counter(r["status"] for r in result.records) == {
        "done": 7 * EACH,
        "failed": 2 * EACH,
        "left out": 2,
    }
    assert "42 done, 12 failed, 2 left out" in result.err
    assert "a bug in aecli" not in result.err
    for record in result.records:
        name = Path(record["source"]).name
        assert (record["status"] == "failed") == name.startswith("cut")
        if record["status"] == "failed":
            assert record["error"].startswith(record["source"])
    assert Counter(Path(name).suffix for name in names("out")) == {
        ".png": 2 * EACH,
        ".jpg": 2 * EACH,  # HEIC, too
        ".webp": EACH,
        ".jxl": EACH,
        ".tif": EACH,
    }
    assert all(path.read_bytes() == content for path, content in before.items())
    heic = decode(Path("out/heic0.jpg"))
    assert heic.metadata.exif is not None
    assert np.abs(heic.pixels.astype(int) - picture(30)).mean() < 25
    assert decode(Path("out/raw0.tif")).pixels.dtype == np.uint16
    again = denoise("-r", night, "-o", "out/", "--skip-existing")
    assert again.code == 1
    assert "42 skipped, 12 failed, 2 left out" in again.err


def test_heic_is_written_where_it_is_asked_for(denoise, night: Path) -> None:
    assert denoise(night / "heic0.HEIC", "-o", "a.heic").code == 0
    assert denoise(night / "heic0.HEIC", "-o", "b/", "-f", "heic").code == 0
    assert denoise(night / "heic0.HEIC").code == 0
    assert decode(Path("a.heic")).format == decode(Path("b/heic0.HEIC")).format == "HEIC"
    assert (night / "heic0_denoised.jpg").exists()
    assert denoise(night / "raw0.DNG", "-o", "c.jpg").code == 0
    refused = denoise(night / "raw0.DNG", "-o", "c.dng")
    assert refused.code == 2
    assert "RAW is read but not written" in refused.err


def test_without_the_extras_they_are_told_of(denoise, night: Path, monkeypatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda _: None)
    result = denoise(night, "-o", "out/", "--json")
    left_out = [r for r in result.records if r["status"] == "left out"]
    assert Counter(r["reason"] for r in left_out) == {
        "HEIC": EACH // 2 + EACH,
        "a camera's RAW file": EACH,
        "a Photoshop document": 1,
        "a link to nothing": 1,
    }
    assert "pip install 'aecli[heif]' adds it" in result.err
    named = denoise(night / "heic0.HEIC")
    assert named.code == 1
    assert "is HEIC, which needs pillow-heif" in named.err
    assert "pip install 'aecli[heif]'" in named.err
    asked = denoise(night / "png0.png", "-f", "heic")
    assert asked.code == 2
    assert "HEIC needs pillow-heif" in asked.err
