"""From modules to graphs and back from text; what graphs do is tested with their engines."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aecli.errors import ModelError
from aecli.models.graph import Graph
from aecli.models.registry import Geometry, Registry
from aecli.models.trace import InexpressibleError, Recorder, graphs

SPECS = [spec for spec in Registry.discover() if spec.name != "melody"]
"""Of melodies keys are found and symbols chosen, which no graph does."""


def traced(function: Any, *shapes: tuple[int, ...], module: nn.Module | None = None) -> Graph:
    inputs = {f"x{number}": torch.rand(shape) for number, shape in enumerate(shapes)}
    state = {} if module is None else module.state_dict(keep_vars=True)
    return Recorder(state, "f").trace(function, inputs)[0]


@pytest.mark.parametrize("spec", SPECS, ids=lambda s: s.name)
def test_every_preset_is_a_graph_that_survives_json(spec: Any) -> None:
    for config in spec.presets.values():
        module = spec.build(config).eval()
        found, constants = graphs(module, spec.geometry(config))
        shapes = {k: tuple(v.shape) for k, v in (module.state_dict() | constants).items()}
        for name, graph in found.items():
            again = Graph.from_json(json.loads(json.dumps(graph.to_json(), sort_keys=True)))
            assert again == graph
            assert list(again.inputs) == list(graph.inputs)
            inputs = list(graph.inputs.values())
            with torch.inference_mode():
                result = getattr(module, name)(*map(torch.rand, inputs))
            assert graph.shapes(inputs, shapes)[-1] == tuple(result.shape)


def test_only_what_the_result_needs_is_kept() -> None:
    def function(x: Tensor) -> Tensor:
        x.exp()
        return (x * 2).relu()

    assert [node.op for node in traced(function, (1, 3, 4, 4)).nodes] == ["mul_number", "relu"]


def test_what_changes_in_place_is_followed() -> None:
    def function(x: Tensor) -> Tensor:
        y = x + 1
        y.mul_(3)
        return y.sub_(x)

    nodes = traced(function, (1, 3, 4, 4)).nodes
    assert [(n.op, n.inputs) for n in nodes] == [
        ("add_number", (0,)),
        ("mul_number", (1,)),
        ("sub", (2, 0)),
    ]


def _changes_what_others_see(x: Tensor) -> Tensor:
    y = x + 1
    part = y[:, :1]
    y.mul_(2)
    return part


def _repeats(x: Tensor) -> Tensor:
    return x + x.mean((2, 3), keepdim=True).expand_as(x)


def _sorts(x: Tensor) -> Tensor:
    return x.sort(1)[0]


def _narrows_numbers(x: Tensor) -> Tensor:
    return x.half()


def _aligns_corners(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)


def _gives_back(x: Tensor) -> Tensor:
    return x.contiguous()


def _multiplies_matrices(x: Tensor) -> Tensor:
    return x.flatten(1) @ torch.rand(256, 5)


def _reduces_the_batch(x: Tensor) -> Tensor:
    return x.mean(0)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (_changes_what_others_see, "others look at"),
        (_repeats, "repeated"),
        (_sorts, "sort"),
        (_narrows_numbers, "float16"),
        (_aligns_corners, "corners"),
        (_gives_back, "what it is given"),
        (_multiplies_matrices, "no linear layer"),
        (_reduces_the_batch, "batch"),
    ],
)
def test_what_a_graph_cannot_hold_is_refused(function: Any, said: str) -> None:
    with pytest.raises(InexpressibleError, match=said):
        traced(function, (1, 4, 8, 8))


class Restores(nn.Module):
    """A denoiser in small."""

    def __init__(self, change: Any) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(1, 3, 1, 1))
        self.change = change

    def restore(self, x: Tensor, sigma: Tensor) -> Tensor:
        return self.change(self, x) + sigma

    def estimate_sigma(self, x: Tensor) -> Tensor:
        return x.mean((1, 2, 3))


GEOMETRY = Geometry(multiple_of=4, minimum=4, radius=1)


def test_a_parameter_and_a_constant_can_be_operands() -> None:
    ramp = torch.arange(3.0).view(3, 1, 1)
    module = Restores(lambda m, x: x * m.weight + ramp)
    found, constants = graphs(module, GEOMETRY)
    assert list(found) == ["restore", "estimate_sigma"]
    assert list(found["restore"].weights()) == ["weight", "graph.restore.0"]
    assert torch.equal(constants["graph.restore.0"], ramp[None])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda _, x: x / x.shape[2], "every size"),
        (lambda _, x: x / (x.shape[2] * x.shape[3]), "every size"),
        (lambda _, x: x / (x.shape[2] + x.shape[3]), "every size"),
        (lambda _, x: x / (x.shape[3] - x.shape[2]), "every size"),
        (lambda m, x: x * m.weight.exp(), "no parameters"),
        (lambda _, x: x + torch.rand(1, 1, *x.shape[2:]).repeat(1, 30, 1, 1)[:, :3], "constant"),
    ],
)
def test_what_depends_on_more_than_pictures_and_weights_is_refused(change: Any, said: str) -> None:
    large = Geometry(multiple_of=256, minimum=256, radius=1)
    with pytest.raises(InexpressibleError, match=said):
        graphs(Restores(change), large)


def test_a_model_with_classes_has_no_graph() -> None:
    spec = Registry.discover().get("vae")
    config = spec.configure({"preset": "tiny", "classes": ["a", "b"]})
    with pytest.raises(InexpressibleError):
        graphs(spec.build(config).eval(), spec.geometry(config))


CONV = ["conv", [0], {"weight": "w", "stride": [1, 1], "padding": [1, 1], "dilation": [1, 1]}]


def data(*nodes: Any) -> dict[str, Any]:
    return {"inputs": [["x", [1, 3, 8, 8]]], "nodes": list(nodes)}


@pytest.mark.parametrize(
    "broken",
    [
        None,
        {},
        data(),
        data(*[["relu", [0], {}]] * 5000),
        data(["eval", [0], {}]),
        data([["relu"], [0], {}]),
        data(["relu", [1], {}]),
        data(["relu", [-1], {}]),
        data(["relu", [0.0], {}]),
        data(["relu", [True], {}]),
        data(["relu", [0, 0], {}]),
        data(["add", [0], {}]),
        data(["relu", [0], {"slope": 1}]),
        data(["relu", [0], None]),
        data(["relu", [0]]),
        data(["clip", [0], {"least": 0}]),
        data(["clip", [0], {"least": "0", "most": 1}]),
        data(["add_number", [0], {"value": float("nan")}]),
        data(["pixel_shuffle", [0], {"factor": 0}]),
        data(["pixel_shuffle", [0], {"factor": 10**9}]),
        data(["upsample", [0], {"mode": "magic", "factor": [2, 2]}]),
        data(["upsample", [0], {"mode": "nearest", "factor": [2]}]),
        data(["reshape", [0], {"shape": [3, 4]}]),
        data(["reshape", [0], {"shape": [-1, -1]}]),
        data(["sum", [0], {"axes": [0], "keep": True}]),
        data(["sum", [0], {"axes": [1], "keep": 1}]),
        data([CONV[0], CONV[1], {**CONV[2], "groups": 1, "weight": 7}]),
        data(CONV),
        {"inputs": [["x", [1, 3, 8]]], "nodes": 5},
        {"inputs": [["x", [1, 3, 8, 8, 8]]], "nodes": [["relu", [0], {}]]},
        {"inputs": [["x", [1, -3]]], "nodes": [["relu", [0], {}]]},
        {"inputs": [["x y", [1, 3]]], "nodes": [["relu", [0], {}]]},
    ],
)
def test_text_that_is_no_graph_is_refused(broken: Any) -> None:
    with pytest.raises(ModelError, match="graph is not usable"):
        Graph.from_json(broken)


@pytest.mark.parametrize(
    ("nodes", "tensors"),
    [
        ([[*CONV[:2], {**CONV[2], "groups": 1}]], {}),
        ([[*CONV[:2], {**CONV[2], "groups": 1}]], {"w": (8, 4, 3, 3)}),
        ([[*CONV[:2], {**CONV[2], "groups": 1}]], {"w": (8, 3)}),
        ([[*CONV[:2], {**CONV[2], "groups": 1, "bias": "b"}]], {"w": (8, 3, 3, 3), "b": (7,)}),
        ([["prelu", [0], {"weight": "w"}]], {"w": (2,)}),
        ([["linear", [0], {"weight": "w"}]], {"w": (2, 192)}),
        ([["pixel_shuffle", [0], {"factor": 2}]], {}),
        ([["pixel_unshuffle", [0], {"factor": 3}]], {}),
        ([["upsample", [0], {"mode": "nearest", "factor": [2, 2]}], ["add", [0, 1], {}]], {}),
        ([["upsample", [0], {"mode": "nearest", "factor": [999, 999]}]], {}),
        ([["slice", [0], {"axis": 1, "start": 0, "stop": 4}]], {}),
        ([["constant", [], {"weight": "w"}], ["concat", [0, 1], {"axis": 1}]], {"w": (1, 3, 1, 1)}),
        ([["constant", [], {"weight": "w"}]], {"w": (2, 3, 4, 4)}),
    ],
)
def test_a_graph_that_does_not_fit_its_weights_is_refused(
    nodes: list[Any], tensors: dict[str, tuple[int, ...]]
) -> None:
    graph = Graph.from_json(data(*nodes))
    with pytest.raises(ModelError, match="its graph"):
        graph.shapes([(1, 3, 8, 8)], tensors)
