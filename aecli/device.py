"""Where and how precisely a network runs on torch; which is loaded when that is asked."""

from __future__ import annotations

import ctypes
import os
import platform
import re
import sys
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from aecli import cores
from aecli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    import torch
    from torch import nn


class Precision(Enum):
    """The arithmetic of the layers that tolerate it; weights and images stay float32."""

    FP32 = "fp32"
    BF16 = "bf16"
    FP16 = "fp16"


_GPU_FILES = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd", "C:/Windows/System32/nvcuda.dll")
"""What the drivers of GPUs put there: NVIDIA's, WSL's, AMD's, and NVIDIA's on Windows."""


_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""What glibc's `mallopt` sets: what may lie idle, and which blocks are mapped; bytes."""

_CPUINFO = Path("/proc/cpuinfo")

ASKED, CHOSEN = "asked for", "chosen automatically"


@dataclass(frozen=True)
class Terms:
    """On what terms a network runs, and who chose each of them; as text, a line for the user.

    Attributes:
        parts: such as `cpu`, `fp32`, and where that comes from: `ASKED`, `CHOSEN`, or `from` a
            variable of the environment.
    """

    parts: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        groups = groupby(self.parts, key=lambda part: part[1])
        return "; ".join(", ".join([*(term for term, _ in g), origin]) for origin, g in groups)

    @property
    def chosen(self) -> bool:
        """Whether anything was not asked for."""
        return any(origin != ASKED for _, origin in self.parts)

    def without(self, term: str) -> Terms:
        """These, less one that goes without saying."""
        return Terms(tuple(part for part in self.parts if part[0] != term))

    def plus(self, term: str, origin: str) -> Terms:
        """These, and one more."""
        return Terms((*self.parts, (term, origin)))


@dataclass(frozen=True)
class Runtime:
    """A device and a precision that it has.

    Attributes:
        device: where the network runs.
        precision: what it computes in.
        reason: the same for the user, and who chose it.
    """

    device: torch.device
    precision: Precision
    reason: Terms

    def autocast(self) -> AbstractContextManager[object]:
        """The context to call a network in."""
        import torch

        dtypes = {Precision.BF16: torch.bfloat16, Precision.FP16: torch.float16}
        if self.precision in dtypes:
            return torch.autocast(self.device.type, dtype=dtypes[self.precision])
        if self.device.type == "cuda":  # TF32 keeps 10 bits of mantissa: that is not fp32
            return torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
        return nullcontext()

    def in_fp32(self) -> Runtime:
        """The same device, computing in fp32."""
        return replace(self, precision=Precision.FP32)

    @contextmanager
    def reserve_threads(self, threads: int) -> Iterator[None]:
        """Leave cores of the CPU to so many threads of another kind for a while.

        Torch's own threads spin where they wait for each other, in the way of the others: 744
        JPEGs, embedded on two cores, took 5.8 s with two of them, about 3 s with one.
        """
        import torch

        before = torch.get_num_threads()
        if self.device.type == "cpu":
            torch.set_num_threads(max(1, before - threads))
        try:
            yield
        finally:
            torch.set_num_threads(before)

    def prepare(self, module: nn.Module) -> nn.Module:
        """The module itself, ready to run here: evaluation mode, frozen, channels last."""
        import torch

        module.eval().requires_grad_(False)
        return module.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def choose(device: str = "auto", precision: str = "auto", *, training: bool = False) -> Runtime:
    """The runtime for what the user asked.

    Args:
        device: `cpu`, `cuda`, `cuda:N`, `mps`, or `auto`: what AECLI_DEVICE names, else the best
            there is.
        precision: `fp32`, `bf16`, `fp16`, or `auto`: fp16 on a GPU; on the CPU bf16 where it has
            instructions for that, else fp32.
        training: on a GPU `auto` is bf16 where that has it: gradients need the range of its
            exponent more than fp16's digits.

    Raises:
        UsageError: no such device or precision, or not on this machine.
    """
    device, by = wanted(device, "AECLI_DEVICE")
    try:
        where = _find_device(_best_device() if device == "auto" else device)
    except UsageError as error:
        if by not in (ASKED, CHOSEN):
            raise UsageError(f"AECLI_DEVICE: {error.message}", error.hint) from None
        raise
    import torch

    if where.type == "cpu":  # torch knows nothing of a container's quota
        torch.set_num_threads(min(torch.get_num_threads(), cores.computing()))
    how = _find_precision(precision, where, training=training)
    name = torch.cuda.get_device_name(where) if where.type == "cuda" else ""
    what = f"{where} ({name})" if name else str(where)
    terms = Terms(((what, by), (how.value, CHOSEN if precision == "auto" else ASKED)))
    return Runtime(where, how, terms)


