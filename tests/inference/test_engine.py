"""All engines compute the same; ncnn without torch, and in bounded memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import aecli
from aecli import device as devices
from aecli.checkpoints import format as checkpoints
from aecli.checkpoints import store
from aecli.errors import ModelError
from aecli.images.metrics import psnr
from aecli.inference import engine as engines
from aecli.inference import tiling
from aecli.inference.engine_ncnn import NcnnEngine
from aecli.inference.engine_torch import TorchEngine
from aecli.models import vae
from aecli.models.registry import Registry

from .. import tiny
from ..checkpoints.test_portable import change

RESTORING = [
    pytest.param(spec, preset, id=f"{spec.name}.{preset}")
    for spec in Registry.discover()
    for preset in spec.presets
    if {"denoise", "upscale"} & {*spec.tasks}
]


@pytest.mark.parametrize(("size", "linear"), [(16, 0), (27, 9)])
def test_engines_agree_on_latents(size: int, linear: int, tmp_path: Path) -> None:
    """Within 1e-5, whatever the sizes of the batches."""
    path = tmp_path / "embed-x.safetensors"
    config = {"size": size, "channels": 3, "latent": 5, "widths": [8, 16], "hidden": 16}
    config |= {"blocks": 1, "variational": False, "linear": linear}
    with torch.random.fork_rng([]):
        torch.manual_seed(3)
        state = vae.SPEC.build(vae.SPEC.configure(config)).state_dict()
    checkpoints.save(path, state, checkpoints.Meta("vae", config, "embed", "x"))
    ncnn, reference = NcnnEngine(path), TorchEngine(path, devices.choose("cpu", "fp32"))
    assert ncnn.space == reference.space
    x = np.random.default_rng(1).random((7, 3, size, size), np.float32)
    z = ncnn.fp32[0]("encode", x)
    assert np.allclose(z, reference.fp32[0]("encode", x), rtol=1e-5, atol=1e-5)
    assert np.array_equal(z[:1], ncnn.fp32[0]("encode", x[:1]))
    again = ncnn.fp32[0]("decode", z)
    assert np.allclose(again, reference.fp32[0]("decode", z), rtol=1e-5, atol=1e-5)


def test_graphs_that_are_no_autoencoders_are_refused(tmp_path: Path) -> None:
    tiny.models(tmp_path)
    path = tmp_path / "embed-tiny.safetensors"

    def swap(data: Any, _tensors: Any) -> None:
        data["graphs"]["encode"] = data["graphs"]["decode"]

    change(path, swap)
    with pytest.raises(ModelError, match="not those of an autoencoder"):
        NcnnEngine(path)


@pytest.mark.parametrize(("spec", "preset"), RESTORING)
def test_engines_agree(spec: Any, preset: str, tmp_path: Path) -> None:
    """At most one level on at most 0.5 % of the samples."""
    (task,) = spec.tasks
    path = tmp_path / f"{task}-x.safetensors"
    config = spec.presets[preset]
    state = tiny.weights(spec.build(config), seed=3)
    for name in ("tail.weight", "tail.bias"):
        state[name] = state[name] * 0.05
    values = {"preset": preset}
    checkpoints.save(path, state, checkpoints.Meta(spec.name, values, task, "x"))
    pixels = np.random.default_rng(1).integers(0, 256, (90, 110, 3), np.uint8)

    def result(engine: engines.Engine) -> np.ndarray:
        def function(x: np.ndarray) -> np.ndarray:
            if task == "upscale":
                return engine.fp32[0]("upscale", x)
            level = engine.fp32[0]("estimate_sigma", x)
            return engine.fp32[0]("restore", x, np.full_like(x[:, :1], level[0]))

        return tiling.apply([function], pixels, engine.geometry, tile=None).astype(int)

    ncnn = result(NcnnEngine(path))
    reference = result(TorchEngine(path, devices.choose("cpu", "fp32")))
    assert np.abs(ncnn - reference).max() <= 1
    assert (ncnn != reference).mean() <= 0.005
    assert (ncnn != np.kron(pixels, np.ones((ncnn.shape[0] // 90,) * 2 + (1,)))).mean() > 0.1


@pytest.mark.parametrize("task", ["denoise", "upscale"])
def test_shipped_models_score_alike_on_all_engines(task: str) -> None:
    """PSNR within 0.003 dB, and at most one level apart on at most 0.5 % of the samples."""
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (7, 9, 3), np.uint8))
    clean = np.asarray(coarse.resize((112, 96), Image.Resampling.BICUBIC))
    noisy = (clean + rng.normal(0, 15, clean.shape)).clip(0, 255).astype(np.uint8)
    results = []
    for engine in ("ncnn", "torch"):
        options = {"engine": engine, "device": "cpu", "precision": "fp32", "model": "photo"}
        if task == "denoise":
            results.append(aecli.denoise(noisy, sigma=15, **options).astype(int))
        else:
            results.append(aecli.upscale(clean[::2, ::2].copy(), **options).astype(int))
    ncnn, reference = results
    assert np.abs(ncnn - reference).max() <= 1
    assert (ncnn != reference).mean() <= 0.005
    scores = [psnr(clean, each.astype(np.uint8)) for each in results]
    assert abs(scores[0] - scores[1]) < 0.003


def test_what_is_not_finite_on_ncnn_is_computed_on_torch(
    tiny_denoiser: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aecli.images.image import Image as Picture
    from aecli.inference.restore import Restorer

    pixels = np.random.default_rng(1).integers(0, 256, (40, 50, 3), np.uint8)
    expected = Restorer.open("tiny", engine="torch", device="cpu", precision="fp32")
    restorer = Restorer.open("tiny", engine="ncnn")
    restorer.engine.calls[0] = lambda _method, x, *_: np.full_like(x, np.nan)
    result = restorer.denoise(Picture(pixels), sigma=20).image.pixels
    assert np.array_equal(result, expected.denoise(Picture(pixels), sigma=20).image.pixels)


@pytest.mark.parametrize(
    "commands",
    [
        [["denoise", "in/a.png", "-m", "tiny", "-o", "out.png"]],
        [["upscale", "in/a.png", "-m", "tiny", "-s", "2.5", "-o", "out.png"]],
        [
            ["embed", "in", "-m", "tiny", "-o", "z.npz"],
            ["embed", "in", "--index", "z.npz", "--nearest", "in/b.png", "--plot", "a.png"],
            ["embed", "--index", "z.npz", "--plot", "b.html"],
            ["embed", "--index", "z.npz", "--duplicates"],
            ["embed", "--index", "z.npz", "--report"],
        ],
        [
            ["generate", "-m", "tiny", "--seed", "1", "a.png"],
            ["generate", "-m", "tiny", "--reconstruct", "in/a.png", "b.png"],
            ["generate", "-m", "tiny", "--interpolate", "in/a.png", "in/b.png", "c.png"],
            ["generate", "--latents", "points.npz", "d.png"],
        ],
    ],
    ids=lambda commands: commands[0][0],
)
def test_on_a_cpu_the_commands_import_no_torch(
    home: Path, tmp_path: Path, commands: list[list[str]]
) -> None:
    if devices.Path("/dev/nvidiactl").exists() or sys.platform == "darwin":
        pytest.skip("there may be a GPU here")
    tiny.models(home / "models")
    (tmp_path / "in").mkdir()
    for number, name in enumerate(("a", "b", "c")):
        pixels = np.random.default_rng(number).integers(0, 256, (40, 50, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "in" / f"{name}.png")
    np.savez(
        tmp_path / "points.npz",
        latents=np.zeros((2, 4), np.float32),
        model="tiny",
        sha256=store.sha256(home / "models" / "generate-tiny.safetensors"),
    )
    code = (
        "import json, sys; from aecli.cli.app import run\n"
        "for arguments in json.loads(sys.argv[1]):\n"
        "    assert run([*arguments, '--json']) == 0, arguments\n"
        "    loaded = {'torch', 'pydantic'} & {*sys.modules}\n"
        "    assert not loaded, (arguments, loaded)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(commands)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert '"engine": "ncnn"' in done.stdout


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="Linux alone tells it so")
def test_memory_of_a_pass_is_not_kept_beside_that_of_another_size(tiny_denoiser: Path) -> None:
    def resident() -> float:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

    engine = NcnnEngine(tiny_denoiser, threads=1)
    taken = []
    for side in (40, 512, 528, 544, 560):  # each too large for the buffers of the one before
        x = np.zeros((1, 3, side, side), np.float32)
        engine.fp32[0]("restore", x, x[:, :1])
        taken.append(resident())
    first, last = taken[1] - taken[0], taken[-1] - taken[0]
    assert first > 10  # else this measures nothing
    assert last < 1.5 * first
