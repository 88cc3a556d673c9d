from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import aecli
from aecli.checkpoints import store
from aecli.errors import InputError, ModelError, UsageError
from aecli.inference import latents as points
from aecli.inference.latents import Latents, axes, between, like, quantiles
from aecli.inference.sample import BATCH, Sampler

from .. import blobs, tiny


@pytest.fixture(autouse=True)
def _models(home, monkeypatch, one_thread) -> None:
    blobs.register(monkeypatch)


def opened(
    name: str = "spots", architecture: str = "blobs", *, precision: str = "fp32", **config: object
) -> Sampler:
    blobs.install(name, architecture, **config)
    return Sampler.open(store.find("generate", name), device="cpu", precision=precision)


def test_a_sampler_knows_its_model() -> None:
    sampler = opened(classes=("a", "b"), latent=5)
    assert (sampler.name, sampler.size, sampler.channels) == ("spots", 16, 1)
    assert (sampler.latent, sampler.classes) == ((5,), ("a", "b"))
    assert sampler.sha256 == store.sha256(store.find("generate", "spots").path)


def test_noise_is_standard_normal_and_depends_on_the_seed_alone() -> None:
    sampler = opened(latent=50)
    noises = sampler.noise(1)
    first, second = next(noises), next(noises)
    assert first.shape == (BATCH, 50)
    assert first.dtype == np.float32
    assert abs(first.mean()) < 0.05
    assert abs(first.std() - 1) < 0.05
    assert not np.array_equal(first, second)
    assert np.array_equal(first, next(sampler.noise(1)))
    assert not np.array_equal(first, next(sampler.noise(2)))


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_are_levels_in_the_models_channels(channels: int) -> None:
    sampler = opened(channels=channels)
    z = np.zeros((3, 2), np.float32)
    tiles = sampler.decode(z, None)
    assert tiles.dtype == np.uint8
    assert tiles.shape == ((3, 16, 16) if channels == 1 else (3, 16, 16, 3))
    assert tiles.max() > 200
    assert tiles[0, 0, 0].max() == 0


def test_a_sample_does_not_depend_on_its_batch() -> None:
    sampler = opened(architecture="mosaic")
    z = next(sampler.noise(0))
    z = np.concatenate([z, z + 1])[:100]
    tiles = sampler.decode(z, None)
    assert len(tiles) == 100
    for count in (1, 10, 65):
        assert np.array_equal(sampler.decode(z[:count], None), tiles[:count])


def test_encoding_inverts_decoding() -> None:
    sampler = opened()
    z = np.array([[0.5, -1], [-0.3, 0.7]], np.float32)
    assert np.abs(sampler.encode(sampler.decode(z, None), None) - z).max() < 0.05
    mosaic = opened("tiles", "mosaic")
    z = next(mosaic.noise(0))[:5]
    assert np.abs(mosaic.encode(mosaic.decode(z, None), None) - z).max() < 0.05


def test_labels_and_temperature_reach_the_model() -> None:
    sampler = opened(classes=("dim", "bright"))
    z = sampler.draw(np.ones((2, 2), np.float32), np.array([0, 1]), 0.0)
    assert np.array_equal(z, np.zeros((2, 2)))
    dim, bright = sampler.decode(z, np.array([0, 1]))
    assert dim.max() * 1.9 < bright.max()


def test_a_result_that_is_not_finite_is_made_again_in_fp32(monkeypatch) -> None:
    sampler = opened(precision="bf16")
    genuine, calls = blobs.Blobs.decode, []

    def decode(self, z, label=None):
        calls.append(1)
        return genuine(self, z, label) * (float("nan") if len(calls) == 1 else 1)

    monkeypatch.setattr(blobs.Blobs, "decode", decode)
    assert sampler.decode(np.zeros((1, 2), np.float32), None).max() > 200
    assert len(calls) == 2
    monkeypatch.setattr(blobs.Blobs, "decode", lambda *_: genuine(*_) * float("nan"))
    with pytest.raises(ModelError, match="spots gives values that are not finite"):
        sampler.decode(np.zeros((1, 2), np.float32), None)


def test_latents_are_those_of_fp32_in_every_precision(home: Path) -> None:
    tiny.models(home / "models")
    found = store.find("embed", "tiny")
    pictures = np.random.default_rng(0).integers(0, 256, (3, 16, 16), np.uint8)
    options = {"methods": ["encode"], "engine": "torch", "device": "cpu"}
    exact, short = (
        Sampler.open(found, precision=each, **options).encode(pictures, None)
        for each in ("fp32", "bf16")
    )
    assert np.array_equal(exact, short)


def test_a_denoiser_has_no_latent_space(tiny_denoiser) -> None:
    with pytest.raises(ModelError, match="no latent space"):
        Sampler.open(store.find("denoise", "tiny"))


def test_latents_survive_their_file(tmp_path: Path) -> None:
    z = np.random.default_rng(0).normal(size=(3, 2, 4, 4)).astype(np.float32)
    path = tmp_path / "z.npz"
    with path.open("wb") as file:
        points.save(Latents(z, "mnist", "abc", ("seven", "zwölf", "1")), file)
    loaded = points.load(path)
    assert np.array_equal(loaded.values, z)
    assert (loaded.model, loaded.sha256) == ("mnist", "abc")
    assert loaded.classes == ("seven", "zwölf", "1")


def test_the_same_latents_give_the_same_bytes() -> None:
    files = [io.BytesIO(), io.BytesIO()]
    for file in files:
        points.save(Latents(np.zeros((2, 2), np.float32), "m", "s"), file)
    assert files[0].getvalue() == files[1].getvalue()


