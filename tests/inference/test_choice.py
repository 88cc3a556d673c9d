"""Which engine is chosen, and who is told of it."""

from __future__ import annotations

import importlib
import sys
import tomllib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from packaging.requirements import Requirement

import aecli
from aecli import device as devices
from aecli.checkpoints import format as checkpoints
from aecli.checkpoints import portable
from aecli.cli import cures
from aecli.errors import ModelError, UsageError
from aecli.inference import engine as engines
from aecli.inference import restore
from aecli.inference.ncnn_layers import LAYERS


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
