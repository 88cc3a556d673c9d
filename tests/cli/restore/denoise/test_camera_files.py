"""HEIC and RAW files: written as they are asked for, told of where their extra is missing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from aecli import extras
from aecli.images.reading import decode
from tests.cli.night import encoded


@pytest.fixture
def night(tmp_path: Path) -> Path:
    """Two of each kind, and what is none."""
    folder = tmp_path / "night"
    folder.mkdir()
    for form, suffix in {"PNG": "png", "HEIC": "HEIC", "RAW": "DNG"}.items():
        for number in range(2):
            (folder / f"{form.lower()}{number}.{suffix}").write_bytes(encoded(number, form))
    (folder / "drawing.psd").write_bytes(b"8BPS")
    (folder / "gone.png").symlink_to("nothing")
    return folder


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
        "HEIC": 2,
        "a camera's RAW file": 2,
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
