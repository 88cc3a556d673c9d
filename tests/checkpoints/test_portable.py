"""Graphs and geometry in checkpoints: written with the weights, held against each other."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from aecli.checkpoints import format as checkpoints
from aecli.checkpoints import portable
from aecli.errors import ModelError


def change(path: Path, change: Any) -> None:
    """Edit a checkpoint's graphs, as JSON."""
    with safe_open(path, "np") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    data = json.loads(metadata[portable.KEY])
    change(data, tensors)
    save_file(tensors, path, metadata | {portable.KEY: json.dumps(data)})


def test_a_checkpoint_holds_its_network(tiny_denoiser: Path) -> None:
    network = portable.read(tiny_denoiser)
    model = checkpoints.load(tiny_denoiser)
    assert network is not None
    assert list(network.portable.graphs) == ["estimate_sigma", "restore"]
    assert network.portable.geometry == model.geometry
    state = model.module.state_dict()
    assert all(np.array_equal(network.tensors[k], v.half().numpy()) for k, v in state.items())
    assert portable.Portable.from_json(network.portable.to_json()) == network.portable


def test_constants_are_tensors_of_the_file(tiny_upscaler: Path) -> None:
    path = tiny_upscaler / "upscale-tiny-x3.safetensors"
    network = portable.read(path)
    assert network is not None
    kernel = checkpoints.load(path).module.kernel.numpy()
    assert np.array_equal(network.tensors["graph.upscale.0"], kernel)


def test_reading_imports_no_torch(tiny_denoiser: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from aecli.checkpoints import portable;"
        "assert portable.read(Path(sys.argv[1])); sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, tiny_denoiser], check=True)


def test_a_model_that_has_no_graphs_is_read_all_the_same(tmp_path: Path) -> None:
    from aecli.models.vae import SPEC

    config = SPEC.configure({"preset": "tiny", "classes": ["a", "b"]})
    meta = checkpoints.Meta("vae", {"preset": "tiny", "classes": ["a", "b"]}, "generate", "x")
    path = tmp_path / "generate-x.safetensors"
    checkpoints.save(path, SPEC.build(config).state_dict(), meta)
    assert portable.read(path) is None
    assert checkpoints.load(path).config == config


def _without_a_weight(_data: Any, tensors: Any) -> None:
    del tensors["head.weight"]


def _with_another_weight(_data: Any, tensors: Any) -> None:
    tensors["head.weight"] = tensors["head.weight"][:, :-1].copy()


def _with_an_unknown_operation(data: Any, _tensors: Any) -> None:
    data["graphs"]["restore"]["nodes"][0][0] = "system"


def _with_a_large_scale(data: Any, _tensors: Any) -> None:
    data["geometry"]["scale"] = 10**6


def _with_no_memory(data: Any, _tensors: Any) -> None:
    data["geometry"]["memory"] = 0


def _with_no_tiling(data: Any, _tensors: Any) -> None:
    data["geometry"]["tiling"] = "magic"


def _with_no_geometry(data: Any, _tensors: Any) -> None:
    del data["geometry"]


def _with_no_object(data: Any, _tensors: Any) -> None:
    data["graphs"] = [1, 2]


def _with_endless_text(data: Any, _tensors: Any) -> None:
    data["more"] = " " * (1 << 20)


def _with_infinite_weights(_data: Any, tensors: Any) -> None:
    tensors["head.bias"][0] = np.inf


@pytest.mark.parametrize(
    "broken",
    [
        _without_a_weight,
        _with_another_weight,
        _with_an_unknown_operation,
        _with_a_large_scale,
        _with_no_memory,
        _with_no_tiling,
        _with_no_geometry,
        _with_no_object,
        _with_endless_text,
        _with_infinite_weights,
    ],
)
def test_what_does_not_fit_is_refused_by_name(tiny_denoiser: Path, broken: Any) -> None:
    change(tiny_denoiser, broken)
    with pytest.raises(ModelError, match=tiny_denoiser.name):
        portable.read(tiny_denoiser)


def test_extra_tensors_are_not_hidden_behind_the_prefix(tiny_denoiser: Path) -> None:
    with safe_open(tiny_denoiser, "np") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    del metadata[portable.KEY]
    save_file(tensors | {"graph.x": np.zeros(3, np.float32)}, tiny_denoiser, metadata)
    with pytest.raises(ModelError, match=r"graph\.x"):
        checkpoints.load(tiny_denoiser)
