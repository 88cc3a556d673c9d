"""Files of many pictures: IDX, arrays, archives."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecli.figures import scatter
from tests.training.digits import write_mnist

IMAGES = "mnist/t10k-images-idx3-ubyte.gz"


@pytest.fixture(autouse=True)
def digits(_models) -> None:
    write_mnist(Path("mnist"))


def _rows() -> list[dict[str, str]]:
    with Path("z.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_picture_is_a_row_with_its_label(embed) -> None:
    assert embed(IMAGES, "-o", "z.csv").code == 0
    assert [row["path"] for row in _rows()] == [f"{IMAGES}::{k}" for k in range(9)]
    assert [row["label"] for row in _rows()] == ["0", "1", "2"] * 3
    files = sorted(map(str, Path("mnist").iterdir()))
    assert embed(*files, "-o", "z.csv", "--overwrite").code == 0
    assert len(_rows()) == 24 + 9


def test_what_is_named_alone_is_alone(embed) -> None:
    assert embed(f"{IMAGES}::4", "in/a/1.png", "-o", "z.csv").code == 0
    assert [(row["path"], row["label"]) for row in _rows()] == [
        (f"{IMAGES}::4", "1"),
        ("in/a/1.png", ""),
    ]
    result = embed(f"{IMAGES}::9", "in/a/1.png", "-o", "z.csv", "--overwrite")
    assert result.code == 1
    assert f"{IMAGES}::9: there is no such picture" in result.err
    assert len(_rows()) == 1


def test_they_are_updated_searched_and_drawn(embed, monkeypatch: pytest.MonkeyPatch) -> None:
    assert embed(IMAGES, "-o", "z.npz").code == 0
    result = embed(IMAGES, "-o", "z.npz", "--update")
    assert "0 embedded, 9 known" in result.err
    result = embed("--index", "z.npz", "--nearest", f"{IMAGES}::0", "-k", 2, "--plot", "near.png")
    assert result.code == 0, result.err
    assert len(result.lines) == 2
    assert f"{IMAGES}::0" not in result.out.decode()
    shown: list[str] = []
    draw = scatter.dots
    monkeypatch.setattr(
        scatter, "dots", lambda p, names, *more: shown.extend(names) or draw(p, names, *more)
    )
    assert embed("--index", "z.npz", "--plot", "map.png").code == 0
    assert shown == ["0", "1", "2"] * 3
    assert embed("--index", "z.npz", "--plot", "map.html").code == 0
    result = embed("--index", "z.npz", "--report", "--plot", "both.png")
    assert result.code == 0, result.err
    with Image.open("both.png") as picture:
        assert picture.width > 2 * picture.height
    assert "5-NN accuracy, 3 classes" in result.out.decode()
    assert embed("--index", "z.npz", "--duplicates", "--plot", "groups.html").code == 0


def test_arrays_and_archives_are_read_and_one_bad_one_stops_no_other(embed) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 16, 16), np.uint8)
    np.savez("faces.npz", images=pixels, labels=["a", "b", "a"])
    with zipfile.ZipFile("spots.zip", "w") as archive:
        archive.write("in/a/1.png", "left/1.png")
    Path("bad.npy").write_bytes(b"no array")
    result = embed("faces.npz", "bad.npy", "spots.zip", "-o", "z.csv")
    assert result.code == 1
    assert "bad.npy: is no array of numpy's, or damaged" in result.err
    assert [(row["path"], row["label"]) for row in _rows()] == [
        ("faces.npz::0", "a"),
        ("faces.npz::1", "b"),
        ("faces.npz::2", "a"),
        ("spots.zip::left/1.png", "left"),
    ]
