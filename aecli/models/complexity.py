"""What a model costs: parameters, and floating-point operations per pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.flop_counter import FlopCounterMode

if TYPE_CHECKING:
    from collections.abc import Callable

    from aecli.models.registry import ModelSpec


@dataclass(frozen=True)
class Complexity:
    """The cost of a model.

    Attributes:
        parameters: number of weights.
        flops_per_pixel: floating-point operations (a multiply-add is two) of what its task does to
            one picture, per pixel of that: restoring or enlarging a small one, drawing and decoding
            a new one, encoding one. Convolutions and matrix products alone.
    """

    parameters: int
    flops_per_pixel: float


def _denoise(module: Any, side: int) -> int:
    module.restore(torch.empty(1, 3, side, side), torch.empty(1, 1, 1, 1))
    return side


def _upscale(module: Any, side: int) -> int:
    module.upscale(torch.empty(1, 3, side, side))
    return side


def _generate(module: Any, _side: int) -> int:
    module.decode(module.draw(torch.empty(1, *module.latent)))
    return int(module.size)


def _embed(module: Any, _side: int) -> int:
    module.encode(torch.empty(1, module.channels, module.size, module.size))
    return int(module.size)


_PASSES: dict[str, Callable[[Any, int], int]] = {
    "denoise": _denoise,
    "upscale": _upscale,
    "generate": _generate,
    "embed": _embed,
}
"""What each task does to a picture of so many pixels along each side; models of a fixed size have
their own. They return the size."""


def measure(spec: ModelSpec, config: Any, task: str) -> Complexity:
    """The cost of `spec` with `config` for a task, counted on shapes alone: nothing is computed."""
    geometry = spec.geometry(config)
    side = geometry.multiple_of * -(-max(256, geometry.minimum) // geometry.multiple_of)
    with torch.device("meta"), torch.inference_mode():
        module = spec.build(config).eval()
        with FlopCounterMode(display=False) as counter:
            side = _PASSES[task](module, side)
    parameters = sum(p.numel() for p in module.parameters())
    return Complexity(parameters, counter.get_total_flops() / side**2)
