"""Several ranks under `torchrun`: who am I, and agreeing on what to do next."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.distributed as dist

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Ranks:
    """This process among its peers."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this rank is the one that writes files and speaks."""
        return self.rank == 0

    def agree(self, values: list[float], device: torch.device) -> list[float]:
        """The first rank's values, on every rank: clocks and signals differ between processes."""
        if self.size == 1:
            return values
        tensor = torch.tensor(values, dtype=torch.float64, device=device)
        dist.broadcast(tensor, 0)
        return [float(v) for v in tensor]

    def mean(self, tensor: torch.Tensor) -> torch.Tensor:
        """The mean of a tensor over all ranks."""
        if self.size > 1:
            dist.all_reduce(tensor)
            tensor /= self.size
        return tensor


def speaks() -> bool:
    """Whether this process speaks to the user, also before and after the ranks have met."""
    return os.environ.get("RANK", "0") == "0"


def local_device() -> str | None:
    """The GPU that torchrun's LOCAL_RANK assigns to this process; None without either."""
    local = os.environ.get("LOCAL_RANK")
    return f"cuda:{local}" if local is not None and torch.cuda.is_available() else None


@contextmanager
def join(device: torch.device) -> Iterator[Ranks]:
    """Join the other ranks if torchrun started this process (nccl on a GPU, gloo on the CPU)."""
    if "WORLD_SIZE" not in os.environ or int(os.environ["WORLD_SIZE"]) == 1:
        yield Ranks()
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Ranks(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()
