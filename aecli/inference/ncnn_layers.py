"""Graphs in ncnn's words: a row for each operation that it has.

ncnn takes a text of layers and a stream of weights. Its values have no batch and at most three
axes, (channels, rows, columns), and each is read by one layer alone, so that values with several
readers pass through a layer that repeats them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from aecli.models.graph import Graph, Node
    from aecli.models.ops import Shape

    Floats = NDArray[np.float32]
    Tensors = Mapping[str, Floats]
    Row = Callable[["_Call"], "Layer"]
    Settings = Mapping[int, float | Sequence[float]]


_MARK = np.zeros(1, np.float32)
"""Says that weights of fp32 follow."""


class UnsupportedError(Exception):
    """A graph has an operation that ncnn has not; says which."""


@dataclass(frozen=True)
class Layer:
    """One layer of ncnn.

    Attributes:
        kind: its type.
        settings: by their numbers, in ncnn's documentation of operators.
        weights: in the order in which the layer reads them; of two and more axes behind a mark.
    """

    kind: str
    settings: Settings = field(default_factory=dict)
    weights: Sequence[tuple[Floats, bool]] = ()

    def line(
        self, name: str, inputs: Sequence[str], outputs: Sequence[str], shape: Shape | None
    ) -> str:
        """The layer as ncnn's text has it; `shape` is that of its outputs, where it is fixed."""
        told: Settings = {} if shape is None else {_SHAPES: _told(shape) * len(outputs)}
        settings = {**self.settings, **told}
        given = " ".join(_setting(key, value) for key, value in settings.items())
        ends = f"{len(inputs)} {len(outputs)} {' '.join((*inputs, *outputs))}"
        return f"{self.kind} {name} {ends} {given}"


@dataclass(frozen=True)
class _Call:
    """A node with the shapes and weights it meets, and the activation that follows it."""

    node: Node
    shapes: Sequence[Shape]
    out: Shape
    tensors: Tensors
    activation: Settings

    def __getitem__(self, attribute: str) -> Any:
        return self.node.attributes[attribute]

    def weight(self, role: str) -> Floats | None:
        name = self.node.weights.get(role)
        return None if name is None else np.asarray(self.tensors[name], np.float32)

    def needed(self, role: str) -> Floats:
        weight = self.weight(role)
        assert weight is not None
        return weight


def lower(
    graph: Graph, shapes: Sequence[Shape], tensors: Tensors, *, sized: bool = False
) -> tuple[str, list[Floats]]:
    """A graph as ncnn's text, its inputs under their names in `Graph.inputs` and its result as
    `out`, and the weights in the order in which they are read.

    Args:
        graph: what to put in ncnn's words.
        shapes: of all its values, for some size (`Graph.shapes`).
        tensors: the weights by name.
        sized: whether they will always have these shapes: layers are told, and choose by them how
            to compute. Else nothing depends on the size.

    Raises:
        UnsupportedError: it has an operation that ncnn has not.
    """
    first = len(graph.inputs)
    readers = Counter(i for node in graph.nodes for i in node.inputs)
    fused = _activations(graph, readers)
    lines = _Lines(shapes if sized else [None] * len(shapes))
    stream: list[Floats] = []
    for number, name in enumerate(graph.inputs):
        lines.add(Layer("Input"), [], [name], number)
        lines.share(number, name, readers[number])
    for at, node in enumerate(graph.nodes):
        number = first + at
        inputs = [lines.take(i) for i in node.inputs]
        if number in fused.values():
            lines.share(number, inputs[0], readers[number])
            continue
        follower = fused.get(number)
        activation = {} if follower is None else _activation(graph.nodes[follower - first])
        call = _Call(node, [shapes[i] for i in node.inputs], shapes[number], tensors, activation)
        if node.op not in LAYERS:
            raise UnsupportedError(f"ncnn has no layer for {node.op}")
        layer = LAYERS[node.op](call)
        lines.add(layer, inputs, [f"v{number}"], number)
        lines.share(number, f"v{number}", readers[number])
        for weight, marked in layer.weights:
            stream += [_MARK, weight] if marked else [weight]
    last = len(shapes) - 1
    lines.add(Layer("Noop"), [lines.take(last)], ["out"], last)
    return lines.text(), stream


