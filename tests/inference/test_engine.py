"""Which engine is chosen, and that all of them compute the same."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from packaging.requirements import Requirement
from PIL import Image

import aecli
from aecli import device as devices
from aecli.checkpoints import format as checkpoints
from aecli.checkpoints import portable, store
from aecli.cli import cures
from aecli.errors import ModelError, UsageError
from aecli.images.metrics import psnr
from aecli.inference import engine as engines
from aecli.inference import restore, tiling
from aecli.inference.engine_ncnn import NcnnEngine
from aecli.inference.engine_torch import TorchEngine
from aecli.inference.ncnn_layers import LAYERS
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


def choose(path: Path, **wishes: str) -> engines.Choice:
    return engines.choose([path], restore.METHODS, **wishes)


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "may_have_gpu", lambda: False)


@pytest.fixture
def bare(tiny_denoiser: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkpoint without graphs, as earlier versions wrote."""
    monkeypatch.setattr(portable, "derive", lambda *_: None)
    model = checkpoints.load(tiny_denoiser)
    checkpoints.save(tiny_denoiser, model.module.state_dict(), model.meta)
    return tiny_denoiser


@pytest.mark.parametrize(
    ("wishes", "name", "reason"),
    [
        ({}, "ncnn", "cpu, fp32, with ncnn, chosen automatically"),
        ({"device": "cpu"}, "ncnn", "cpu, asked for; fp32, with ncnn, chosen automatically"),
        ({"engine": "ncnn"}, "ncnn", "cpu, fp32, with ncnn, asked for"),
        ({"engine": "ncnn", "precision": "fp32"}, "ncnn", "cpu, fp32, with ncnn, asked for"),
        (
            {"device": "cpu", "precision": "fp32"},
            "ncnn",
            "cpu, fp32, asked for; with ncnn, chosen automatically",
        ),
        (
            {"precision": "bf16"},
            "torch",
            "cpu, chosen automatically; bf16, asked for; with torch, chosen automatically",
        ),
        (
            {"engine": "torch", "device": "cpu", "precision": "fp32"},
            "torch",
            "cpu, fp32, with torch, asked for",
        ),
    ],
)
def test_choices(tiny_denoiser: Path, wishes: dict[str, str], name: str, reason: str) -> None:
    choice = choose(tiny_denoiser, **wishes)
    assert (choice.name, str(choice.reason)) == (name, reason)
    assert choice.reason.chosen == (devices.CHOSEN in reason)
    assert choice.open(tiny_denoiser).name == name