def test_vectors_of_embed_are_latents(tmp_path: Path) -> None:
    path = tmp_path / "z.npz"
    np.savez(path, vectors=np.ones((2, 8), np.float16), paths=["a", "b"], model="m", sha256="s")
    loaded = points.load(path)
    assert loaded.values.shape == (2, 8)
    assert loaded.values.dtype == np.float32
    assert loaded.classes is None


GOOD = {"latents": np.zeros((2, 3)), "model": "m", "sha256": "s"}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"latents": None}, "is no file of latents"),
        ({"model": None}, "is no file of latents"),
        ({"latents": np.array([object()])}, "is no file of latents"),
        ({"latents": np.zeros(3)}, "not a list of points"),
        ({"latents": np.zeros((0, 3))}, "not a list of points"),
        ({"latents": np.array([["a"]])}, "not a list of points"),
        ({"latents": np.full((2, 3), np.nan)}, "not all finite"),
        ({"classes": ["a"]}, "1 classes for 2 latents"),
    ],
)
def test_what_is_no_file_of_latents(tmp_path: Path, arrays, message: str) -> None:
    path = tmp_path / "z.npz"
    np.savez(path, **{k: v for k, v in (GOOD | arrays).items() if v is not None})
    with pytest.raises(InputError, match=message) as caught:
        points.load(path)
    assert str(path) in caught.value.message


def test_a_single_array_is_no_file_of_latents(tmp_path: Path) -> None:
    with (tmp_path / "z.npz").open("wb") as file:
        np.save(file, np.zeros((2, 3)))
    with pytest.raises(InputError, match="is no file of latents"):
        points.load(tmp_path / "z.npz")


vectors = st.lists(st.floats(-5, 5, width=32), min_size=3, max_size=3).map(
    lambda v: np.array(v, np.float32)
)


@given(vectors, vectors, st.integers(2, 9))
def test_interpolation_goes_from_one_end_to_the_other(a, b, steps) -> None:
    path = between(a, b, steps)
    assert path.shape == (steps, 3)
    assert path.dtype == np.float32
    assert np.allclose(path[0], a, atol=1e-3)
    assert np.allclose(path[-1], b, atol=1e-3)
    assert np.isfinite(path).all()


def test_interpolation_keeps_to_the_sphere() -> None:
    a, b = np.array([[3, 0], [0, 0]], np.float32), np.array([[0, 0], [0, 3]], np.float32)
    path = between(a, b, 7)
    assert np.allclose(np.linalg.norm(path.reshape(7, -1), axis=1), 3, atol=1e-5)
    assert np.allclose(path[3], 3 * np.sqrt(0.5) * np.array([[1, 0], [0, 1]]), atol=1e-5)


def test_the_manifold_has_equal_shares_of_the_prior() -> None:
    grid = quantiles(4).reshape(4, 4, 2)
    assert np.allclose(grid[0, :, 0], [-1.1503, -0.3186, 0.3186, 1.1503], atol=1e-4)
    assert np.array_equal(grid[:, :, 0], np.tile(grid[0, :, 0], (4, 1)))
    assert np.array_equal(grid[:, 0, 1], grid[0, ::-1, 0])


def test_axes_sweep_one_dimension_at_a_time() -> None:
    sweep = axes(3, 5).reshape(3, 5, 3)
    for k in range(3):
        assert sweep[k, :, k].tolist() == [-3, -1.5, 0, 1.5, 3]
        assert not np.delete(sweep[k], k, axis=1).any()


def test_generating_from_python() -> None:
    blobs.install("spots")
    blobs.install("kinds", channels=3, classes=("dim", "bright"))
    options = {"device": "cpu", "precision": "fp32"}
    first = aecli.generate(70, model="spots", seed=1, **options)
    assert first.shape == (70, 16, 16)
    assert first.dtype == np.uint8
    assert np.array_equal(first[:3], aecli.generate(3, model="spots", seed=1, **options))
    assert not np.array_equal(first[:3], aecli.generate(3, model="spots", **options))
    turns = aecli.generate(4, model="kinds", seed=1, temperature=0, **options)
    assert turns.shape == (4, 16, 16, 3)
    assert np.array_equal(turns[:2], turns[2:])
    assert not np.array_equal(turns[0], turns[1])
    bright = aecli.generate(2, model="kinds", temperature=0, classes=["bright"], **options)
    assert np.array_equal(bright, turns[[1, 1]])
    with pytest.raises(UsageError, match="kinds knows no class 'brigth'"):
        aecli.generate(model="kinds", classes=["brigth"], **options)
    with pytest.raises(ValueError, match="at least 1"):
        aecli.generate(0, model="spots")


def test_latents_like_those_of_pictures_have_their_moments() -> None:
    rng = np.random.default_rng(0)
    seen = (rng.standard_normal((4000, 2)) @ np.array([[2, 1], [0, 0.5]]) + [3, -1]).astype("f4")
    drawn = like(seen, rng.standard_normal((20_000, 2)).astype(np.float32))
    assert drawn.mean(0) == pytest.approx(seen.mean(0), abs=0.05)
    assert np.cov(drawn.T) == pytest.approx(np.cov(seen.T), abs=0.15)
    flat = like(np.repeat(seen[:1], 5, axis=0), np.ones((3, 2), np.float32))
    assert flat == pytest.approx(seen[:1].repeat(3, axis=0))
