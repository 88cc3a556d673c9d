"""What a checkpoint holds for engines other than torch: its network's graphs and its geometry.

They are a second key of the file's metadata, a few kilobytes of text, written with the weights and
checked before use. The weights are the file's own; the few constants that a graph needs beside them
are tensors whose names begin with `graph.`. Reading a network from here imports no torch.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aecli.checkpoints import header
from aecli.errors import AecliError, ModelError
from aecli.models.graph import CONSTANTS, Graph
from aecli.models.registry import Geometry, Tiling

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from aecli.checkpoints.format import Meta

KEY = "aecli.graphs"

_MOST_TEXT = 1 << 20
_LIMITS = {"multiple_of": 1024, "minimum": 4096, "radius": 4096, "scale": 16, "memory": 1 << 20}
"""The largest values of a geometry that is believed."""


@dataclass(frozen=True)
class Portable:
    """A network's functions as data.

    Attributes:
        geometry: as of the architecture and config.
        graphs: by the name of the method that each stands for.
    """

    geometry: Geometry
    graphs: Mapping[str, Graph]

    def to_json(self) -> str:
        """One JSON object with sorted keys."""
        geometry = dataclasses.asdict(self.geometry) | {"tiling": self.geometry.tiling.value}
        graphs = {name: graph.to_json() for name, graph in self.graphs.items()}
        return json.dumps({"geometry": geometry, "graphs": graphs}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Portable:
        """The inverse of `to_json`.

        Raises:
            ModelError: it is something else, or has an operation that is not known.
        """
        try:
            if len(text) > _MOST_TEXT:
                raise ValueError("too long")
            data = header.parsed(text)
            geometry = _geometry(dict(data["geometry"]))
            graphs = {str(name): Graph.from_json(graph) for name, graph in data["graphs"].items()}
        except (AttributeError, KeyError, TypeError, ValueError):
            raise ModelError("its graph is not usable: it is not of the known form") from None
        return cls(geometry, graphs)


@dataclass(frozen=True)
class Network:
    """A network to be run without torch.

    Attributes:
        portable: its geometry and graphs, which fit the weights.
        tensors: the weights by name, as stored (fp16 or fp32).
    """

    portable: Portable
    tensors: Mapping[str, NDArray[Any]]

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shapes of the weights."""
        return {name: tensor.shape for name, tensor in self.tensors.items()}


def derive(
    meta: Meta, shapes: Mapping[str, tuple[int, ...]]
) -> tuple[Portable, dict[str, Tensor]] | None:
    """The graphs of the network that metadata describe, and the constants they need.

    None where the network cannot be expressed as graphs, or has no weights of these shapes.
    """
    import torch

    from aecli.checkpoints.outline import hold
    from aecli.models.registry import Registry
    from aecli.models.trace import InexpressibleError, graphs

    try:
        spec = Registry.discover().get(meta.architecture)
        config = spec.configure(meta.config)
        hold(spec, config, shapes)
    except (AecliError, ArithmeticError, RuntimeError, TypeError, ValueError):
        return None
    geometry = spec.geometry(config)
    with torch.random.fork_rng(devices=[]):  # weights and inputs are drawn, and do not matter
        try:
            found, constants = graphs(spec.build(config).eval(), geometry)
        except InexpressibleError:
            return None
    return Portable(geometry, found), constants


def peek(path: Path) -> Portable | None:
    """The graphs of a checkpoint, from its header alone, or None where it has none.

    Raises:
        ModelError: the file is damaged, or its graphs do not fit its weights.
    """
    head = header.read(path)
    if KEY not in head.metadata:
        return None
    try:
        portable = Portable.from_json(head.metadata[KEY])
        for graph in portable.graphs.values():
            graph.shapes(list(graph.inputs.values()), head.shapes)
    except ModelError as error:
        raise ModelError(f"{path}: {error.message}", error.hint) from None
    return portable


def read(path: Path) -> Network | None:
    """The network of a checkpoint, or None where it has no graphs.

    Raises:
        ModelError: as `peek`, or the weights are not finite.
    """
    portable = peek(path)
    return Network(portable, _tensors(path)) if portable else None


def constants_of(head: header.Header) -> set[str]:
    """The names of the tensors that are a graph's and not the module's."""
    return {name for name in head.shapes if name.startswith(CONSTANTS) and KEY in head.metadata}


def _tensors(path: Path) -> dict[str, NDArray[Any]]:
    import numpy as np
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors: dict[str, NDArray[Any]] = load_file(path)
    except (SafetensorError, OSError, KeyError, TypeError) as error:
        raise ModelError(f"{path} cannot be read without torch: {error}") from None
    if not all(np.isfinite(tensor).all() for tensor in tensors.values()):
        raise ModelError(f"{path} does not fit its architecture: its weights are not finite")
    return tensors


def _geometry(data: dict[str, Any]) -> Geometry:
    for name, most in _LIMITS.items():
        if type(data[name]) is not int or not int(name != "radius") <= data[name] <= most:
            raise ValueError(f"{name} is not believed")
    return Geometry(**{name: data[name] for name in _LIMITS}, tiling=Tiling(data["tiling"]))