def test_the_environment_names_the_engine(
    tiny_denoiser: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AECLI_ENGINE", "torch")
    choice = choose(tiny_denoiser, device="cpu", precision="fp32")
    assert str(choice.reason) == "cpu, fp32, asked for; with torch, from AECLI_ENGINE"
    assert choice.reason.chosen
    assert choose(tiny_denoiser, engine="ncnn").name == "ncnn"
    monkeypatch.setenv("AECLI_ENGINE", "onnx")
    with pytest.raises(UsageError, match="AECLI_ENGINE: unknown engine 'onnx'"):
        choose(tiny_denoiser)


def test_a_gpu_means_torch(tiny_denoiser: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "may_have_gpu", lambda: True)
    assert choose(tiny_denoiser).name == "ncnn"  # torch was asked, and found none
    gpu = devices.Runtime(torch.device("cuda", 0), devices.Precision.FP16, devices.Terms(()))
    monkeypatch.setattr(devices, "choose", lambda *_: gpu)
    choice = choose(tiny_denoiser)
    assert (choice.name, choice.runtime) == ("torch", gpu)
    assert choose(tiny_denoiser, engine="ncnn").name == "ncnn"
    monkeypatch.setenv("AECLI_DEVICE", "cpu")
    assert choose(tiny_denoiser).name == "ncnn"


@pytest.fixture
def tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CPU with tiles for bf16, and two threads."""
    monkeypatch.setattr(devices, "cpu_has_tiles", lambda: True)
    monkeypatch.setattr(devices, "cpu_has_bf16", lambda: True)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")


@pytest.mark.parametrize(
    ("areas", "name"),
    [
        ([], "ncnn"),
        ([1_007_999], "ncnn"),
        ([1_008_000], "torch"),
        ([0, 511_999, 511_999], "ncnn"),
        ([0, 512_000, 512_000], "torch"),
        ([64 * 64] * 10_000, "ncnn"),
        ([*[64 * 64] * 10_000, 24_000_000], "ncnn"),
        ([*[64 * 64] * 100, 24_000_000], "torch"),
    ],
)
def test_where_the_cpu_has_tiles_much_work_means_torch(
    tiny_denoiser: Path, tiles: None, areas: list[int], name: str
) -> None:
    choice = engines.choose([tiny_denoiser], restore.METHODS, areas=areas)
    assert choice.name == name
    precision = {"ncnn": "fp32", "torch": "bf16"}[name]
    assert str(choice.reason) == f"cpu, {precision}, with {name}, chosen automatically"


@pytest.mark.parametrize("wishes", [{"engine": "ncnn"}, {"precision": "fp32"}])
def test_what_is_asked_for_comes_before_speed(
    tiny_denoiser: Path, tiles: None, monkeypatch: pytest.MonkeyPatch, wishes: dict[str, str]
) -> None:
    choices = partial(engines.choose, [tiny_denoiser], restore.METHODS, areas=[24_000_000])
    assert choices(**wishes).name == "ncnn"
    assert choices().name == "torch"
    monkeypatch.setenv("AECLI_ENGINE", "ncnn")
    assert choices().name == "ncnn"


class Unasked:
    """Pictures that nobody looks at."""

    def __len__(self) -> int:
        return 9

    def __iter__(self) -> Iterator[int]:
        raise AssertionError("not to be asked")


def test_no_picture_is_looked_at_where_it_does_not_matter(
    tiny_denoiser: Path, tiles: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not engines.repays(["encode", "decode"], Unasked())
    monkeypatch.setattr(devices, "cpu_has_tiles", lambda: False)
    assert engines.choose([tiny_denoiser], restore.METHODS, areas=Unasked()).name == "ncnn"


def test_no_more_pictures_are_looked_at_than_decide(tiles: None) -> None:
    seen: list[int] = []

    class Album(Unasked):
        def __iter__(self) -> Iterator[int]:
            for number in range(len(self)):
                seen.append(number)
                yield 12_000_000

    assert engines.repays(["restore"], Album())
    assert seen == [0]


@pytest.mark.parametrize(
    "wishes",
    [
        {"engine": "tensorrt"},
        {"engine": "ncnn", "device": "cuda"},
        {"engine": "ncnn", "precision": "bf16"},
        {"device": "gpu"},
        {"precision": "int8"},
    ],
)
def test_wishes_that_do_not_go_together_are_refused(
    tiny_denoiser: Path, wishes: dict[str, str]
) -> None:
    with pytest.raises(UsageError):
        choose(tiny_denoiser, **wishes)


def test_a_model_without_graphs_runs_on_torch_and_says_so(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choice = choose(bare)
    assert choice.name == "torch"
    assert "denoise-tiny.safetensors has no graph of restore for ncnn" in str(choice.reason)
    assert choice.open(bare).name == "torch"
    with pytest.raises(UsageError, match="no graph"):
        choose(bare, engine="ncnn")
    monkeypatch.setenv("AECLI_ENGINE", "ncnn")  # what is preferred, where it can be
    assert choose(bare).name == "torch"


def test_an_operation_that_ncnn_lacks_means_torch(
    tiny_denoiser: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(LAYERS, "deconv")
    choice = choose(tiny_denoiser)
    assert choice.name == "torch"
    assert "ncnn has no deconv" in str(choice.reason)


def test_a_machine_without_ncnn_runs_on_torch(
    tiny_denoiser: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda _: None)
    monkeypatch.setitem(sys.modules, "ncnn", None)  # importing it fails, as where it is not
    monkeypatch.delitem(sys.modules, "aecli.inference.engine_ncnn", raising=False)
    choice = choose(tiny_denoiser)
    assert choice.name == "torch"
    assert "ncnn is not installed" in str(choice.reason)
    pixels = np.random.default_rng(0).integers(0, 256, (20, 24, 3), np.uint8)
    assert aecli.denoise(pixels, model="tiny").shape == pixels.shape
    with pytest.raises(ImportError):
        importlib.import_module("aecli.inference.engine_ncnn")
    with pytest.raises(UsageError, match="not installed") as caught:
        choose(tiny_denoiser, engine="ncnn")
    assert "pip install ncnn" in str(cures.hint(caught.value))


@pytest.mark.parametrize(
    ("system", "machine", "python", "asked"),
    [
        ("linux", "x86_64", "3.11", True),
        ("linux", "aarch64", "3.14", True),
        ("darwin", "arm64", "3.12", True),
        ("win32", "AMD64", "3.13", True),
        ("linux", "riscv64", "3.12", False),
        ("darwin", "x86_64", "3.12", False),
        ("freebsd14", "amd64", "3.12", False),
        ("linux", "x86_64", "3.15", False),
    ],
)
def test_ncnn_is_asked_for_only_where_it_has_a_wheel(
    system: str, machine: str, python: str, asked: bool
) -> None:
    with (Path(__file__).parents[2] / "pyproject.toml").open("rb") as file:
        needed = map(Requirement, tomllib.load(file)["project"]["dependencies"])
    marker = next(each.marker for each in needed if each.name == "ncnn")
    where = {"sys_platform": system, "platform_machine": machine, "python_version": python}
    assert marker is not None
    assert marker.evaluate(where) is asked


def test_a_damaged_model_is_refused_before_it_runs(tiny_denoiser: Path) -> None:
    tiny_denoiser.write_bytes(tiny_denoiser.read_bytes()[:-1])
    with pytest.raises(ModelError):
        choose(tiny_denoiser)


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