class _Lines:
    """Layers so far, and the names under which a value's readers find it."""

    def __init__(self, shapes: Sequence[Shape | None]) -> None:
        self._shapes = shapes
        self._lines: list[str] = []
        self._blobs = 0
        self._names: dict[int, list[str]] = {}

    def add(self, layer: Layer, inputs: Sequence[str], outputs: Sequence[str], number: int) -> None:
        """A layer whose outputs are all the value of that number."""
        name = f"l{len(self._lines)}"
        self._lines.append(layer.line(name, inputs, outputs, self._shapes[number]))
        self._blobs += len(outputs)

    def share(self, number: int, name: str, readers: int) -> None:
        """Say that a value has this name, and how many will read it."""
        names = [name]
        if readers > 1:
            names = [f"{name}_{i}" for i in range(readers)]
            self.add(Layer("Split"), [name], names, number)
        self._names[number] = names

    def take(self, number: int) -> str:
        return self._names[number].pop()

    def text(self) -> str:
        return "\n".join(["7767517", f"{len(self._lines)} {self._blobs}", *self._lines, ""])


def _activations(graph: Graph, readers: Mapping[int, int]) -> dict[int, int]:
    """Convolutions whose only reader is an activation that they can do on the way: its number."""
    first = len(graph.inputs)
    found = {}
    for at, node in enumerate(graph.nodes):
        if node.op in _ACTIVATIONS and node.inputs[0] >= first:
            before = graph.nodes[node.inputs[0] - first]
            if before.op in ("conv", "deconv", "linear") and readers[node.inputs[0]] == 1:
                found[node.inputs[0]] = first + at
    return found


_ACTIVATIONS = {"relu": 1, "leaky_relu": 2, "sigmoid": 4}


def _activation(node: Node) -> Settings:
    """The settings of a convolution that has the activation done on the way."""
    return {9: _ACTIVATIONS[node.op], 10: [*node.attributes.values()]}


_SHAPES = 30
"""The setting by which any layer is told the shapes of its outputs."""


def _told(shape: Shape) -> list[int]:
    """A shape as ncnn is told it: how many axes, and their lengths from the last."""
    sizes = [*reversed(shape[1:])]
    return [len(sizes), *sizes, *[0] * (3 - len(sizes))]


_MODES = {"nearest": 1, "bilinear": 2, "bicubic": 3}


def _setting(key: int, value: float | Sequence[float]) -> str:
    """`key=value`; ncnn knows a float by its point or exponent, which `repr` always writes."""
    if isinstance(value, int | float):
        return f"{key}={value!r}"
    return f"-{23300 + key}={','.join(map(repr, (len(value), *value)))}"


def _pair(key: int, sizes: Sequence[int]) -> dict[int, float | Sequence[float]]:
    """Sizes along rows and columns, where ncnn has the columns' at `key`, the rows' ten further."""
    return {key: sizes[1], key + 10: sizes[0]}


def _weights(weight: Floats, bias: Floats | None) -> list[tuple[Floats, bool]]:
    return [(weight, True), *([] if bias is None else [(bias, False)])]


def _conv(c: _Call) -> Layer:
    weight, bias = c.needed("weight"), c.weight("bias")
    window = _pair(1, weight.shape[2:]) | _pair(2, c["dilation"]) | _pair(3, c["stride"])
    settings = {0: len(weight), **window, **_pair(4, c["padding"])}
    settings |= {5: int(bias is not None), 6: weight.size, **c.activation}
    if c["groups"] == 1:
        return Layer("Convolution", settings, _weights(weight, bias))
    return Layer("ConvolutionDepthWise", settings | {7: c["groups"]}, _weights(weight, bias))


def _deconv(c: _Call) -> Layer:
    weight, bias = c.needed("weight").swapaxes(0, 1), c.weight("bias")
    window = _pair(1, weight.shape[2:]) | _pair(3, c["stride"]) | _pair(4, c["padding"])
    settings = {0: len(weight), **window, 5: int(bias is not None), 6: weight.size}
    return Layer("Deconvolution", {**settings, **c.activation}, _weights(weight, bias))


def _linear(c: _Call) -> Layer:
    weight, bias = c.needed("weight"), c.weight("bias")
    settings = {0: len(weight), 1: int(bias is not None), 2: weight.size, **c.activation}
    return Layer("InnerProduct", settings, _weights(weight, bias))


def _constant(c: _Call) -> Layer:
    sizes = dict(zip((0, 1, 2), reversed(c.out[1:]), strict=False))
    return Layer("MemoryData", sizes, [(c.needed("weight"), False)])


