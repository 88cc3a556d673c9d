"""Exported networks, by ONNX Runtime, against torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from aecli.checkpoints import format as checkpoints
from aecli.checkpoints import onnx, portable
from aecli.errors import UsageError
from aecli.models.ops import OPS
from aecli.models.registry import Geometry

from ..inference.test_ncnn_layers import CASES, traced
from ..models.test_trace import SPECS

runtime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")


def session(content: bytes) -> Any:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("name", CASES)
def test_every_operation_computes_what_torch_does(name: str) -> None:
    function, shapes = CASES[name]
    torch.manual_seed(0)
    graph, tensors = traced(function, shapes)
    held = portable.Portable(Geometry(1, 1, 0), {"restore": graph})
    inputs = [torch.randn(shape) for shape in shapes]
    with torch.inference_mode():
        expected = function(*inputs).numpy()
    run = session(onnx.export(portable.Network(held, tensors), {}))
    given = {each: x.numpy() for each, x in zip(graph.inputs, inputs, strict=True)}
    (result,) = run.run(None, given)
    assert result.shape == expected.shape
    assert np.abs(result - expected).max() <= 2e-5 * max(1, np.abs(expected).max())


def test_no_operation_lacks_a_row() -> None:
    assert onnx._ROWS.keys() == OPS.keys()


@pytest.mark.parametrize("size", [(64, 64), (72, 104)])
def test_sizes_and_batches_are_open(tiny_denoiser: Path, size: tuple[int, int]) -> None:
    network = portable.read(tiny_denoiser)
    assert network is not None
    module = checkpoints.load(tiny_denoiser).module
    x, sigma = torch.rand(2, 3, *size), torch.full((2, 1, *size), 0.1)
    run = session(onnx.export(network, {"name": "tiny"}))
    (result,) = run.run(None, {"x": x.numpy(), "sigma": sigma.numpy()})
    with torch.inference_mode():
        assert np.abs(result - module.restore(x, sigma).numpy()).max() < 1e-4
    level = session(onnx.export(network, {}, "estimate_sigma"))
    (found,) = level.run(None, {"x": x.numpy()})
    with torch.inference_mode():
        assert np.allclose(found, module.estimate_sigma(x).numpy(), atol=1e-5)


def test_the_file_says_what_it_is(tiny_denoiser: Path) -> None:
    network = portable.read(tiny_denoiser)
    assert network is not None
    meta = session(onnx.export(network, {"licence": "CC0"})).get_modelmeta()
    assert meta.custom_metadata_map == {"licence": "CC0"}
    assert meta.producer_name == "aecli"


def test_a_function_that_is_not_there_is_refused(tiny_denoiser: Path) -> None:
    network = portable.read(tiny_denoiser)
    assert network is not None
    with pytest.raises(UsageError, match="no function 'restor'"):
        onnx.export(network, {}, "restor")


@pytest.mark.parametrize("spec", SPECS, ids=lambda s: s.name)
def test_all_architectures_can_be_exported(spec: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    task = next(iter(spec.tasks))
    values = {"preset": "tiny"}
    state = spec.build(spec.presets["tiny"]).state_dict()
    checkpoints.save(path, state, checkpoints.Meta(spec.name, values, task, "x"))
    network = portable.read(path)
    assert network is not None
    for function in network.portable.graphs:
        assert session(onnx.export(network, {}, function)).get_outputs()[0].name == "result"
