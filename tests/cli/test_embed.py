from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecli.cli import console
from aecli.inference import vectors as npz

from .. import blobs

pytestmark = pytest.mark.usefixtures("nothing_bundled")


def spot(x: float, y: float) -> Image.Image:
    line = np.linspace(-4, 4, 16)
    light = np.exp(-((line - y) ** 2))[:, None] * np.exp(-((line - x) ** 2))[None]
    return Image.fromarray((light * 255).round().astype(np.uint8))


@pytest.fixture(autouse=True)
def _models(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, one_thread) -> None:
    monkeypatch.chdir(tmp_path)
    blobs.register(monkeypatch)
    blobs.install("photo", task="embed", latent=3)
    blobs.install("other", task="embed", latent=2)
    blobs.install("knows", task="embed", training=blobs.KNOWS)


@pytest.fixture(autouse=True)
def folder(_models) -> None:
    """Two folders of two spots each: in/a to the right, in/b/deep below."""
    for name, x, y in [("a/1", 2, 0), ("a/2", 2, 0.5), ("b/deep/3", 0, 2), ("b/deep/4", 1, 2)]:
        path = Path("in", f"{name}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        spot(x, y).save(path)


ALL = ["in/a/1.png", "in/a/2.png", "in/b/deep/3.png", "in/b/deep/4.png"]


@pytest.fixture
def embed(aecli):
    """`aecli embed --device cpu --precision fp32 ...`."""

    def call(*arguments: object, stdin: bytes = b""):
        return aecli("embed", *arguments, "--device", "cpu", "--precision", "fp32", stdin=stdin)

    return call


def test_folders_become_vectors(embed) -> None:
    result = embed("in", "-o", "z.npz")
    assert result.code == 0
    assert result.out == b""
    assert "photo on cpu" in result.err
    assert "4 embedded; 4 vectors -> z.npz" in result.err
    with np.load("z.npz", allow_pickle=False) as arrays:
        assert arrays["paths"].tolist() == ALL
        assert np.allclose(arrays["vectors"][0], [2, 0, 0], atol=0.1)
        assert np.isnan(arrays["novelty"]).all()


def test_what_cannot_be_read_is_left_out(embed) -> None:
    Path("in/a/1.png").write_bytes(b"no image")
    result = embed("in", "-o", "z.npz", "--json")
    assert result.code == 1
    assert "error: in/a/1.png: is no image" in result.err
    assert [r["status"] for r in result.records] == ["failed", "done", "done", "done"]
    assert result.records[1] == {"source": "in/a/2.png", "status": "done", "novelty": None}
    loaded = npz.load(Path("z.npz"))
    assert loaded.paths.tolist() == ALL[1:]
    assert np.allclose(loaded.values[0], [2, 0.5, 0], atol=0.1)


def test_nothing_that_can_be_read(embed) -> None:
    Path("bad.png").write_bytes(b"no image")
    result = embed("bad.png", "-o", "z.npz")
    assert result.code == 1
    assert "no picture could be embedded" in result.err
    assert not Path("z.npz").exists()


def test_updates_embed_only_what_is_new_or_changed(embed) -> None:
    embed("in", "-o", "z.npz")
    spot(-1, -1).save("in/a/2.png")
    spot(-2, 0).save("in/a/0.png")
    Path("in/b/deep/3.png").unlink()
    result = embed("in", "-o", "z.npz", "--update", "--json")
    assert result.code == 0
    assert [(r["source"], r["status"]) for r in result.records] == [
        ("in/a/0.png", "done"),
        ("in/a/1.png", "known"),
        ("in/a/2.png", "done"),
        ("in/b/deep/4.png", "known"),
    ]
    assert "2 embedded, 2 known; 5 vectors" in result.err
    loaded = npz.load(Path("z.npz"))
    assert loaded.paths.tolist() == [*ALL, "in/a/0.png"]
    assert np.allclose(loaded.values[1], [-1, -1, 0], atol=0.1)
    assert np.allclose(loaded.values[4], [-2, 0, 0], atol=0.2)


def test_an_update_may_be_the_first(embed) -> None:
    assert embed("in", "-o", "z.npz", "--update").code == 0
    assert len(npz.load(Path("z.npz"))) == 4


def test_updates_refuse_another_model(embed) -> None:
    embed("in", "-o", "z.npz")
    result = embed("in", "-o", "z.npz", "--update", "-m", "other")
    assert result.code == 2
    assert "z.npz was made by photo" in result.err
    embed("in", "-o", "o.npz", "-m", "other")
    result = embed("in", "-o", "o.npz", "--update")
    assert result.code == 0, result.err
    assert "other on cpu" in result.err


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_vectors_as_text_on_standard_output(embed, form: str) -> None:
    result = embed("in", "-o", "-", "-f", form)
    assert result.code == 0
    assert len(result.lines) == 4 + (form == "csv")
    assert all(path in line for path, line in zip(ALL, result.lines[-4:], strict=True))
    assert embed("in", "-o", f"z.{form}").code == 0
    assert Path(f"z.{form}").read_bytes() == result.out


def test_other_files(embed, monkeypatch) -> None:
    assert embed("in", "-o", "z.npy").code == 0
    assert np.load("z.npy").shape == (4, 3)
    assert Path("z.paths.txt").read_text().splitlines()[1:] == ALL
    result = embed("in", "-o", "-", "-f", "npz")
    with np.load(io.BytesIO(result.out)) as arrays:
        assert arrays["paths"].tolist() == ALL
    monkeypatch.setattr(console, "stdout_is_terminal", lambda: True)
    assert embed("in", "-o", "-", "-f", "npz").code == 2


def test_standard_input_and_lists(embed) -> None:
    buffer = io.BytesIO()
    spot(1, 1).save(buffer, "PNG")
    assert embed("-", "-o", "z.npz", stdin=buffer.getvalue()).code == 0
    assert npz.load(Path("z.npz")).paths.tolist() == ["-"]
    names = "\0".join(ALL[:2]).encode()
    assert embed("--files-from", "-", "-0", "-o", "y.npz", stdin=names).code == 0
    assert npz.load(Path("y.npz")).paths.tolist() == ALL[:2]


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
    assert sorted(result.lines) == ALL


@pytest.mark.parametrize("more", [[], ["--thumbnails"], ["--projection", "pca"]])
def test_maps_are_pictures(embed, more) -> None:
    result = embed("in", "--plot", "map.png", *more)
    assert result.code == 0
    assert "4 pictures -> map.png" in result.err
    with Image.open("map.png") as picture:
        assert picture.size[0] > 1200
        assert len(picture.convert("RGB").getcolors(1 << 20)) > 2


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
        "5-NN accuracy, 2 folders",
        "largest folder",
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


@pytest.mark.skipif(os.name == "nt", reason="names are bytes on POSIX only")
def test_names_of_any_bytes(embed) -> None:
    name = os.fsdecode(b"in/a/\xff.png")
    spot(2, 0).save(name)
    assert embed("in", "-o", "z.npz", "--plot", "m.html").code == 0
    assert name in npz.load(Path("z.npz")).paths.tolist()
    result = embed("--index", "z.npz", "--duplicates", "--threshold", 1, "-0")
    assert result.out in (b"in/a/\xff.png\0", b"in/a/1.png\0")
    assert embed("--index", "z.npz", "--duplicates").code == 0


def test_the_help_page_loads_nothing_heavy(python) -> None:
    heavy = ("torch", "numpy", "PIL", "rich", "safetensors", "imagecodecs")
    script = f"""
import sys
from aecli.cli.app import run
try: run(["embed", "--help"])
except SystemExit: pass
print([m for m in {heavy} if m in sys.modules])
"""
    done = python("-c", script)
    assert done.stdout.decode().splitlines()[-1] == "[]"
