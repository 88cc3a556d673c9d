"""Networks as ONNX, for programs that are not aecli: a row for each operation that graphs have.

Sizes and the number of pictures stay open. Weights are stored as float32; what the checkpoint says
of itself goes along as the file's metadata.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from aecli import extras
from aecli.errors import ModelError, UsageError, did_you_mean
from aecli.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aecli.checkpoints.portable import Network
    from aecli.models.graph import Node
    from aecli.models.ops import Shape

    Row = Callable[["_Writer", "_Step"], None]

OPSET = 20
"""Version of ONNX's operations: what ONNX Runtime 1.17 (2024) and later have."""

_IR = 9
"""Version of the file's layout that goes with it."""

MAIN = ("restore", "upscale", "encode", "decode")
"""The functions that are exported unless told, the first that a network has."""


def export(network: Network, about: Mapping[str, str], function: str | None = None) -> bytes:
    """A network's function as an ONNX file.

    Args:
        network: what to export.
        about: what the file is to say of itself.
        function: name of one of the graphs; None: the first of `MAIN`.

    Raises:
        UsageError: there is no such function, or the package `onnx` is not installed.
        ModelError: the graph does not fit its weights.
    """
    onnx = extras.ONNX.load("exporting")
    from onnx import helper

    graphs = network.portable.graphs
    name = next((n for n in MAIN if n in graphs), "") if function is None else function
    if name not in graphs:
        raise UsageError(f"the model has no function {name!r}", did_you_mean(name, graphs))
    graph = graphs[name]
    shapes = graph.shapes(list(graph.inputs.values()), network.shapes)
    names = [*graph.inputs, *(f"v{number}" for number in range(len(graph.nodes)))]
    names[-1] = "result"
    writer = _Writer()
    first = len(graph.inputs)
    for number, node in enumerate(graph.nodes, first):
        tensors = {role: network.tensors[weight] for role, weight in node.weights.items()}
        weights = {role: np.asarray(tensor, np.float32) for role, tensor in tensors.items()}
        inputs = [names[i] for i in node.inputs]
        _ROWS[node.op](
            writer, _Step(node, inputs, [shapes[i] for i in node.inputs], weights, names[number])
        )
    float32 = onnx.TensorProto.FLOAT
    result = helper.make_graph(
        writer.nodes,
        name,
        [
            helper.make_tensor_value_info(each, float32, _open(shape, network))
            for each, shape in graph.inputs.items()
        ],
        [helper.make_tensor_value_info("result", float32, [None] * len(shapes[-1]))],
        writer.weights,
    )
    model = helper.make_model(
        result,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=_IR,
        producer_name="aecli",
        producer_version=__version__,
    )
    helper.set_model_props(model, dict(about))
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ModelError(f"its graph is none in ONNX: {str(error).splitlines()[0]}") from None
    content: bytes = model.SerializeToString()
    return content


def _open(shape: Shape, network: Network) -> list[int | str]:
    """A shape whose batch, rows and columns are open; fixed where the network's size is."""
    from aecli.models.registry import Tiling

    if len(shape) < 4 or network.portable.geometry.tiling is not Tiling.EXACT:
        return ["batch", *shape[1:]]
    return ["batch", shape[1], "height", "width"]


class _Step:
    """A node with what it takes and makes."""

    def __init__(
        self,
        node: Node,
        inputs: Sequence[str],
        shapes: Sequence[Shape],
        weights: Mapping[str, Any],
        result: str,
    ) -> None:
        self.node, self.inputs, self.shapes = node, inputs, shapes
        self.weights, self.result = weights, result

    def __getitem__(self, attribute: str) -> Any:
        return self.node.attributes[attribute]