def wanted(wish: str, variable: str) -> tuple[str, str]:
    """What is wanted, and who wants it: an option, or where that is `auto` the environment."""
    if wish != "auto":
        return wish, ASKED
    named = os.environ.get(variable, "auto") or "auto"
    return named, CHOSEN if named == "auto" else f"from {variable}"


@contextmanager
def denormals_flushed() -> Iterator[None]:
    """Let numbers below float32's normal range (1.2e-38) count as 0, on the CPU, for a while.

    It computes many times slower with them, and a network that is trained on pictures with black
    grounds makes many: digits went at 115 images/s with them, at 668 without. Holds for this thread
    and for those that it starts.
    """
    import torch

    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def keep_memory() -> None:
    """Let the C library keep what tensors on the CPU leave, for the next ones, where it is glibc.

    It gives large blocks back to the kernel, and they come anew page by page: a step of `upscale
    photo-x2` and its data took 312 ms so, 293 where they are kept (two threads, AMX, bf16, the
    means of four runs each). To the end of the process.
    """
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        mallopt(_MMAP_THRESHOLD, 1 << 30)
        mallopt(_TRIM_THRESHOLD, (1 << 31) - 1)


def cpu_has_bf16() -> bool:
    """Whether this CPU multiplies bfloat16 matrices in hardware.

    torch accepts bf16 on any CPU, but without AVX512-BF16 or AMX it is several times slower than
    fp32 (measured: 4 to 16 times).
    """
    import torch

    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


@cache
def cpu_has_tiles() -> bool:
    """Whether this CPU multiplies tiles of bfloat16 matrices (Intel's AMX), as Linux says.

    There torch, in bf16, takes a third to a fifth of the time that fp32 takes in any engine. It is
    asked before torch is loaded; without Linux the answer is no.
    """
    try:
        with _CPUINFO.open(encoding="ascii", errors="replace") as lines:
            return any("amx_bf16" in line.split() for line in lines if line.startswith("flags"))
    except OSError:
        return False


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that a smaller tile may work."""
    if isinstance(error, MemoryError):
        return True
    # torch's own type is a RuntimeError; the CPU's allocator and that of MPS have none
    text = str(error)
    return isinstance(error, RuntimeError) and (
        "DefaultCPUAllocator" in text or "out of memory" in text
    )


def may_have_gpu() -> bool:
    """Whether torch might find a GPU here; only then is it worth loading to ask."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    return any(Path(name).exists() for name in _GPU_FILES)


def _best_device() -> str:
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _find_device(name: str) -> torch.device:
    match = re.fullmatch(r"(cpu|mps|cuda)|cuda:(\d+)", name)
    if match is None:
        raise UsageError(f"unknown device {name!r}", "devices are auto, cpu, cuda, cuda:N and mps")
    import torch

    kind, index = match[1] or "cuda", match[2]
    if kind == "mps" and not torch.backends.mps.is_available():
        raise UsageError("this machine, or this build of torch, has no MPS device")
    if kind == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if count == 0:
            raise UsageError("this machine, or this build of torch, has no CUDA device")
        if index and int(index) >= count:
            raise UsageError(f"there is no device {name}; the last is cuda:{count - 1}")
        return torch.device(kind, int(index) if index else torch.cuda.current_device())
    return torch.device(kind)


def _find_precision(name: str, device: torch.device, *, training: bool) -> Precision:
    on_cpu = device.type == "cpu"
    import torch

    if name == "auto":
        if on_cpu:
            return Precision.BF16 if cpu_has_bf16() else Precision.FP32
        wide = training and device.type == "cuda" and torch.cuda.is_bf16_supported()
        return Precision.BF16 if wide else Precision.FP16
    try:
        precision = Precision(name)
    except ValueError:
        known = ", ".join(p.value for p in Precision)
        raise UsageError(f"unknown precision {name!r}", f"precisions are auto, {known}") from None
    if precision is Precision.FP16 and on_cpu:
        raise UsageError("fp16 needs a GPU", "on the CPU choose bf16 or fp32")
    return precision
