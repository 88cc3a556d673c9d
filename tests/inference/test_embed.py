from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import aecli
from aecli.datasets.collecting import collect, find
from aecli.errors import InputError, ModelError
from aecli.images import reading
from aecli.images.square import square
from aecli.inference import comparison, embed, projection, thumbnails
from aecli.inference.embed import Embedder

from .. import blobs

pytestmark = pytest.mark.usefixtures("nothing_bundled")

ON_CPU = {"device": "cpu"}


@pytest.fixture(autouse=True)
def _models(home, monkeypatch, one_thread) -> None:
    blobs.register(monkeypatch)


def spot(x: float, y: float = 0.0, size: int = 16) -> Image.Image:
    line = np.linspace(-4, 4, 16)
    light = np.exp(-((line - y) ** 2))[:, None] * np.exp(-((line - x) ** 2))[None]
    picture = Image.fromarray((light * 255).round().astype(np.uint8))
    return picture if size == 16 else picture.resize((size, size), Image.Resampling.NEAREST)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "in"
    path.mkdir()
    for number in range(5):
        spot(number - 2, 1).save(path / f"{number}.png")
    return path


def test_a_model_for_embed_comes_before_one_for_generate() -> None:
    blobs.install("spots", latent=2)
    assert embed.find("spots").task == "generate"
    ours = blobs.install("spots", task="embed", latent=3)
    assert embed.find("spots").path == ours
    with pytest.raises(ModelError, match="no default model for embed"):
        embed.find()
    blobs.install("photo", task="embed")
    assert embed.find().name == "photo"
    with pytest.raises(ModelError, match="no model 'sports' for embed"):
        embed.find("sports")


def test_a_file_of_either_task_serves_and_no_other(tiny_denoiser: Path) -> None:
    assert embed.find(blobs.install("spots")).task == "generate"
    with pytest.raises(ModelError, match="is a model for denoise, not for embed"):
        embed.find(tiny_denoiser)


def test_a_generator_with_a_latent_grid_has_no_vectors() -> None:
    blobs.install("tiles", "mosaic")
    with pytest.raises(ModelError, match="the latents of tiles are grids"):
        Embedder.open("tiles", **ON_CPU)
    blobs.install("grid", "mosaic", task="embed")
    assert Embedder.open("grid", **ON_CPU).dimension == 48


def test_vectors_come_in_the_order_of_the_files(folder: Path, monkeypatch) -> None:
    monkeypatch.setattr(embed, "BATCH", 2)
    (folder / "1.png").write_bytes(b"no image")
    (folder / "3.png").chmod(0)
    blobs.install("spots", latent=3)
    sources = collect([str(folder), str(folder / "gone.png")])
    entries = list(Embedder.open("spots", **ON_CPU).run(sources))
    assert [e.item for e in entries] == sources
    failed = [k for k, e in enumerate(entries) if e.error is not None]
    assert failed in ([1, 3, 5], [1, 5])  # root reads all files
    assert "1.png: is no image" in str(entries[1].error)
    assert "gone.png: No such file" in str(entries[5].error)
    for number in (0, 2, 4):
        assert entries[number].vector == pytest.approx([number - 2, 1, 0], abs=0.05)
        assert np.isnan(entries[number].novelty)


def test_what_is_known_is_not_embedded_again(folder: Path) -> None:
    blobs.install("spots")
    embedder, sources = Embedder.open("spots", **ON_CPU), collect([str(folder)])
    first = list(embedder.run(sources))
    known = {first[0].digest, first[3].digest}
    again = list(embedder.run(sources, known=known.__contains__))
    assert [e.vector is None for e in again] == [True, False, False, True, False]
    assert [e.digest for e in again] == [e.digest for e in first]
    assert list(embedder.run(sources, known=lambda _: True))[4].vector is None


def test_novelty_tells_spots_from_other_pictures() -> None:
    blobs.install("spots", training=blobs.KNOWS)
    embedder = Embedder.open("spots", **ON_CPU)
    other = np.random.default_rng(0).integers(0, 256, (16, 16), np.uint8)
    _, novelty = embedder.embed(np.stack([np.asarray(spot(0.5)), other]))
    assert novelty[0] < 50
    assert novelty[1] == 100


