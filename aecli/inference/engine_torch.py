"""Networks on torch: GPUs, other precisions than fp32, and what no graph expresses."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from aecli.checkpoints import format as checkpoints
from aecli.device import Precision
from aecli.inference import memory
from aecli.inference.engine import LatentSpace
from aecli.models.registry import Autoencoder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from aecli.device import Runtime
    from aecli.inference.engine import Call, Floats, Input

_GPU_MOST = 4 << 30


class TorchEngine:
    """See `aecli.inference.engine.Engine`.

    Args:
        path: the model's file.
        runtime: where it runs, in what precision.

    Attributes:
        module: the network.
        runtime: as given.
    """

    name = "torch"
    alone = False

    def __init__(self, path: Path, runtime: Runtime) -> None:
        model = checkpoints.load(path)
        self.module = runtime.prepare(model.module)
        self.runtime = runtime
        self.geometry = model.geometry
        self.calls: Sequence[Call] = [
            partial(self._call, each) for each in dict.fromkeys((runtime, runtime.in_fp32()))
        ]
        self.fp32: Sequence[Call] = self.calls[-1:]
        self.space = _space(model.module)
        self.memory = self.geometry.memory * (1 if runtime.precision is Precision.FP32 else 0.6)

    def room(self, taken: int) -> int:
        """On a GPU half of what is free, and 4 GiB at most; on the CPU see `memory.room`."""
        if self.runtime.device.type == "cuda":
            return min(torch.cuda.mem_get_info(self.runtime.device)[0] // 2, _GPU_MOST)
        return memory.room(taken)

    def has(self, method: str) -> bool:
        """Whether there is such a method to call."""
        return hasattr(self.module, method)

    def reserve_threads(self, threads: int) -> AbstractContextManager[object]:
        """See `aecli.device.Runtime.reserve_threads`."""
        return self.runtime.reserve_threads(threads)

    def _call(self, runtime: Runtime, method: str, *inputs: Input) -> Floats:
        with torch.inference_mode(), runtime.autocast():
            tensors = [_tensor(x).to(runtime.device) for x in inputs]
            result: Floats = getattr(self.module, method)(*tensors).float().cpu().numpy()
        return result


def _tensor(values: Input) -> Tensor:
    """Values as the networks take them: of pictures the channels come last."""
    tensor = torch.from_numpy(np.ascontiguousarray(values))
    return tensor.to(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor


def _space(module: nn.Module) -> LatentSpace | None:
    if not isinstance(module, Autoencoder):
        return None
    return LatentSpace(module.size, module.channels, tuple(module.latent), tuple(module.classes))
