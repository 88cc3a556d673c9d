"""What a network runs on: torch, or ncnn, which is the faster one on most CPUs and needs no torch.

An engine calls a network's methods by name, on arrays. Which one is chosen is decided before
anything is loaded, so that torch is imported only where it computes.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol

from aecli import cores
from aecli import device as devices
from aecli.checkpoints import portable
from aecli.device import Terms
from aecli.errors import Reason, UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from aecli.device import Runtime
    from aecli.models.registry import Geometry

    Floats = NDArray[np.float32]
    Input = NDArray[np.float32] | NDArray[np.int64]

ENGINES = ("auto", "torch", "ncnn")

_REPAYING = {"restore": 500_000, "upscale": 250_000}
"""From how many pixels of pictures, for each thread, torch repays its start where the CPU has tiles
for bf16: the shipped networks, two threads: ncnn took as long for 0.9 and 0.3 megapixels in all."""


_EACH = 4_000
"""What each picture counts for less, for each thread: below 64 pixels a side torch gains nothing,
and on a busy machine its threads wait for each other (200 such: seven minutes, with ncnn one)."""


class Areas(Protocol):
    """How many pixels each picture has that there is to work on, as far as that is known."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[int]: ...


class Call(Protocol):
    """One way to compute a network's methods."""

    def __call__(self, method: str, *inputs: Input) -> Floats:
        """The result of a method for N pictures, (N, ...) float32.

        Args:
            method: its name.
            inputs: what it takes, (N, ...) each: float32, or int64 where classes are meant.

        Raises:
            MemoryError: there is too little memory; on torch also the RuntimeErrors that
                `aecli.device.is_out_of_memory` knows.
        """
        ...


@dataclass(frozen=True)
class LatentSpace:
    """What an autoencoder goes between, as the protocol in `aecli.models.registry` has it.

    Attributes:
        size: side of its square pictures, pixels.
        channels: 1 (grey) or 3 (RGB) of these.
        latent: shape of one picture's latent, (D,) or (C, h, w).
        classes: names of the classes it knows, in order.
    """

    size: int
    channels: int
    latent: tuple[int, ...]
    classes: tuple[str, ...] = ()


class Engine(Protocol):
    """A loaded network where it runs.

    Attributes:
        name: of the engine, one of `ENGINES`.
        geometry: of the network.
        space: of an autoencoder; None of other networks.
        calls: ways to compute, the first the best; where its values are not finite, the next.
        fp32: those of them that compute in fp32.
        alone: whether each of N pictures is computed by itself, so that its result is the same
            whatever the others are, and how many.
        memory: peak working memory of a pass, bytes per input pixel.
    """

    name: str
    geometry: Geometry
    space: LatentSpace | None
    calls: Sequence[Call]
    fp32: Sequence[Call]
    alone: bool
    memory: float

    def has(self, method: str) -> bool:
        """Whether there is such a method to call."""
        ...

    def reserve_threads(self, threads: int) -> AbstractContextManager[object]:
        """While so many threads of another kind are at work, leave them their share."""
        ...

    def room(self, taken: int) -> int:
        """Bytes that a pass may take where pictures take so many."""
        ...


@dataclass(frozen=True)
class Choice:
    """An engine that has been chosen, and nothing loaded yet.

    Attributes:
        name: of the engine.
        runtime: torch's device and precision; None where ncnn computes.
        reason: on what terms it computes, and who chose them.
    """

    name: str
    runtime: Runtime | None
    reason: Terms

    @property
    def device(self) -> str:
        """Where it computes, as the user may name it."""
        return "cpu" if self.runtime is None else str(self.runtime.device)

    @property
    def precision(self) -> str:
        """What it computes in."""
        return "fp32" if self.runtime is None else self.runtime.precision.value

    def open(self, path: Path) -> Engine:
        """The model of a verified file, loaded.

        Raises:
            ModelError: it is damaged.
        """
        if self.runtime is not None:
            from aecli.inference.engine_torch import TorchEngine

            return TorchEngine(path, self.runtime)
        from aecli.inference.engine_ncnn import NcnnEngine

        return NcnnEngine(path)