class _Writer:
    """Nodes and weights so far."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self._numbers = itertools.count()

    def add(self, op: str, inputs: Sequence[str], result: str, **attributes: Any) -> None:
        """One node."""
        from onnx import helper

        self.nodes.append(helper.make_node(op, inputs, [result], **attributes))

    def keep(self, values: Any, dtype: type = np.float32) -> str:
        """The name of a constant."""
        from onnx import numpy_helper

        name = f"w{next(self._numbers)}"
        array: Any = np.asarray(values, dtype, order="C")
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def name(self) -> str:
        """The name of a value between nodes."""
        return f"t{next(self._numbers)}"


def _weighted(w: _Writer, s: _Step) -> list[str]:
    """The input, the weights and the bias if there is one."""
    return [
        *s.inputs,
        *(w.keep(s.weights[role]) for role in ("weight", "bias") if role in s.weights),
    ]


def _conv(w: _Writer, s: _Step) -> None:
    window = {"strides": s["stride"], "pads": s["padding"] * 2}
    window |= {"dilations": s["dilation"], "group": s["groups"]}
    w.add("Conv", _weighted(w, s), s.result, **window)


def _deconv(w: _Writer, s: _Step) -> None:
    w.add("ConvTranspose", _weighted(w, s), s.result, strides=s["stride"], pads=s["padding"] * 2)


def _linear(w: _Writer, s: _Step) -> None:
    w.add("Gemm", _weighted(w, s), s.result, transB=1)


def _constant(w: _Writer, s: _Step) -> None:
    w.add("Identity", [w.keep(s.weights["weight"])], s.result)


def _batch_norm(w: _Writer, s: _Step) -> None:
    mean, var = s.weights["mean"], s.weights["var"]
    scale = s.weights.get("weight", np.ones_like(mean))
    shift = s.weights.get("bias", np.zeros_like(mean))
    parts = [w.keep(part) for part in (scale, shift, mean, var)]
    w.add("BatchNormalization", [*s.inputs, *parts], s.result, epsilon=s["eps"])


def _prelu(w: _Writer, s: _Step) -> None:
    slopes = s.weights["weight"].reshape(-1, *(1,) * (len(s.shapes[0]) - 2))
    w.add("PRelu", [*s.inputs, w.keep(slopes)], s.result)


def _silu(w: _Writer, s: _Step) -> None:
    gate = w.name()
    w.add("Sigmoid", s.inputs, gate)
    w.add("Mul", [*s.inputs, gate], s.result)


def _plain(op: str) -> Row:
    return lambda w, s: w.add(op, s.inputs, s.result)


def _with_number(op: str, *, first: bool = False) -> Row:
    def row(w: _Writer, s: _Step) -> None:
        number = w.keep(s["value"])
        w.add(op, [number, *s.inputs] if first else [*s.inputs, number], s.result)

    return row


def _square(w: _Writer, s: _Step) -> None:
    w.add("Mul", [*s.inputs, *s.inputs], s.result)


def _clip(w: _Writer, s: _Step) -> None:
    w.add("Clip", [*s.inputs, w.keep(s["least"]), w.keep(s["most"])], s.result)


def _slice(w: _Writer, s: _Step) -> None:
    places = [w.keep([s[name]], np.int64) for name in ("start", "stop", "axis")]
    w.add("Slice", [*s.inputs, *places], s.result)


def _pixel_shuffle(w: _Writer, s: _Step) -> None:
    w.add("DepthToSpace", s.inputs, s.result, blocksize=s["factor"], mode="CRD")


def _pixel_unshuffle(w: _Writer, s: _Step) -> None:
    """ONNX folds pixels before channels, torch channels before pixels."""
    folded, cells = w.name(), s["factor"] ** 2
    w.add("SpaceToDepth", s.inputs, folded, blocksize=s["factor"])
    order = np.arange(s.shapes[0][1] * cells).reshape(cells, -1).T.ravel()
    w.add("Gather", [folded, w.keep(order, np.int64)], s.result, axis=1)


_MODES: Mapping[str, Mapping[str, Any]] = {
    "nearest": {
        "mode": "nearest",
        "coordinate_transformation_mode": "asymmetric",
        "nearest_mode": "floor",
    },
    "bilinear": {"mode": "linear", "coordinate_transformation_mode": "half_pixel"},
    "bicubic": {
        "mode": "cubic",
        "coordinate_transformation_mode": "half_pixel",
        "cubic_coeff_a": -0.75,
    },
}


def _upsample(w: _Writer, s: _Step) -> None:
    scales = w.keep([1, 1, *s["factor"]])
    w.add("Resize", [*s.inputs, "", scales], s.result, **_MODES[s["mode"]])


def _resize(w: _Writer, s: _Step) -> None:
    sizes = w.keep(s["size"], np.int64)
    w.add("Resize", [*s.inputs, "", "", sizes], s.result, axes=[2, 3], **_MODES[s["mode"]])


def _pool(w: _Writer, s: _Step) -> None:
    window = {"kernel_shape": s["kernel"], "strides": s["stride"], "pads": s["padding"] * 2}
    if s.node.op == "avg_pool":
        w.add("AveragePool", s.inputs, s.result, **window, count_include_pad=s["count_padding"])
    else:
        w.add("MaxPool", s.inputs, s.result, **window)


def _pad(w: _Writer, s: _Step) -> None:
    left, right, top, bottom = s["widths"]
    pads = w.keep([0, 0, top, left, 0, 0, bottom, right], np.int64)
    mode = "edge" if s["mode"] == "replicate" else s["mode"]
    w.add("Pad", [*s.inputs, pads, w.keep(s["value"])], s.result, mode=mode)


def _reshape(w: _Writer, s: _Step) -> None:
    w.add("Reshape", [*s.inputs, w.keep([0, *s["shape"]], np.int64)], s.result)


def _reduce(op: str) -> Row:
    def row(w: _Writer, s: _Step) -> None:
        axes = w.keep(s["axes"], np.int64)
        w.add(op, [*s.inputs, axes], s.result, keepdims=int(s["keep"]))

    return row


_OWN = (
    _conv,
    _deconv,
    _linear,
    _constant,
    _batch_norm,
    _prelu,
    _silu,
    _square,
    _clip,
    _slice,
    _pixel_shuffle,
    _pixel_unshuffle,
    _upsample,
    _resize,
    _pad,
    _reshape,
)

"""Rows by functions of their names."""

_ROWS: Mapping[str, Row] = {
    **{row.__name__.removeprefix("_"): row for row in _OWN},
    "relu": _plain("Relu"),
    "leaky_relu": lambda w, s: w.add("LeakyRelu", s.inputs, s.result, alpha=s["slope"]),
    "gelu": _plain("Gelu"),
    "sigmoid": _plain("Sigmoid"),
    "tanh": _plain("Tanh"),
    "softplus": _plain("Softplus"),
    "exp": _plain("Exp"),
    "log": _plain("Log"),
    "abs": _plain("Abs"),
    "neg": _plain("Neg"),
    "sqrt": _plain("Sqrt"),
    "reciprocal": _plain("Reciprocal"),
    "add": _plain("Add"),
    "sub": _plain("Sub"),
    "mul": _plain("Mul"),
    "div": _plain("Div"),
    "maximum": _plain("Max"),
    "minimum": _plain("Min"),
    "add_number": _with_number("Add"),
    "mul_number": _with_number("Mul"),
    "sub_from_number": _with_number("Sub", first=True),
    "concat": lambda w, s: w.add("Concat", s.inputs, s.result, axis=s["axis"]),
    "avg_pool": _pool,
    "max_pool": _pool,
    "sum": _reduce("ReduceSum"),
    "mean": _reduce("ReduceMean"),
    "amax": _reduce("ReduceMax"),
    "amin": _reduce("ReduceMin"),
}
