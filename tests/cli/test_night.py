"""A night's folder: one command, right counts, no surprise."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from aecli.images.reading import decode, probe

from . import night as nights
from .night import Night


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    return nights.make(tmp_path_factory.mktemp("night") / "in")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_it_holds_two_hundred_files(night: Night) -> None:
    files = sum(len(names) for _, _, names in os.walk(night.folder))
    assert files == 200 or not all(extra.there for extra in nights.EXTRAS.values())


@pytest.mark.parametrize("command", ["denoise", "upscale"])
def test_every_picture_has_a_result(
    aecli, tiny_denoiser, tiny_upscaler, night: Night, command: str, tmp_path: Path
) -> None:
    before = contents(night.folder)
    out = tmp_path / "out"
    whole = (command, "-m", "tiny", "-r", night.folder, "-o", out)
    result = aecli(*whole, "--json")
    assert result.code == 1
    by_status = {
        status: {Path(r["source"]) for r in result.records if r["status"] == status}
        for status in ("done", "failed", "left out")
    }
    assert by_status["done"] == {*night.good}
    assert by_status["failed"] == night.broken
    assert by_status["left out"] == night.left_out
    assert len(result.records) == len(night.good) + len(night.broken) + len(night.left_out)
    counts = f"{len(night.broken)} failed, {len(night.left_out)} left out"
    assert f"{len(night.good)} done, {counts} in " in result.err
    assert "a bug in aecli" not in result.err
    made = {Path(r["source"]): Path(r["target"]) for r in result.records if r["status"] == "done"}
    assert sorted(made.values()) == sorted(path for path in out.rglob("*") if path.is_file())
    assert {source: probe(target).format for source, target in made.items()} == night.good
    size = (64, 48) if command == "denoise" else (128, 96)
    assert {(probe(p).width, probe(p).height) for p in made.values()} == {size}
    assert contents(night.folder) == before
    again = aecli(*whole, "--skip-existing")
    assert again.code == 1
    assert f"{len(night.good)} skipped, {counts} in " in again.err
    for record in result.records:
        if record["status"] == "failed":
            assert record["error"].startswith(f"{record['source']}: ")


def test_results_are_those_pictures(aecli, tiny_denoiser, night: Night, tmp_path: Path) -> None:
    if not all(extra.there for extra in nights.EXTRAS.values()):
        pytest.skip("needs the extras heif and raw")
    out = tmp_path / "out"
    pictures = [night.folder / name for name in ("heic0.HEIC", "raw0.DNG", "jxl0.jxl")]
    assert aecli("denoise", "-m", "tiny", *pictures, "-o", f"{out}/").code == 0
    heic, raw = decode(out / "heic0.jpg"), decode(out / "raw0.tif")
    assert heic.metadata.exif is not None
    assert raw.pixels.dtype == np.uint16
    seeds = {"HEIC": heic, "JXL": decode(out / "jxl0.jxl")}
    for form, image in seeds.items():
        truth = nights.picture(100 * [*nights.SUFFIXES].index(form)).astype(int)
        assert np.abs(image.pixels - truth).mean() < 25


def test_two_that_would_be_one_are_refused_with_a_cure_that_works(
    aecli, tiny_denoiser, night: Night, tmp_path: Path
) -> None:
    pair = tmp_path / "pair"
    pair.mkdir()
    (pair / "1.jxl").write_bytes((night.folder / "jxl0.jxl").read_bytes())
    (pair / "1.png").write_bytes((night.folder / "png0.png").read_bytes())
    whole = ("denoise", "-m", "tiny", pair, "-f", "jpg", "-o", f"{tmp_path / 'out'}/")
    refused = aecli(*whole)
    assert refused.code == 2
    assert "1.jxl and" in refused.err
    assert "--template '{name}.{ext}'" in refused.err
    assert aecli(*whole, "--template", "{name}.{ext}").code == 0
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"1.jxl.jpg", "1.png.jpg"}


def test_duplicates_are_found(aecli, night: Night, tmp_path: Path) -> None:
    page = tmp_path / "dupes.html"
    result = aecli(
        "embed", night.folder, "--duplicates", "--threshold", 0.99, "--plot", page, "--json"
    )
    assert result.code == 1
    records = result.records
    found = {frozenset(map(Path, (r["best"], *r["others"]))) for r in records if "best" in r}
    assert found == night.copies
    told = Counter(r["status"] for r in records if "status" in r)
    assert told == {"failed": len(night.broken), "left out": len(night.left_out)}
    counts = f"{len(night.broken)} failed, {len(night.left_out)} left out"
    assert f"{len(night.good)} embedded, {counts}\n" in result.err
    assert "32 groups of near-duplicates, 32 copies beside the best" in result.err
    assert page.read_text("utf-8").count("data:image/jpeg;base64,") == 64