def _batch_norm(c: _Call) -> Layer:
    mean, var = c.needed("mean"), c.needed("var")
    weight, bias = c.weight("weight"), c.weight("bias")
    parts = [np.ones_like(mean) if weight is None else weight, mean, var]
    parts.append(np.zeros_like(mean) if bias is None else bias)
    return Layer("BatchNorm", {0: len(mean), 1: c["eps"]}, [(part, False) for part in parts])


def _prelu(c: _Call) -> Layer:
    weight = c.needed("weight")
    return Layer("PReLU", {0: weight.size}, [(weight, False)])


def _plain(kind: str, **settings: float) -> Row:
    layer = Layer(kind, {int(key.lstrip("_")): value for key, value in settings.items()})
    return lambda _: layer


def _unary(number: int) -> Row:
    return _plain("UnaryOp", _0=number)


def _binary(number: int) -> Row:
    return _plain("BinaryOp", _0=number)


def _scalar(number: int) -> Row:
    return lambda c: Layer("BinaryOp", {0: number, 1: 1, 2: c["value"]})


def _cut(c: _Call) -> Layer:
    """Starts and ends along one axis."""
    return Layer("Crop", {9: [c["start"]], 10: [c["stop"]], 11: [c["axis"] - 1]})


def _upsample(c: _Call) -> Layer:
    down, across = map(float, c["factor"])
    return Layer("Interp", {0: _MODES[c["mode"]], 1: down, 2: across})


def _resize(c: _Call) -> Layer:
    height, width = c["size"]
    return Layer("Interp", {0: _MODES[c["mode"]], 3: height, 4: width})


def _pool(c: _Call) -> Layer:
    average = c.node.op == "avg_pool"
    window = _pair(1, c["kernel"]) | _pair(2, c["stride"]) | _pair(3, c["padding"])
    counted = {6: int(c["count_padding"])} if average else {}
    return Layer("Pooling", {0: int(average), **window, 5: 1, **counted})


def _pad(c: _Call) -> Layer:
    left, right, top, bottom = c["widths"]
    kind = {"constant": 0, "replicate": 1, "reflect": 2}[c["mode"]]
    return Layer("Padding", {0: top, 1: bottom, 2: left, 3: right, 4: kind, 5: c["value"]})


def _reshape(c: _Call) -> Layer:
    return Layer("Reshape", dict(zip((0, 1, 2), reversed(c["shape"]), strict=False)))


def _reduce(number: int) -> Row:
    def row(c: _Call) -> Layer:
        along = [axis - 1 for axis in c["axes"]]
        if len(along) == len(c.shapes[0]) - 1 and not c["keep"]:
            return Layer("Reduction", {0: number, 1: 1, 5: 1})
        return Layer("Reduction", {0: number, 1: 0, 5: 1, 3: along, 4: int(c["keep"])})

    return row


LAYERS: Mapping[str, Row] = {
    "conv": _conv,
    "deconv": _deconv,
    "linear": _linear,
    "constant": _constant,
    "batch_norm": _batch_norm,
    "relu": _plain("ReLU"),
    "leaky_relu": lambda c: Layer("ReLU", {0: c["slope"]}),
    "prelu": _prelu,
    "silu": _plain("Swish"),
    "gelu": _plain("GELU"),
    "sigmoid": _plain("Sigmoid"),
    "tanh": _plain("TanH"),
    "softplus": _plain("Softplus"),
    "abs": _unary(0),
    "neg": _unary(1),
    "square": _unary(4),
    "sqrt": _unary(5),
    "exp": _unary(7),
    "log": _unary(8),
    "reciprocal": _unary(15),
    "clip": lambda c: Layer("Clip", {0: c["least"], 1: c["most"]}),
    "add": _binary(0),
    "sub": _binary(1),
    "mul": _binary(2),
    "div": _binary(3),
    "maximum": _binary(4),
    "minimum": _binary(5),
    "add_number": _scalar(0),
    "mul_number": _scalar(2),
    "sub_from_number": _scalar(7),
    "concat": lambda c: Layer("Concat", {0: c["axis"] - 1}),
    "slice": _cut,
    "pixel_shuffle": lambda c: Layer("PixelShuffle", {0: c["factor"]}),
    "pixel_unshuffle": lambda c: Layer("Reorg", {0: c["factor"]}),
    "upsample": _upsample,
    "resize": _resize,
    "avg_pool": _pool,
    "max_pool": _pool,
    "pad": _pad,
    "reshape": _reshape,
    "sum": _reduce(0),
    "mean": _reduce(3),
    "amax": _reduce(4),
    "amin": _reduce(5),
}
