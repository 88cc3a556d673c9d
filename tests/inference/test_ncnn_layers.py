"""Every operation that graphs have, in ncnn's words, against torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aecli.errors import ModelError
from aecli.inference.engine_ncnn import Function, UnsupportedError
from aecli.inference.ncnn_layers import LAYERS
from aecli.models.graph import Graph
from aecli.models.ops import OPS
from aecli.models.trace import Recorder

IMAGE = ((1, 8, 12, 10),)
PAIR = (*IMAGE, *IMAGE)
VECTOR = ((1, 24),)


def normalise(channels: int, *, affine: bool) -> nn.Module:
    module = nn.BatchNorm2d(channels, affine=affine).eval()
    module.running_mean = torch.rand(channels)
    module.running_var = torch.rand(channels) + 0.5
    if affine:
        nn.init.normal_(module.weight)
        nn.init.normal_(module.bias)
    return module


class Gate(nn.Module):
    """What SPAN does with a feature map (Wan et al. 2024), and a learnt scale a channel."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 3, padding=1)
        self.scale = nn.Parameter(torch.rand(1, 8, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv(x)
        return (out + x) * (out.sigmoid() - 0.5) * self.scale


class Weighted(nn.Module):
    """An attention-pooled level, as noise estimators have it."""

    def forward(self, x: Tensor) -> Tensor:
        votes = x.flatten(2)
        weights = (-votes[:, 1].clamp(-8, 8)).exp()
        return ((votes[:, 0] * weights).sum(1) / weights.sum(1)).exp()


Case = tuple[nn.Module | Callable[..., Tensor], tuple[tuple[int, ...], ...]]

CASES: dict[str, Case] = {
    "conv": (nn.Conv2d(8, 16, 3, padding=1), IMAGE),
    "conv with an odd window": (nn.Conv2d(8, 5, (5, 3), (2, 1), (2, 0), (1, 2)), IMAGE),
    "conv without a bias": (nn.Conv2d(8, 12, 1, bias=False), IMAGE),
    "conv in groups": (nn.Conv2d(8, 16, 3, padding=1, groups=4), IMAGE),
    "conv of each channel": (nn.Conv2d(8, 8, 3, padding=1, groups=8), IMAGE),
    "conv that halves": (nn.Conv2d(8, 16, 2, stride=2), IMAGE),
    "conv and relu": (nn.Sequential(nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(inplace=True)), IMAGE),
    "conv and leaky relu": (nn.Sequential(nn.Conv2d(8, 16, 3), nn.LeakyReLU(0.2)), IMAGE),
    "conv and sigmoid": (nn.Sequential(nn.Conv2d(8, 16, 3), nn.Sigmoid()), IMAGE),
    "conv and silu": (nn.Sequential(nn.Conv2d(8, 16, 3), nn.SiLU()), IMAGE),
    "deconv": (nn.ConvTranspose2d(8, 12, 2, stride=2), IMAGE),
    "deconv with padding": (nn.ConvTranspose2d(8, 4, 4, 2, 1, bias=False), IMAGE),
    "linear": (nn.Sequential(nn.Linear(24, 17), nn.ReLU()), VECTOR),
    "linear without a bias": (nn.Linear(24, 17, bias=False), VECTOR),
    "flatten and linear": (nn.Sequential(nn.Flatten(), nn.Linear(960, 7)), IMAGE),
    "unflatten": (nn.Sequential(nn.Unflatten(1, (2, 3, 4)), nn.Conv2d(2, 3, 1)), VECTOR),
    "batch norm": (normalise(8, affine=True), IMAGE),
    "batch norm, not affine": (normalise(8, affine=False), IMAGE),
    "prelu": (nn.PReLU(8), IMAGE),
    "prelu of one slope": (nn.PReLU(), IMAGE),
    "relu": (F.relu, IMAGE),
    "leaky relu": (lambda x: F.leaky_relu(x, 0.3), IMAGE),
    "silu": (F.silu, IMAGE),
    "gelu": (F.gelu, IMAGE),
    "sigmoid": (torch.sigmoid, IMAGE),
    "tanh": (torch.tanh, IMAGE),
    "softplus": (F.softplus, IMAGE),
    "exp": (torch.exp, IMAGE),
    "log": (lambda x: (x.abs() + 0.1).log(), IMAGE),
    "square and root": (lambda x: (x.square() + 0.1).sqrt(), IMAGE),
    "reciprocal": (lambda x: (x.abs() + 0.5).reciprocal(), IMAGE),
    "neg": (torch.neg, IMAGE),
    "powers": (lambda x: x**2 + (x.abs() + 1) ** 0.5, IMAGE),
    "clamp": (lambda x: x.clamp(-0.5, 0.4), IMAGE),
    "clamp from below": (lambda x: x.clamp_min(0.2), IMAGE),
    "clamp from above": (lambda x: x.clamp(max=0.2), IMAGE),
    "relu6": (lambda x: F.relu6(9 * x), IMAGE),
    "sum of two": (torch.add, PAIR),
    "difference": (torch.sub, PAIR),
    "product": (torch.mul, PAIR),
    "quotient": (lambda x, y: x / (y.abs() + 0.5), PAIR),
    "larger": (torch.maximum, PAIR),
    "smaller": (torch.minimum, PAIR),
    "numbers": (lambda x: 3 - (2 / (x.abs() * 2 + 1.5) - 0.25) / 4, IMAGE),
    "a map over channels": (lambda x, y: x * y, (*IMAGE, (1, 1, 12, 10))),
    "a number a channel": (lambda x, y: x + y, (*IMAGE, (1, 8, 1, 1))),
    "a constant": (lambda x: x * torch.arange(8.0).view(8, 1, 1), IMAGE),
    "a constant vector": (lambda x: x / torch.arange(1.0, 25), VECTOR),
    "a value used thrice": (lambda x: x + x.relu() + x.exp(), IMAGE),
    "concat": (lambda x, y: torch.cat([x, y.exp(), x], 1), PAIR),
    "concat of rows": (lambda x, y: torch.cat([x, y], 2), PAIR),
    "chunks": (lambda x: torch.mul(*x.chunk(2, 1)), IMAGE),
    "slices": (lambda x: x[:, 2:-1, 3:, :-2], IMAGE),
    "pixel shuffle": (lambda x: F.pixel_shuffle(x, 2), IMAGE),
    "pixel unshuffle": (lambda x: F.pixel_unshuffle(x, 2), IMAGE),
    "nearest": (lambda x: F.interpolate(x, scale_factor=(2, 3), mode="nearest"), IMAGE),
    "bilinear": (lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"), IMAGE),
    "bicubic": (lambda x: F.interpolate(x, scale_factor=2, mode="bicubic"), IMAGE),
    "resize": (lambda x: F.interpolate(x, size=(17, 23)), IMAGE),
    "average of windows": (lambda x: F.avg_pool2d(x, 2), IMAGE),
    "average with edges": (lambda x: F.avg_pool2d(x, 3, 1, 1), IMAGE),
    "average without": (lambda x: F.avg_pool2d(x, 3, 1, 1, count_include_pad=False), IMAGE),
    "averages of a grid": (lambda x: F.adaptive_avg_pool2d(x, (3, 5)), IMAGE),
    "maximum of windows": (lambda x: F.max_pool2d(x, 2), IMAGE),
    "padding": (lambda x: F.pad(x, (1, 2, 3, 4), value=0.5), IMAGE),
    "edges repeated": (lambda x: F.pad(x, (1, 2, 3, 4), mode="replicate"), IMAGE),
    "edges reflected": (lambda x: F.pad(x, (1, 2, 3, 4), mode="reflect"), IMAGE),
    "mean of all places": (lambda x: x * x.mean((2, 3), keepdim=True), IMAGE),
    "mean of channels": (lambda x: x.mean(1, keepdim=True), IMAGE),
    "pooled to a vector": (lambda x: F.adaptive_avg_pool2d(x, 1).flatten(1), IMAGE),
    "sum along rows": (lambda x: x.sum(3), IMAGE),
    "sum of a vector": (lambda x: x.sum(1), VECTOR),
    "mean of all": (lambda x: x.mean((1, 2, 3)), IMAGE),
    "largest and smallest": (lambda x: x.amax((2, 3)) - x.amin((2, 3)), IMAGE),
    "gate": (Gate(), IMAGE),
    "level": (Weighted(), ((1, 2, 12, 10),)),
}


def traced(function: Any, shapes: tuple[tuple[int, ...], ...]) -> tuple[Graph, dict[str, Any]]:
    """A function's graph and its weights; modules keep theirs."""
    module = function.eval() if isinstance(function, nn.Module) else nn.Module()
    inputs = {f"x{number}": torch.randn(shape) for number, shape in enumerate(shapes)}
    graph, constants = Recorder(module.state_dict(keep_vars=True), "f").trace(function, inputs)
    tensors = {k: v.detach().numpy() for k, v in (module.state_dict() | constants).items()}
    return graph, tensors


@pytest.mark.parametrize("name", CASES)
def test_ncnn_computes_what_torch_does(name: str) -> None:
    function, shapes = CASES[name]
    torch.manual_seed(0)
    graph, tensors = traced(function, shapes)
    inputs = [torch.randn(shape) for shape in shapes]
    with torch.inference_mode():
        expected = function(*inputs).numpy()
    result = Function(graph, tensors, 1)(*(x.numpy() for x in inputs))
    assert result.shape == expected.shape
    assert result.dtype == np.float32
    assert np.abs(result - expected).max() <= 2e-5 * max(1, np.abs(expected).max())


def test_no_operation_goes_untested() -> None:
    used = {n.op for function, shapes in CASES.values() for n in traced(function, shapes)[0].nodes}
    assert used == OPS.keys()
    assert used == LAYERS.keys()


def test_an_input_stays_as_it_is_and_results_do_not_share_memory() -> None:
    graph, tensors = traced(lambda x: x.mul(2).add_(1), IMAGE)
    function = Function(graph, tensors, 1)
    x = np.random.default_rng(0).random(IMAGE[0], np.float32)
    before = x.copy()
    first = function(x)
    second = function(x + 1)
    assert np.array_equal(x, before)
    assert np.allclose(first, 2 * before + 1)
    assert np.allclose(second, 2 * before + 3)


def test_stored_halves_are_taken_as_they_are() -> None:
    graph, tensors = traced(nn.Conv2d(8, 16, 3), IMAGE)
    halves = {name: tensor.astype(np.float16) for name, tensor in tensors.items()}
    x = np.random.default_rng(0).random(IMAGE[0], np.float32)
    rounded = {name: tensor.astype(np.float32) for name, tensor in halves.items()}
    assert np.array_equal(Function(graph, halves, 1)(x), Function(graph, rounded, 1)(x))


def test_inputs_that_the_graph_cannot_take_never_reach_ncnn() -> None:
    graph, tensors = traced(nn.Conv2d(8, 16, 3), IMAGE)
    function = Function(graph, tensors, 1)
    for shape in [(1, 7, 12, 10), (1, 8, 2, 2), (1, 8, 10)]:
        with pytest.raises(ModelError):
            function(np.zeros(shape, np.float32))
    with pytest.raises(ModelError):
        function(np.zeros(IMAGE[0], np.float32), np.zeros(IMAGE[0], np.float32))


def test_an_operation_that_ncnn_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(LAYERS, "silu")
    graph, tensors = traced(F.silu, IMAGE)
    with pytest.raises(UnsupportedError, match="silu"):
        Function(graph, tensors, 1)
