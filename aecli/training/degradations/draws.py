"""The randomness of a batch: a function of the seed and of each sample's number alone."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor


class Draws:
    """Named draws, one row a sample.

    What a draw gives a sample depends on the seed, the sample's number and the draw's name, and on
    nothing else: neither on the other samples of the batch, nor on the draws made before. So
    a resumed run sees what it would have seen, and several ranks see together what one would.

    Parameters come from the CPU and may decide, without waiting for a GPU, what is done to which
    sample; noise is drawn on the device itself. A CPU and a GPU draw equal parameters, but not
    equal noise.

    Args:
        seed: of the run.
        numbers: the samples' global numbers, N of them.
        device: where noise is drawn.
    """

    def __init__(
        self, seed: int, numbers: Sequence[int] | NDArray[np.int64], device: torch.device
    ) -> None:
        self.seed = seed
        self.numbers = np.asarray(numbers, np.int64)
        self.device = device

    def __len__(self) -> int:
        return len(self.numbers)

    def rows(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> Draws:
        """The draws of some of the samples."""
        return Draws(self.seed, self.numbers[index], self.device)

    def uniform(self, name: str, columns: int) -> NDArray[np.float64]:
        """(N, columns), uniform in [0, 1): a counter put through splitmix64 (Steele 2014)."""
        with np.errstate(over="ignore"):
            key = _mix(np.uint64(self.seed) + np.uint64(zlib.crc32(name.encode())) * _GOLDEN)
            row = _mix(self.numbers.astype(np.uint64)[:, None] * _GOLDEN + key)
            bits = _mix(row + (np.arange(columns, dtype=np.uint64) + np.uint64(1)) * _GOLDEN)
        return np.asarray(bits >> np.uint64(11), np.float64) * 2.0**-53

    def normal(self, name: str, shape: Sequence[int]) -> Tensor:
        """(N, *shape), standard normal, float32, on the device; a generator of its own a sample."""
        out = torch.empty(len(self), *shape, device=self.device)
        seeds = (self.uniform(f"{name}/seeds", 1)[:, 0] * 2.0**53).astype(np.int64)
        generator = torch.Generator(self.device)
        for row, seed in zip(out, seeds, strict=True):
            row.normal_(generator=generator.manual_seed(int(seed)))
        return out

    def on_device(self, values: NDArray[Any]) -> Tensor:
        """(N, ...) parameters as float32 on the device, without waiting for it."""
        return on_device(values, self.device)


def on_device(values: NDArray[Any], device: torch.device) -> Tensor:
    """Parameters, as float32, or an index, as int64, on a device, without waiting for it."""
    kind = np.int64 if np.issubdtype(values.dtype, np.integer) else np.float32
    tensor = torch.from_numpy(np.ascontiguousarray(values, dtype=kind))
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def constant(values: NDArray[Any], device: torch.device) -> Tensor:
    """What is kept, as float32 on a device: there when this returns, for whatever stream asks."""
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)).to(device)


def box_muller(u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
    """Two uniform draws -> one normal (Box and Muller 1958)."""
    drawn: NDArray[np.float64] = np.sqrt(-2 * np.log1p(-u)) * np.cos(2 * np.pi * v)
    return drawn


_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _mix(bits: Any) -> Any:
    """splitmix64's finaliser, of a uint64 or of an array of them."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
