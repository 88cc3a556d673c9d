"""The header of a .safetensors file, read without torch, and believed in nothing.

Anyone can write one: how long it is, how deep its JSON nests, where its tensors lie and how large
they are is checked before anything is built or allocated from it.
"""

from __future__ import annotations

import json
import math
import os
import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aecli.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_HEADER = 8 << 20
"""Bytes of the longest header that is parsed."""

MAX_FILE = 512 << 20
"""Bytes of the largest file that is a model: it takes some five times as much once loaded."""

MAX_DEPTH = 32
"""Levels of lists and objects in the deepest JSON that is read."""

_MAX_AXES = 8
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_METADATA = "__metadata__"
_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1}
"""Types of tensors that models have, and the bytes each number takes."""


@dataclass(frozen=True)
class Header:
    """What stands before the weights.

    Attributes:
        metadata: strings by their key.
        shapes: of the tensors by their name; together they are as large as the file says.
    """

    metadata: Mapping[str, str]
    shapes: Mapping[str, tuple[int, ...]]


def is_name(text: str) -> bool:
    """Whether a text can be part of a file name: letters, digits, '.', '_', '-', at most 100."""
    return _NAME.fullmatch(text) is not None


def parsed(text: str | bytes) -> Any:
    """JSON of a stranger; numbers that are not finite become None.

    Raises:
        ValueError: it is not JSON, or nests deeper than `MAX_DEPTH`.
    """
    try:
        value = json.loads(text, parse_constant=lambda _: None, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return value
    raise ValueError("nested too deeply")


def read(path: Path) -> Header:
    """The header of a file.

    Raises:
        ModelError: the file is missing, damaged, too large, or not safetensors.
    """
    try:
        with path.open("rb") as file:
            total = os.fstat(file.fileno()).st_size
            start = file.read(8)
            size = struct.unpack("<Q", start)[0] if len(start) == 8 else MAX_HEADER + 1
            body = file.read(size) if size <= min(MAX_HEADER, total) else b""
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}") from None
    if total > MAX_FILE:
        raise ModelError(
            f"{path} is too large for a model of aecli", f"the largest have {MAX_FILE >> 20} MiB"
        )
    try:
        table = parsed(body)
        metadata = table.pop(_METADATA, {})
        spans = {name: _span(entry) for name, entry in table.items()}
        if not all(isinstance(value, str) for value in metadata.values()):
            raise TypeError("metadata are strings")
    except (ValueError, AttributeError, KeyError, TypeError):
        raise ModelError(
            f"{path} is not a model of aecli",
            "models are .safetensors files; pickles are never loaded",
        ) from None
    end = 0
    for first, last in sorted((span for _, span in spans.values())):
        if first != end:
            raise ModelError(f"{path} is damaged: its tensors overlap or leave gaps")
        end = last
    if total != 8 + size + end:
        raise ModelError(f"{path} is damaged: {total} bytes instead of {8 + size + end}")
    return Header(metadata, {name: shape for name, (shape, _) in spans.items()})


def _span(entry: Any) -> tuple[tuple[int, ...], tuple[int, int]]:
    """Shape of a tensor and the place of its numbers; ValueError and others if there is none."""
    shape, (first, last) = tuple(entry["shape"]), entry["data_offsets"]
    if len(shape) > _MAX_AXES or not all(_is_size(n) for n in (*shape, first, last)):
        raise ValueError("sizes are whole numbers")
    if last - first != math.prod(shape) * _BYTES[entry["dtype"]]:
        raise ValueError("a tensor is as long as its shape says")
    return shape, (first, last)


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MAX_FILE


def _inside(value: Any) -> list[Any]:
    """The lists and objects directly within a list or an object."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [v for v in inner if isinstance(v, dict | list)]


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None
