"""What a graph holds for each of torch's operations: a row for each that is known.

A row takes the recorder, the result and the operation's own arguments, in ATen's order, and writes
down what a graph has for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aecli.models.trace import Recorder

    Row = Callable[..., None]

_FAR = 3e38
"""Stands for no limit: JSON has no infinity."""


class InexpressibleError(Exception):
    """A graph cannot hold what a module does; says what."""


def _convolution(
    r: Recorder,
    out: Tensor,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> None:
    given = {"weight": weight, "bias": bias}
    where = {"stride": _pair(stride), "padding": _pair(padding)}
    if not transposed:
        r.add(out, "conv", [x], given, **where, dilation=_pair(dilation), groups=groups)
    elif groups == 1 and _pair(dilation) == (1, 1) and _pair(output_padding) == (0, 0):
        r.add(out, "deconv", [x], given, **where)
    else:
        raise InexpressibleError("a transposed convolution has groups, dilation or output padding")


def _linear(r: Recorder, out: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    r.add(out, "linear", [x], {"weight": weight, "bias": bias})


def _addmm(r: Recorder, out: Tensor, bias: Tensor | None, x: Tensor, turned: Tensor) -> None:
    """A product with weights that stand transposed, as those of a linear layer do."""
    if (weight := r.source(turned)) is turned:
        raise InexpressibleError("a matrix product is no linear layer")
    _linear(r, out, x, weight, bias)


def _mm(r: Recorder, out: Tensor, x: Tensor, turned: Tensor) -> None:
    _addmm(r, out, None, x, turned)


def _batch_norm(
    r: Recorder,
    outs: Sequence[Tensor],
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    mean: Tensor,
    var: Tensor,
    *settings: Any,
) -> None:
    if settings[0] is True:
        raise InexpressibleError("batch normalisation is in training mode")
    given = {"weight": weight, "bias": bias, "mean": mean, "var": var}
    r.add(outs[0], "batch_norm", [x], given, eps=settings[-1])


def _unary(op: str) -> Row:
    def row(r: Recorder, out: Tensor, x: Tensor) -> None:
        r.add(out, op, [x])

    return row


def _gelu(r: Recorder, out: Tensor, x: Tensor, *, approximate: str = "none") -> None:
    if approximate != "none":
        raise InexpressibleError("GELU is approximated")
    r.add(out, "gelu", [x])


def _softplus(r: Recorder, out: Tensor, x: Tensor, beta: float = 1, threshold: float = 20) -> None:
    if (beta, threshold) != (1, 20):
        raise InexpressibleError("softplus has other settings than 1 and 20")
    r.add(out, "softplus", [x])


def _leaky_relu(r: Recorder, out: Tensor, x: Tensor, slope: float = 0.01) -> None:
    r.add(out, "leaky_relu", [x], slope=float(slope))


def _prelu(r: Recorder, out: Tensor, x: Tensor, weight: Tensor) -> None:
    r.add(out, "prelu", [x], {"weight": r.source(weight)})


def _clamp(
    r: Recorder, out: Tensor, x: Tensor, least: float | None = None, most: float | None = None
) -> None:
    lower = -_FAR if least is None else float(least)
    upper = _FAR if most is None else float(most)
    r.add(out, "clip", [x], least=lower, most=upper)


def _clamp_max(r: Recorder, out: Tensor, x: Tensor, most: float) -> None:
    _clamp(r, out, x, None, most)


def _add(r: Recorder, out: Tensor, a: Any, b: Any, *, alpha: float = 1) -> None:
    if alpha != 1:
        raise InexpressibleError("a sum has a factor")
    _binary(r, out, "add", a, b)


def _sub(r: Recorder, out: Tensor, a: Any, b: Any, *, alpha: float = 1) -> None:
    if alpha != 1:
        raise InexpressibleError("a difference has a factor")
    _binary(r, out, "sub", a, b)


def _rsub(r: Recorder, out: Tensor, a: Any, b: Any, alpha: float = 1) -> None:
    _sub(r, out, b, a, alpha=alpha)


def _mul(r: Recorder, out: Tensor, a: Any, b: Any) -> None:
    _binary(r, out, "mul", a, b)


def _div(r: Recorder, out: Tensor, a: Any, b: Any) -> None:
    _binary(r, out, "div", a, b)


def _maximum(r: Recorder, out: Tensor, a: Any, b: Any) -> None:
    _binary(r, out, "maximum", a, b)


def _minimum(r: Recorder, out: Tensor, a: Any, b: Any) -> None:
    _binary(r, out, "minimum", a, b)


def _binary(r: Recorder, out: Tensor, op: str, a: Any, b: Any) -> None:
    """Two values, or a value and a number on either side."""
    a, b = r.alike(a, out.ndim), r.alike(b, out.ndim)
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        r.add(out, op, [a, b])
    elif isinstance(b, Tensor):
        r.add(out, _TURNED[op], [b], value=float(a))
    elif op == "sub":
        r.add(out, "add_number", [a], value=-float(b))
    elif op == "div":
        r.add(out, "mul_number", [a], value=1 / float(b))
    else:
        r.add(out, f"{op}_number", [a], value=float(b))


_TURNED = {"add": "add_number", "sub": "sub_from_number", "mul": "mul_number"}


def _pow(r: Recorder, out: Tensor, x: Tensor, exponent: float) -> None:
    r.add(out, {2: "square", 0.5: "sqrt", -1: "reciprocal"}[exponent], [x])


def _cat(r: Recorder, out: Tensor, parts: Sequence[Tensor], axis: int = 0) -> None:
    r.add(out, "concat", parts, axis=axis % out.ndim)


def _slice(
    r: Recorder,
    out: Tensor,
    x: Tensor,
    axis: int = 0,
    start: int | None = None,
    _stop: int | None = None,
    step: int = 1,
) -> None:
    axis, length = axis % x.ndim, x.shape[axis]
    first = min(start or 0, length)
    first = first + length if first < 0 else first
    if step != 1:
        raise InexpressibleError("a slice leaves some out")
    if out.shape == x.shape:
        r.same(out, x)
    else:
        r.add(out, "slice", [x], axis=axis, start=first, stop=first + out.shape[axis])


def _split(r: Recorder, outs: Sequence[Tensor], x: Tensor, _sizes: Any, axis: int = 0) -> None:
    start = 0
    for out in outs:
        _slice(r, out, x, axis, start)
        start += out.shape[axis]


def _select(r: Recorder, out: Tensor, x: Tensor, axis: int, index: int) -> None:
    axis = axis % x.ndim
    if axis == 0:
        raise InexpressibleError("a picture is taken out of its batch")
    start = index % x.shape[axis]
    kept = x.narrow(axis, start, 1)
    r.add(kept, "slice", [x], axis=axis, start=start, stop=start + 1)
    _view(r, out, kept)


def _view(r: Recorder, out: Tensor, x: Tensor, *_: Any) -> None:
    """Another shape: the last size is what is left, so that pictures may have any."""
    if out.shape == x.shape or (out.ndim < 2 and out.numel() == x.numel() == 1):
        r.same(out, x)
    elif len(out) == 1 and 2 <= out.ndim <= 4:
        r.add(out, "reshape", [x], shape=(*out.shape[1:-1], -1))
    else:
        raise InexpressibleError(f"{tuple(x.shape)} becomes {tuple(out.shape)}")


def _expand(r: Recorder, out: Tensor, x: Tensor, *_: Any, **__: Any) -> None:
    if out.shape != x.shape:
        raise InexpressibleError(f"{tuple(x.shape)} is repeated to {tuple(out.shape)}")
    r.same(out, x)


def _to(r: Recorder, out: Tensor, x: Tensor, *_: Any, **__: Any) -> None:
    if out.dtype != torch.float32:
        raise InexpressibleError(f"a value becomes {out.dtype}")
    r.same(out, x)


def _pixel_shuffle(r: Recorder, out: Tensor, x: Tensor, factor: int) -> None:
    r.same(out, x) if factor == 1 else r.add(out, "pixel_shuffle", [x], factor=factor)


def _pixel_unshuffle(r: Recorder, out: Tensor, x: Tensor, factor: int) -> None:
    r.same(out, x) if factor == 1 else r.add(out, "pixel_unshuffle", [x], factor=factor)


def _upsample(mode: str) -> Row:
    def row(r: Recorder, out: Tensor, x: Tensor, _size: Any, *settings: Any) -> None:
        if settings and settings[0] is True:
            raise InexpressibleError("the corners of an enlargement are aligned")
        sizes = list(zip(x.shape[2:], out.shape[2:], strict=True))
        if any(after % before for before, after in sizes):
            r.add(out, "resize", [x], mode=mode, size=tuple(out.shape[2:]))
        else:
            factor = tuple(after // before for before, after in sizes)
            r.add(out, "upsample", [x], mode=mode, factor=factor)

    return row


def _avg_pool(
    r: Recorder,
    out: Tensor,
    x: Tensor,
    kernel: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0,),
    ceil: bool = False,
    count_padding: bool = True,
    divisor: int | None = None,
) -> None:
    if ceil or divisor is not None:
        raise InexpressibleError("an average pool rounds up or has another divisor")
    window = _window(kernel, stride, padding)
    r.add(out, "avg_pool", [x], **window, count_padding=count_padding)


def _max_pool(
    r: Recorder,
    outs: Sequence[Tensor],
    x: Tensor,
    kernel: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0,),
    dilation: Sequence[int] = (1,),
    ceil: bool = False,
) -> None:
    if ceil or _pair(dilation) != (1, 1):
        raise InexpressibleError("a maximum pool rounds up or is dilated")
    r.add(outs[0], "max_pool", [x], **_window(kernel, stride, padding))


def _adaptive_avg_pool(r: Recorder, out: Tensor, x: Tensor, _size: Any) -> None:
    sizes = list(zip(x.shape[2:], out.shape[2:], strict=True))
    if any(a % b for a, b in sizes):
        raise InexpressibleError(f"{tuple(x.shape[2:])} is pooled to {tuple(out.shape[2:])}")
    window = _window([a // b for a, b in sizes], (), (0,))
    r.add(out, "avg_pool", [x], **window, count_padding=True)


def _reduce(op: str) -> Row:
    def row(
        r: Recorder, out: Tensor, x: Tensor, axes: Any = None, keep: bool = False, **_: Any
    ) -> None:
        if axes is None or axes == []:
            axes = range(x.ndim)
        found = sorted({axis % x.ndim for axis in ([axes] if isinstance(axes, int) else axes)})
        if found and found[0] == 0:
            if len(found) != x.ndim:
                raise InexpressibleError("a batch is reduced")
            found = found[1:]  # of all a single one is left either way
        if not found:
            r.same(out, x)
            return
        r.add(out, op, [x], axes=tuple(found), keep=bool(keep))

    return row


def _pad(mode: str) -> Row:
    def row(r: Recorder, out: Tensor, x: Tensor, widths: Sequence[int], value: float = 0) -> None:
        sides = (*widths, 0, 0, 0, 0)[:4]
        if len(widths) > 4 and any(widths[4:]):
            raise InexpressibleError("channels are padded")
        if min(sides) < 0:
            raise InexpressibleError("a negative padding cuts")
        r.add(out, "pad", [x], mode=mode, widths=tuple(sides), value=float(value))

    return row


def _window(kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int]) -> dict[str, Any]:
    pair = _pair(stride or kernel)
    return {"kernel": _pair(kernel), "stride": pair, "padding": _pair(padding)}


def _pair(values: int | Sequence[int]) -> tuple[int, int]:
    pair = (values,) if isinstance(values, int) else tuple(values)
    return pair[0], pair[-1]


ROWS: Mapping[str, Row] = {
    "convolution": _convolution,
    "linear": _linear,
    "addmm": _addmm,
    "mm": _mm,
    "native_batch_norm": _batch_norm,
    "_native_batch_norm_legit_no_training": _batch_norm,
    **{
        name: _unary(name)
        for name in ("relu", "silu", "sigmoid", "tanh", "exp", "log", "abs", "neg", "sqrt")
    },
    "square": _unary("square"),
    "reciprocal": _unary("reciprocal"),
    "gelu": _gelu,
    "softplus": _softplus,
    "leaky_relu": _leaky_relu,
    "_prelu_kernel": _prelu,
    "clamp": _clamp,
    "hardtanh": _clamp,
    "clamp_min": _clamp,
    "clamp_max": _clamp_max,
    "add": _add,
    "sub": _sub,
    "rsub": _rsub,
    "mul": _mul,
    "div": _div,
    "maximum": _maximum,
    "minimum": _minimum,
    "pow": _pow,
    "cat": _cat,
    "slice": _slice,
    "split": _split,
    "split_with_sizes": _split,
    "select": _select,
    **dict.fromkeys(["view", "_unsafe_view", "reshape", "squeeze", "unsqueeze"], _view),
    "expand": _expand,
    **dict.fromkeys(["_to_copy", "clone", "detach", "alias", "lift_fresh", "contiguous"], _to),
    "pixel_shuffle": _pixel_shuffle,
    "pixel_unshuffle": _pixel_unshuffle,
    "upsample_nearest2d": _upsample("nearest"),
    "upsample_bilinear2d": _upsample("bilinear"),
    "upsample_bicubic2d": _upsample("bicubic"),
    "avg_pool2d": _avg_pool,
    "max_pool2d_with_indices": _max_pool,
    "_adaptive_avg_pool2d": _adaptive_avg_pool,
    "sum": _reduce("sum"),
    "mean": _reduce("mean"),
    "amax": _reduce("amax"),
    "amin": _reduce("amin"),
    "constant_pad_nd": _pad("constant"),
    "replication_pad2d": _pad("replicate"),
    "reflection_pad2d": _pad("reflect"),
}
