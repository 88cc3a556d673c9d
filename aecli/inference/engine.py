"""What a network runs on: torch, or ncnn, which is the faster one on a CPU and needs no torch.

An engine calls a network's methods by name, on arrays. Which one is chosen is decided before
anything is loaded, so that torch is imported only where it computes.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol

from aecli import device as devices
from aecli.checkpoints import portable
from aecli.device import Terms
from aecli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from aecli.device import Runtime
    from aecli.models.registry import Geometry

    Floats = NDArray[np.float32]

ENGINES = ("auto", "torch", "ncnn")


class Call(Protocol):
    """One way to compute a network's methods."""

    def __call__(self, method: str, *inputs: Floats) -> Floats:
        """The result of a method, (1, ...) float32, for inputs (1, ...) float32.

        Raises:
            MemoryError: there is too little memory; on torch also the RuntimeErrors that
                `aecli.device.is_out_of_memory` knows.
        """
        ...


class Engine(Protocol):
    """A loaded network where it runs.

    Attributes:
        name: of the engine, one of `ENGINES`.
        geometry: of the network.
        calls: ways to compute, the first the best; where its values are not finite, the next.
        fp32: the way to compute in fp32.
        memory: peak working memory of a pass, bytes per input pixel.
    """

    name: str
    geometry: Geometry
    calls: Sequence[Call]
    fp32: Call
    memory: float

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


def choose(
    paths: Sequence[Path], engine: str = "auto", device: str = "auto", precision: str = "auto"
) -> Choice:
    """The engine for what the user asked.

    Args:
        paths: files of the models that are to run.
        engine: `torch`, `ncnn`, or `auto`: what AECLI_ENGINE names, else ncnn on a CPU where no
            precision is asked for, and torch for all that ncnn cannot do.
        device: see `aecli.device.choose`; ncnn computes on the CPU.
        precision: see there; ncnn computes in fp32, but its fast convolutions round a little
            differently from tile to tile, so that who asks for fp32 gets torch's.

    Raises:
        UsageError: no such engine, device or precision, or they do not go together.
        ModelError: a file is damaged.
    """
    engine, by = devices.wanted(engine, "AECLI_ENGINE")
    if engine not in ENGINES:
        source = "AECLI_ENGINE: " if by == "from AECLI_ENGINE" else ""
        raise UsageError(f"{source}unknown engine {engine!r}", f"engines are {', '.join(ENGINES)}")
    if engine == "torch":
        return _on_torch(device, precision, by)
    where, placed_by = devices.wanted(device, "AECLI_DEVICE")
    elsewhere = _elsewhere(where, precision, forced=engine == "ncnn")
    if engine == "ncnn" and elsewhere:
        raise UsageError(f"the engine ncnn computes on the CPU in fp32, not {elsewhere}")
    if elsewhere:
        return _on_torch(device, precision, by)
    lack = _lack(paths)
    if lack is None:
        # who wants ncnn wants what alone it has
        placed_by = by if placed_by == devices.CHOSEN else placed_by
        exact_by = by if precision == "auto" else devices.ASKED
        return Choice(
            "ncnn", None, Terms((("cpu", placed_by), ("fp32", exact_by), ("with ncnn", by)))
        )
    if engine == "ncnn":
        raise UsageError(f"the engine ncnn cannot be used: {lack}", "the engine torch runs it")
    return _on_torch(device, precision, by, lack)


def _on_torch(device: str, precision: str, by: str, lack: str | None = None) -> Choice:
    """Torch, which someone wants, or which computes what ncnn lacks something for."""
    runtime = devices.choose(device, precision)
    reason = f" ({lack})" if lack else ""
    return Choice("torch", runtime, runtime.reason.plus(f"with torch{reason}", by))


def _elsewhere(device: str, precision: str, *, forced: bool) -> str:
    """What is asked for that ncnn does not do: another device or precision; empty if nothing."""
    if precision not in (("auto", "fp32") if forced else ("auto",)):
        return f"in {precision}"
    if device == "auto" and not forced and devices.may_have_gpu():
        found = devices.choose(device, precision).device
        return "" if found.type == "cpu" else f"on {found}"
    return "" if device in ("auto", "cpu") else f"on {device}"


def _lack(paths: Sequence[Path]) -> str | None:
    """Why ncnn cannot run these models; None where it can."""
    if find_spec("ncnn") is None:
        return "ncnn is not installed"
    from aecli.inference.ncnn_layers import LAYERS

    for path in paths:
        held = portable.peek(path)
        if held is None:
            return f"{path.name} has no graph for ncnn"
        for graph in held.graphs.values():
            for node in graph.nodes:
                if node.op not in LAYERS:
                    return f"ncnn has no {node.op}, which {path.name} needs"
    return None
