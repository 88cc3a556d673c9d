"""The operations that graphs are made of: what each takes, and the shape of what it makes.

Their meaning is that of the operation of the same name in torch. An engine has a table with a row
for each that it knows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Shape = tuple[int, ...]
    Attributes = Mapping[str, Any]
    Weights = Mapping[str, Shape]
    Shaper = Callable[[Sequence[Shape], Attributes, Weights], Shape]


class Misfit(Exception):  # noqa: N818 - a finding about a file, told as a ModelError
    """Values, attributes and weights that do not fit each other."""


@dataclass(frozen=True)
class Op:
    """One operation.

    Attributes:
        shape: shapes of the inputs, attributes, shapes of the weights -> the result's shape.
        least, most: number of inputs.
        attributes: name -> what checks and normalises the value.
        weights: roles of its tensors; `?` marks one that may be left out.
    """

    shape: Shaper
    least: int = 1
    most: int = 1
    attributes: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    weights: tuple[str, ...] = ()


def whole(value: Any) -> int:
    """A small integer."""
    if type(value) is not int or not -65536 <= value <= 65536:
        raise Misfit(f"{str(value)[:40]} is not a small integer")
    return value


def number(value: Any) -> float:
    """A finite number."""
    if type(value) not in (int, float) or not math.isfinite(value):
        raise Misfit(f"{str(value)[:40]} is not a finite number")
    return float(value)


def wholes(count: int, least: int = 0) -> Callable[[Any], tuple[int, ...]]:
    """Checks for `count` small integers that are `least` or more."""

    def check(value: Any) -> tuple[int, ...]:
        if len(value) != count or any(whole(v) < least for v in value):
            raise Misfit(f"{str(value)[:40]} is not {count} integers from {least}")
        return tuple(value)

    return check


def dims(value: Any) -> tuple[int, ...]:
    """Checks for a shape after the batch, one of its sizes -1: what is left."""
    sizes = tuple(whole(v) for v in value)
    if not 1 <= len(sizes) <= 3 or any(n < 1 and n != -1 for n in sizes) or sizes.count(-1) != 1:
        raise Misfit(f"{str(value)[:40]} is not a shape with one size left open")
    return sizes


def axes(value: Any) -> tuple[int, ...]:
    """Checks for axes after the batch's, in order."""
    found = tuple(whole(v) for v in value)
    if not found or sorted(set(found)) != list(found) or not 1 <= found[0] <= found[-1] <= 3:
        raise Misfit(f"{str(value)[:40]} are not axes")
    return found


def one_of(*words: str) -> Callable[[Any], str]:
    """Checks for one of several words."""

    def check(value: Any) -> str:
        if value not in words:
            raise Misfit(f"{str(value)[:40]!r} is not one of {', '.join(words)}")
        return str(value)

    return check


def positive(value: Any) -> int:
    """A small integer from 1."""
    if whole(value) < 1:
        raise Misfit(f"{value} is not positive")
    return int(value)


def truth(value: Any) -> bool:
    """True or false."""
    if type(value) is not bool:
        raise Misfit(f"{str(value)[:40]} is neither true nor false")
    return value


def _same(inputs: Sequence[Shape], _attributes: Attributes, _weights: Weights) -> Shape:
    return inputs[0]


def _planes(shape: Shape) -> Shape:
    if len(shape) != 4:
        raise Misfit(f"{shape} is not of four dimensions")
    return shape


def _vector(length: int, given: Weights, roles: Sequence[str]) -> None:
    for role in roles:
        if role in given and given[role] != (length,):
            raise Misfit(f"{role} of shape {given[role]} instead of ({length},)")


