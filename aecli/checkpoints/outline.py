"""What a config would build, held against the weights a file has: nothing is allocated for it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.modules import module as hooks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import nn

    from aecli.models.registry import ModelSpec

_MODULES = 1000
"""Modules that a model may have beside one for each of its weights, such as activations."""


def hold(spec: ModelSpec, config: Any, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """See that a config asks for just the weights that a file has.

    The module is built on the `meta` device, and no further than the weights last.

    Args:
        spec: the architecture.
        config: its config.
        shapes: of the file's weights, by their name.

    Raises:
        ValueError: it asks for others, or more; and whatever `spec.build` raises.
    """
    with torch.device("meta"), _no_more_than(len(shapes)):
        wanted = {k: tuple(v.shape) for k, v in spec.build(config).state_dict().items()}
    for said, names in (
        ("lacks", wanted.keys() - shapes.keys()),
        ("has", shapes.keys() - wanted.keys()),
    ):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            which = "of its architecture" if said == "lacks" else "that its architecture does not"
            raise ValueError(f"the file {said} weights {which}: {min(names)[:100]}{more}")
    for name, shape in wanted.items():
        if shapes[name] != shape:
            raise ValueError(f"{name} is {_written(shapes[name])} instead of {_written(shape)}")


@contextmanager
def _no_more_than(weights: int) -> Iterator[None]:
    """In the block, no more than so many weights are made, and modules to match."""
    left = {"weights": weights, "modules": weights + _MODULES}

    def count(kind: str) -> None:
        left[kind] -= 1
        if left[kind] < 0:
            raise ValueError(f"its config asks for more {kind} than the file has")

    def parameter(_module: nn.Module, _name: str, value: Any) -> None:
        if value is not None:
            count("weights")

    def module(_module: nn.Module, _name: str, _inner: Any) -> None:
        count("modules")

    handles = [
        hooks.register_module_parameter_registration_hook(parameter),
        hooks.register_module_module_registration_hook(module),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _written(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "a number"
