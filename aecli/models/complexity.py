"""What an architecture costs: parameters, and floating-point operations per input pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from aecli.models.registry import Denoiser, Generator

if TYPE_CHECKING:
    from aecli.models.registry import ModelSpec


@dataclass(frozen=True)
class Complexity:
    """The cost of a model.

    Attributes:
        parameters: number of weights.
        flops_per_pixel: floating-point operations per input pixel of one forward pass (a
            multiply-add is two), convolutions and matrix products alone. A generator has no
            input: drawing and decoding an image, per pixel of that.
    """

    parameters: int
    flops_per_pixel: float


def measure(spec: ModelSpec, config: Any) -> Complexity:
    """The cost of `spec` with `config`, counted on shapes alone: nothing is computed."""
    geometry = spec.geometry(config)
    side = geometry.multiple_of * -(-max(256, geometry.minimum) // geometry.multiple_of)
    with torch.device("meta"), torch.inference_mode():
        module = spec.build(config)
        with FlopCounterMode(display=False) as counter:
            if isinstance(module, Generator):
                side = module.size
                module.decode(module.draw(torch.empty(1, *module.latent)))
            elif isinstance(module, Denoiser):
                module.restore(torch.empty(1, 3, side, side), torch.empty(1, 1, 1, 1))
            else:
                module(torch.empty(1, 3, side, side))
    parameters = sum(p.numel() for p in module.parameters())
    return Complexity(parameters, counter.get_total_flops() / side**2)
