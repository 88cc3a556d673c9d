"""What `aecli embed` makes of vectors (neighbours, duplicates, maps, reports), and refusals."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecli.inference import vectors as npz
from tests import blobs

from .spots import ALL, spot

pytestmark = pytest.mark.usefixtures("nothing_bundled")


def test_the_nearest_pictures(embed) -> None:
    spot(2, 0.1).save("query.png")
    result = embed("in", "--nearest", "query.png", "-k", 2)
    assert result.code == 0
    scores, paths = zip(*(line.split("\t") for line in result.lines), strict=True)
    assert paths == ("in/a/1.png", "in/a/2.png")
    assert 0.99 < float(scores[0]) <= 1
    assert float(scores[1]) < float(scores[0])
    result = embed("in", "--nearest", "query.png", "--json")
    assert [r["rank"] for r in result.records] == [1, 2, 3, 4]
    assert result.records[0]["path"] == "in/a/1.png"
    assert result.records[0]["query"] == "query.png"
    result = embed("in", "--nearest", "query.png", "-k", 2, "-0")
    assert result.out == b"in/a/1.png\0in/a/2.png\0"


def test_an_index_is_searched_instead_of_files(embed) -> None:
    embed("in", "-o", "z.npz")
    spot(0.1, 2).save("query.png")
    result = embed("--index", "z.npz", "--nearest", "query.png", "-k", 1, "--plot", "near.png")
    assert result.code == 0
    assert result.lines[0].endswith("\tin/b/deep/3.png")
    with Image.open("near.png") as sheet:
        assert sheet.size[0] > 2 * 192
    data = Path("query.png").read_bytes()
    assert embed("--index", "z.npz", "--nearest", "-", "-k", 1, stdin=data).lines == result.lines


def test_a_picture_of_the_index_needs_no_model_and_is_not_its_own_neighbour(embed, home) -> None:
    embed("in", "-o", "z.npz")
    (home / "models" / "embed-photo.safetensors").unlink()
    result = embed("--index", "z.npz", "--nearest", "in/a/1.png", "-k", 1)
    assert result.code == 0, result.err
    assert result.lines[0].endswith("\tin/a/2.png")
    spot(0, 0).save("query.png")
    assert embed("--index", "z.npz", "--nearest", "query.png").code == 3


def test_index_and_inputs_together(embed) -> None:
    embed("in/a", "-o", "a.npz")
    assert embed("in/b", "--index", "a.npz", "-o", "all.npz").code == 0
    assert npz.load(Path("all.npz")).paths.tolist() == ALL
    assert len(npz.load(Path("a.npz"))) == 2


def test_duplicates(embed) -> None:
    spot(2, 0).resize((32, 32), Image.Resampling.NEAREST).save("in/large.png")
    result = embed("in", "--duplicates", "--threshold", 0.995)
    assert result.code == 0
    assert result.lines == ["in/large.png", "in/a/1.png"]
    assert "1 group of near-duplicates, 1 copy beside the best" in result.err
    result = embed("in", "--duplicates", "--threshold", 0.96, "--json")
    assert result.records[0]["best"] == "in/large.png"
    assert sorted(result.records[0]["others"]) == ["in/a/1.png", "in/a/2.png"]
    result = embed("in", "--duplicates", "--threshold", 0.995, "-0")
    assert result.out == b"in/a/1.png\0"
    assert Path("in/a/1.png").exists()


def test_the_threshold_is_the_models_own(embed) -> None:
    training = {"duplicates": {"threshold": 0.5}}
    blobs.install("photo", task="embed", latent=3, training=training)
    result = embed("in", "--duplicates")
    assert "cosine at least 0.5" in result.err
    assert sorted(filter(None, result.lines)) == ALL


@pytest.mark.parametrize("more", [[], ["--thumbnails"], ["--projection", "pca"]])
def test_maps_are_pictures(embed, more) -> None:
    result = embed("in", "--plot", "map.png", *more)
    assert result.code == 0
    assert "4 pictures -> map.png" in result.err
    with Image.open("map.png") as picture:
        assert picture.size[0] > 1200
        assert len(picture.convert("RGB").getcolors(1 << 20)) > 2


def test_very_many_are_laid_out_by_pca_and_that_is_said(embed, monkeypatch) -> None:
    monkeypatch.setattr("aecli.inference.projection.MOST", 3)
    assert "4 pictures are laid out by PCA; --proj" in embed("in", "--plot", "map.png").err
    told = embed("in", "--plot", "map.png", "--projection", "pca", "--overwrite").err
    assert "laid out" not in told


def test_maps_are_pages(embed) -> None:
    embed("in", "-o", "z.npz")
    Path("in/a/1.png").unlink()
    assert embed("--index", "z.npz", "--plot", "map.html").code == 0
    text = Path("map.html").read_text("utf-8")
    assert "4 pictures by photo: PCA" in text
    assert json.dumps(ALL, separators=(",", ":")) in text


def test_the_report_puts_pca_beside_the_model(embed) -> None:
    result = embed("in", "--report")
    assert result.code == 0, result.err
    assert result.lines[0].split() == ["photo", "PCA-3"]
    assert [line.split("  ")[0] for line in result.lines[1:]] == [
        "PSNR dB",
        "5-NN accuracy, 2 classes",
        "largest class",
    ]
    (record,) = embed("in/a", "--report", "--json").records
    assert record["pictures"] == 2
    assert record["psnr"] > 20
    assert record["accuracy"] is None


def test_novel_pictures_are_warned_of_in_one_line(embed) -> None:
    for number in range(5):
        noise = np.random.default_rng(number).integers(0, 256, (16, 16), np.uint8)
        Image.fromarray(noise).save(f"in/a/noise{number}.png")
    result = embed("in", "-o", "z.npz", "-m", "knows", "-q")
    assert result.code == 0
    (line,) = result.err.splitlines()
    assert "warning: 5 pictures are unlike what knows was trained on" in line
    assert line.endswith("in/a/noise0.png, in/a/noise1.png, in/a/noise2.png, ...")
    novelty = npz.load(Path("z.npz")).novelty
    assert (novelty[2:7] == 100).all()
    assert (novelty[[0, 1, 7, 8]] < 99).all()
    result = embed("--index", "z.npz", "--nearest", "noise.png", "-q")
    Path("noise.png").write_bytes(Path("in/a/noise0.png").read_bytes() + b"\0")
    result = embed("--index", "z.npz", "--nearest", "noise.png", "-q")
    assert "1 picture is unlike what knows was trained on" in result.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to do"),
        (["in"], "nothing to do"),
        (["-o", "z.npz"], "no inputs"),
        (["empty", "-o", "z.npz"], "no images in empty"),
        (["in", "-o", "z.cvs"], "not written in such a format"),
        (["in", "-o", "-"], "-o - needs a format"),
        (["in", "-o", "-", "-f", "npy"], "lose its paths"),
        (["in", "-o", "-", "-f", "csv", "--json"], "cannot both"),
        (["in", "-o", "-", "-f", "csv", "--duplicates"], "both write to standard output"),
        (["in", "--nearest", "q.png", "--duplicates"], "both write to standard output"),
        (["in/a/1.png", "-o", "in/a/1.png", "-f", "csv", "--overwrite"], "would replace the input"),
        (["in", "-o", "there.npz"], "exists already"),
        (["in", "-o", "there.npy"], "there.paths.txt exists already"),
        (["in", "-o", "nowhere/z.npz"], "no such folder"),
        (["in", "-o", "in", "-f", "npz"], "is a folder"),
        (["in", "--update", "--plot", "m.png"], "--update needs -o"),
        (["in", "-o", "z.csv", "--update"], "--update adds to .npz files only"),
        (["in", "-o", "z.npz", "--update", "--index", "there.npz"], "exclude each other"),
        (["in", "-o", "z.npz", "-k", "3"], "-k means nothing"),
        (["in", "-o", "z.npz", "--threshold", "0.9"], "--threshold means nothing"),
        (["in", "-o", "z.npz", "--thumbnails"], "--thumbnails means nothing"),
        (["in", "--duplicates", "--threshold", "1.5"], "not a cosine"),
        (["in", "--plot", "m.gif"], "not written in that format"),
        (["in", "--plot", "m.xyz"], "no known image format"),
        (["in", "--plot", "m.png", "--projection", "pac"], "no projection"),
        (["in", "--nearest", "q.png", "--plot", "m.html"], "is a picture"),
        (["in", "--nearest", "q.png", "--plot", "m.png", "--thumbnails"], "contact sheet"),
        (["-", "--nearest", "-"], "cannot be both"),
        (["in", "-o", "z.npz", "-m", "nothing"], "no model 'nothing' for embed"),
        (["in", "--index", "gone.npz", "--duplicates"], "gone.npz: No such file"),
        (["in", "--index", "there.npz", "--duplicates"], "is no file of vectors"),
    ],
)
def test_what_cannot_be_asked(embed, arguments, message: str) -> None:
    Path("empty").mkdir()
    for name in ("there.npz", "there.paths.txt"):
        Path(name).write_bytes(b"before")
    result = embed(*arguments)
    assert result.code in (1, 2, 3)
    assert message in result.err
    assert Path("there.npz").read_bytes() == b"before"
    assert not Path("z.npz").exists()


def test_nearest_to_what_cannot_be_read(embed) -> None:
    result = embed("in", "--nearest", "gone.png")
    assert result.code == 1
    assert "gone.png: No such file" in result.err


def test_a_missing_library_is_named(embed, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    result = embed("in", "--plot", "m.png", "--projection", "umap")
    assert result.code == 2
    assert "aecli[maps]" in result.err