def test_a_jpeg_is_decoded_small_and_looks_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8))
    picture = picture.resize((640, 480), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(buffer, "JPEG", quality=95, exif=exif)
    data = buffer.getvalue()
    assert reading.decode(data, at_least=64).pixels.shape == (160, 120, 3)
    assert reading.decode(data, at_least=61).pixels.shape == (160, 120, 3)
    assert reading.decode(data, at_least=60).pixels.shape == (80, 60, 3)
    whole = square(reading.decode(data), 32, 3).astype(int)
    (tmp_path / "x.jpg").write_bytes(data)
    assert np.abs(embed.small(find(str(tmp_path / "x.jpg")), 32, 3) - whole).max() <= 4
    png = io.BytesIO()
    picture.save(png, "PNG")
    assert reading.decode(png.getvalue(), at_least=60).pixels.shape == (480, 640, 3)


def test_pictures_are_read_again(folder: Path) -> None:
    pictures, there = thumbnails.read([str(folder / "0.png"), "gone.png"], 8)
    assert pictures.shape == (2, 8, 8, 3)
    assert there.tolist() == [True, False]
    assert len(np.unique(pictures[1])) == 1
    assert thumbnails.read([str(folder / "0.png")], 8, 1)[0].shape == (1, 8, 8)


def test_embedding_from_python() -> None:
    blobs.install("spots", latent=3)
    small, large = spot(1, -2), spot(1, -2, size=160)
    vectors = aecli.embed([np.asarray(small), small, large.convert("RGB")], model="spots", **ON_CPU)
    assert vectors.shape == (3, 3)
    assert vectors.dtype == np.float32
    assert np.allclose(vectors, [1, -2, 0], atol=0.2)
    with pytest.raises(ValueError, match="no pictures"):
        aecli.embed([], model="spots")
    with pytest.raises(InputError, match=r"a\.png"):
        aecli.embed(["a.png"], model="spots")
    with pytest.raises(TypeError):
        aecli.embed([3], model="spots")


def test_two_dimensions_are_places_already() -> None:
    values = np.arange(10, dtype=np.float32).reshape(5, 2)
    layout = projection.project(values, "umap")
    assert np.array_equal(layout.points, values)
    assert (layout.title, layout.axes) == ("latent space", ("dimension 1", "dimension 2"))


def test_principal_components_show_the_widest_spread() -> None:
    rng = np.random.default_rng(0)
    plane = rng.normal(size=(200, 2)) * [5, 2]
    values = np.concatenate([plane, rng.normal(size=(200, 6)) * 0.01], 1)
    rotation, _ = np.linalg.qr(rng.normal(size=(8, 8)))
    layout = projection.project((values @ rotation).astype(np.float32), "pca")
    assert "PCA, 100%" in layout.title
    for k in range(2):
        assert abs(np.corrcoef(layout.points[:, k], plane[:, k])[0, 1]) > 0.99
    shares = plane.var(axis=0) / plane.var(axis=0).sum()
    assert layout.axes == tuple(
        f"component {k}, {share:.0%} of the variance" for k, share in enumerate(shares, 1)
    )
    alone = projection.project(np.ones((1, 8), np.float32), "pca")
    assert alone.points.tolist() == [[0, 0]]
    assert alone.axes is not None


def test_umap_keeps_clusters_apart() -> None:
    pytest.importorskip("umap")
    rng = np.random.default_rng(0)
    values = np.eye(2, 8, dtype=np.float32).repeat(20, 0) + rng.normal(size=(40, 8)) * 0.05
    points = projection.project(values.astype(np.float32), "umap").points
    labels = np.repeat([0, 1], 20)
    assert comparison.accuracy(points, labels) == 1


def test_accuracy_leaves_the_row_itself_out() -> None:
    values = np.array([[0.0], [1], [10], [11], [12]], np.float32)
    labels = np.array([0, 0, 1, 1, 1])
    assert comparison.accuracy(values, labels, 1) == 1
    assert comparison.accuracy(values, 1 - labels, 1) == 1
    assert comparison.accuracy(values, np.array([0, 1, 0, 1, 0]), 1) < 0.5


def test_pca_never_sees_what_it_reconstructs() -> None:
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(12, 40)).astype(np.float32)
    assert comparison.pca_error(flat, 30) > 0.5  # it would be 0 had it seen them
    low = (rng.normal(size=(60, 3)) @ rng.normal(size=(3, 40))).astype(np.float32)
    assert comparison.pca_error(low, 3) < 1e-6
    tall = (rng.normal(size=(60, 3)) @ rng.normal(size=(3, 10))).astype(np.float32)
    assert comparison.pca_error(tall, 3) < 1e-6
    assert comparison.pca_error(tall, 2) > 0.01


def test_a_comparison() -> None:
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (30, 4, 4, 3), np.uint8)
    folders = ["a"] * 20 + ["b"] * 10
    values = np.array([[0.0, 0]] * 20 + [[9.0, 9]] * 10, np.float32)
    got = comparison.compare(values, pictures, pictures, folders)
    assert (got.pictures, got.components, got.accuracy) == (30, 2, 1.0)
    assert got.psnr == np.inf
    assert got.psnr_pca is not None
    assert 8 < got.psnr_pca < 16
    assert got.accuracy_pca is not None
    assert got.accuracy_pca < 1
    assert got.chance == pytest.approx(2 / 3)
    alone = comparison.compare(values[:1], pictures[:1], pictures[:1], ["a"])
    assert (alone.psnr_pca, alone.accuracy) == (None, None)


def test_large_collections_are_sampled() -> None:
    assert comparison.chosen(5).tolist() == [0, 1, 2, 3, 4]
    rows = comparison.chosen(5000)
    assert len(set(rows.tolist())) == comparison.LIMIT
    assert np.array_equal(rows, comparison.chosen(5000))
