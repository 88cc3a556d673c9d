"""Networks on torch: GPUs, other precisions than fp32, and what no graph expresses."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from aecli.checkpoints import format as checkpoints
from aecli.device import Precision
from aecli.inference import memory

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from aecli.device import Runtime
    from aecli.inference.engine import Call, Floats

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

    def __init__(self, path: Path, runtime: Runtime) -> None:
        model = checkpoints.load(path)
        self.module = runtime.prepare(model.module)
        self.runtime = runtime
        self.geometry = model.geometry
        self.calls: Sequence[Call] = [
            partial(self._call, each) for each in dict.fromkeys((runtime, runtime.in_fp32()))
        ]
        self.fp32: Call = self.calls[-1]
        self.memory = self.geometry.memory * (1 if runtime.precision is Precision.FP32 else 0.6)

    def room(self, taken: int) -> int:
        """On a GPU half of what is free, and 4 GiB at most; on the CPU see `memory.room`."""
        if self.runtime.device.type == "cuda":
            return min(torch.cuda.mem_get_info(self.runtime.device)[0] // 2, _GPU_MOST)
        return memory.room(taken)

    def _call(self, runtime: Runtime, method: str, *inputs: Floats) -> Floats:
        with torch.inference_mode(), runtime.autocast():
            tensors = [
                torch.from_numpy(np.ascontiguousarray(x))
                .to(runtime.device)
                .to(memory_format=torch.channels_last)
                for x in inputs
            ]
            result: Floats = getattr(self.module, method)(*tensors).float().cpu().numpy()
        return result