def repays(methods: Collection[str], areas: Areas) -> bool:
    """Whether so much is to do with these methods that torch, left the choice, is done sooner.

    That is where the CPU has tiles for bf16, torch's precision there.
    """
    known = [_REPAYING[method] for method in methods if method in _REPAYING]
    if not known or not devices.cpu_has_tiles():
        return False
    threads = cores.computing()
    balance, left = -min(known) * threads, len(areas)
    for area in areas:
        balance += area - _EACH * threads
        left -= 1
        if balance >= left * _EACH * threads:  # whatever the others are
            return True
    return False


def choose(
    paths: Sequence[Path],
    methods: Collection[str],
    engine: str = "auto",
    device: str = "auto",
    precision: str = "auto",
    areas: Areas = (),
) -> Choice:
    """The engine for what the user asked.

    Args:
        paths: files of the models that are to run.
        methods: those of theirs that will be called.
        engine: `torch`, `ncnn`, or `auto`: what AECLI_ENGINE prefers, else ncnn on a CPU; torch for
            all that ncnn cannot do, and where it is so much faster that its start is repaid.
        device: see `aecli.device.choose`; ncnn computes on the CPU.
        precision: see there; ncnn computes in fp32.
        areas: of the pictures that there are to work on.

    Raises:
        UsageError: no such engine, device or precision, or they do not go together.
        ModelError: a file is damaged.
    """
    wanted, by = devices.wanted(engine, "AECLI_ENGINE")
    if wanted not in ENGINES:
        source = "" if by == devices.ASKED else "AECLI_ENGINE: "
        raise UsageError(f"{source}unknown engine {wanted!r}", f"engines are {', '.join(ENGINES)}")
    if wanted == "torch":
        return _on_torch(device, precision, by)
    where, placed_by = devices.wanted(device, "AECLI_DEVICE")
    elsewhere = _elsewhere(where, precision, preferred=wanted == "ncnn")
    if elsewhere and engine == "ncnn":
        raise UsageError(f"the engine ncnn computes on the CPU in fp32, not {elsewhere}")
    lack = None if elsewhere else _lack(paths, methods)
    if not elsewhere and wanted == precision == "auto" and repays(methods, areas):
        return _on_torch(device, precision, by)
    if not elsewhere and lack is None:
        # who wants ncnn wants what alone it has
        placed_by = by if placed_by == devices.CHOSEN else placed_by
        exact_by = by if precision == "auto" else devices.ASKED
        return Choice(
            "ncnn", None, Terms((("cpu", placed_by), ("fp32", exact_by), ("with ncnn", by)))
        )
    if engine == "ncnn":
        reason = Reason.NO_GRAPH if _installed() else Reason.NO_NCNN
        raise UsageError(f"the engine ncnn cannot be used: {lack}", reason=reason)
    return _on_torch(device, precision, devices.CHOSEN if wanted == "ncnn" else by, lack)


def _on_torch(device: str, precision: str, by: str, lack: str | None = None) -> Choice:
    """Torch, which someone wants, or which computes what ncnn lacks something for."""
    runtime = devices.choose(device, precision)
    reason = f" ({lack})" if lack else ""
    return Choice("torch", runtime, runtime.reason.plus(f"with torch{reason}", by))


def _elsewhere(device: str, precision: str, *, preferred: bool) -> str:
    """What is asked for that ncnn does not do: another device or precision; empty if nothing.

    Args:
        device, precision: the wishes.
        preferred: whether ncnn on the CPU comes before a GPU that there may be.
    """
    if precision not in ("auto", "fp32"):
        return f"in {precision}"
    if device == "auto" and not preferred and devices.may_have_gpu():
        found = devices.choose(device, precision).device
        return "" if found.type == "cpu" else f"on {found}"
    return "" if device in ("auto", "cpu") else f"on {device}"


def _installed() -> bool:
    """Whether ncnn is there; not every platform has a wheel of it."""
    return find_spec("ncnn") is not None


def _lack(paths: Sequence[Path], methods: Collection[str]) -> str | None:
    """Why ncnn cannot run these models; None where it can."""
    if not _installed():
        return "ncnn is not installed"
    from aecli.inference.ncnn_layers import LAYERS

    for path in paths:
        held = portable.peek(path)
        graphs = {} if held is None else held.graphs
        for method in methods:
            if method not in graphs:
                return f"{path.name} has no graph of {method} for ncnn"
            for node in graphs[method].nodes:
                if node.op not in LAYERS:
                    return f"ncnn has no {node.op}, which {path.name} needs"
    return None