def _conv(inputs: Sequence[Shape], a: Attributes, weights: Weights) -> Shape:
    _, channels, *sizes = _planes(inputs[0])
    outputs, per_group, *kernel = _planes(weights["weight"])
    if per_group * a["groups"] != channels or outputs % a["groups"]:
        raise Misfit(f"weights {weights['weight']} for {channels} channels")
    _vector(outputs, weights, ["bias"])
    spans = zip(sizes, kernel, a["stride"], a["padding"], a["dilation"], strict=True)
    return 1, outputs, *((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in spans)


def _deconv(inputs: Sequence[Shape], a: Attributes, weights: Weights) -> Shape:
    _, channels, *sizes = _planes(inputs[0])
    into, outputs, *kernel = _planes(weights["weight"])
    if into != channels:
        raise Misfit(f"weights {weights['weight']} for {channels} channels")
    _vector(outputs, weights, ["bias"])
    spans = zip(sizes, kernel, a["stride"], a["padding"], strict=True)
    return 1, outputs, *((n - 1) * s - 2 * p + k for n, k, s, p in spans)


def _linear(inputs: Sequence[Shape], _a: Attributes, weights: Weights) -> Shape:
    outputs, length = weights["weight"]
    if inputs[0] != (1, length):
        raise Misfit(f"weights {weights['weight']} for a value of shape {inputs[0]}")
    _vector(outputs, weights, ["bias"])
    return 1, outputs


def _constant(_inputs: Sequence[Shape], _a: Attributes, weights: Weights) -> Shape:
    shape = weights["weight"]
    if not 2 <= len(shape) <= 4 or shape[0] != 1:
        raise Misfit(f"a constant of shape {shape}")
    return shape


def _channelwise(inputs: Sequence[Shape], _a: Attributes, weights: Weights) -> Shape:
    for role in weights:
        _vector(inputs[0][1], weights, [role])
    return inputs[0]


def _prelu(inputs: Sequence[Shape], _a: Attributes, weights: Weights) -> Shape:
    if weights["weight"] not in ((1,), (inputs[0][1],)):
        raise Misfit(f"slopes {weights['weight']} for {inputs[0][1]} channels")
    return inputs[0]


def _both(inputs: Sequence[Shape], _a: Attributes, _weights: Weights) -> Shape:
    one, other = inputs
    if len(one) != len(other):
        raise Misfit(f"{one} and {other} do not go together")
    if any(a != b and 1 not in (a, b) for a, b in zip(one, other, strict=True)):
        raise Misfit(f"{one} and {other} do not go together")
    return tuple(map(max, one, other))


def _concat(inputs: Sequence[Shape], a: Attributes, _weights: Weights) -> Shape:
    axis = a["axis"]
    rest = {(*shape[:axis], 0, *shape[axis + 1 :]) for shape in inputs}
    if len(rest) != 1 or not 1 <= axis < len(inputs[0]):
        raise Misfit(f"{', '.join(map(str, inputs))} cannot be joined along axis {axis}")
    shape = list(inputs[0])
    shape[axis] = sum(each[axis] for each in inputs)
    return tuple(shape)


def _slice(inputs: Sequence[Shape], a: Attributes, _weights: Weights) -> Shape:
    shape, axis = list(inputs[0]), a["axis"]
    if not (1 <= axis < len(shape) and 0 <= a["start"] < a["stop"] <= shape[axis]):
        raise Misfit(f"{a['start']} to {a['stop']} along axis {axis} of {inputs[0]}")
    shape[axis] = a["stop"] - a["start"]
    return tuple(shape)


def _pixel_shuffle(inputs: Sequence[Shape], a: Attributes, _weights: Weights) -> Shape:
    _, channels, height, width = _planes(inputs[0])
    factor = a["factor"]
    if channels % factor**2:
        raise Misfit(f"{channels} channels are not {factor}x{factor} pixels each")
    return 1, channels // factor**2, height * factor, width * factor


def _pixel_unshuffle(inputs: Sequence[Shape], a: Attributes, _weights: Weights) -> Shape:
    _, channels, height, width = _planes(inputs[0])
    factor = a["factor"]
    if height % factor or width % factor:
        raise Misfit(f"{height}x{width} is no multiple of {factor}")
    return 1, channels * factor**2, height // factor, width // factor


def _upsample(inputs: Sequence[Shape], a: Attributes, _weights: Weights) -> Shape:
    _, channels, height, width = _planes(inputs[0])
    return 1, channels, height * a["factor"][0], width * a["factor"][1]


def _resize(inputs: Sequence[Shape], a: Attributes, _weights: Weights) -> Shape:
    return 1, _planes(inputs[0])[1], *a["size"]


def _pool(inputs: Sequence[Shape], a: Attributes, _weights: Weights) -> Shape:
    _, channels, *sizes = _planes(inputs[0])
    spans = zip(sizes, a["kernel"], a["stride"], a["padding"], strict=True)
    out = []
    for n, k, s, p in spans:
        if 2 * p > k or (n + 2 * p - k) % s:
            raise Misfit(f"windows of {k} every {s} do not fill {n} with {p} around")
        out.append((n + 2 * p - k) // s + 1)
    return 1, channels, *out


def _pad(inputs: Sequence[Shape], a: Attributes, _weights: Weights) -> Shape:
    _, channels, height, width = _planes(inputs[0])
    left, right, top, bottom = a["widths"]
    if a["mode"] == "reflect" and (max(left, right) >= width or max(top, bottom) >= height):
        raise Misfit(f"{height}x{width} is too small to be reflected by {a['widths']}")
    return 1, channels, height + top + bottom, width + left + right


def _reshape(inputs: Sequence[Shape], a: Attributes, _weights: Weights) -> Shape:
    count, known = math.prod(inputs[0]), -math.prod(a["shape"])
    if count % known:
        raise Misfit(f"{inputs[0]} cannot take the shape {a['shape']}")
    return 1, *(count // known if n == -1 else n for n in a["shape"])


def _reduce(inputs: Sequence[Shape], a: Attributes, _weights: Weights) -> Shape:
    if a["axes"][-1] >= len(inputs[0]):
        raise Misfit(f"{inputs[0]} has no axis {a['axes'][-1]}")
    kept = [1 if at in a["axes"] else n for at, n in enumerate(inputs[0])]
    if a["keep"]:
        return tuple(kept)
    return tuple(n for at, n in enumerate(kept) if at not in a["axes"])


_CONV = {"stride": wholes(2, 1), "padding": wholes(2)}
_POOL = {"kernel": wholes(2, 1), "stride": wholes(2, 1), "padding": wholes(2)}
_MODE = one_of("nearest", "bilinear", "bicubic")
_REDUCE = {"axes": axes, "keep": truth}
_BINARY = Op(_both, 2, 2)
_SCALAR = Op(_same, attributes={"value": number})
_UNARY = Op(_same)

OPS: Mapping[str, Op] = {
    "conv": Op(
        _conv,
        attributes={**_CONV, "dilation": wholes(2, 1), "groups": positive},
        weights=("weight", "bias?"),
    ),
    "deconv": Op(_deconv, attributes=_CONV, weights=("weight", "bias?")),
    "linear": Op(_linear, weights=("weight", "bias?")),
    "constant": Op(_constant, 0, 0, weights=("weight",)),
    "batch_norm": Op(
        _channelwise,
        attributes={"eps": number},
        weights=("mean", "var", "weight?", "bias?"),
    ),
    **dict.fromkeys(
        ["relu", "silu", "gelu", "sigmoid", "tanh", "softplus", "exp", "log", "abs", "neg"], _UNARY
    ),
    **dict.fromkeys(["sqrt", "square", "reciprocal"], _UNARY),
    "leaky_relu": Op(_same, attributes={"slope": number}),
    "prelu": Op(_prelu, weights=("weight",)),
    "clip": Op(_same, attributes={"least": number, "most": number}),
    **dict.fromkeys(["add", "sub", "mul", "div", "maximum", "minimum"], _BINARY),
    "add_number": _SCALAR,
    "mul_number": _SCALAR,
    "sub_from_number": _SCALAR,
    "concat": Op(_concat, 2, 64, {"axis": positive}),
    "slice": Op(_slice, attributes={"axis": positive, "start": whole, "stop": positive}),
    "pixel_shuffle": Op(_pixel_shuffle, attributes={"factor": positive}),
    "pixel_unshuffle": Op(_pixel_unshuffle, attributes={"factor": positive}),
    "upsample": Op(_upsample, attributes={"mode": _MODE, "factor": wholes(2, 1)}),
    "resize": Op(_resize, attributes={"mode": _MODE, "size": wholes(2, 1)}),
    "avg_pool": Op(_pool, attributes={**_POOL, "count_padding": truth}),
    "max_pool": Op(_pool, attributes=_POOL),
    "pad": Op(
        _pad,
        attributes={
            "mode": one_of("constant", "replicate", "reflect"),
            "widths": wholes(4),
            "value": number,
        },
    ),
    "reshape": Op(_reshape, attributes={"shape": dims}),
    **dict.fromkeys(["sum", "mean", "amax", "amin"], Op(_reduce, attributes=_REDUCE)),
}
