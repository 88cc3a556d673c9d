"""Networks on ncnn: the CPU's convolutions, ready in a few hundredths of a second."""

from __future__ import annotations

import ctypes
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from aecli import cores
from aecli.checkpoints import portable
from aecli.errors import ModelError
from aecli.inference import memory
from aecli.inference.engine import LatentSpace
from aecli.inference.ncnn_layers import UnsupportedError, lower
from aecli.models.registry import Tiling

if "OMP_WAIT_POLICY" not in os.environ:
    # OpenMP's threads spin for milliseconds where they wait for each other. A few microseconds do,
    # and where files are read and written beside, or others compute, it takes a tenth of the time.
    os.environ.setdefault("GOMP_SPINCOUNT", "5000")
import ncnn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from numpy.typing import NDArray

    from aecli.checkpoints.portable import Network
    from aecli.inference.engine import Call, Input
    from aecli.models.graph import Graph
    from aecli.models.ops import Shape

    Floats = NDArray[np.float32]

__all__ = ["Function", "NcnnEngine", "UnsupportedError"]

_address = ctypes.pythonapi.PyCapsule_GetPointer
_address.restype = ctypes.c_void_p
_address.argtypes = [ctypes.py_object, ctypes.c_char_p]


_TOTAL, _LEAST = 1400 << 20, 500 << 20

_CODECS = 1.4
"""What pictures take in all, with what reading and writing them takes, as their own sizes."""

_REUSED = 0.75
"""The share of a buffer that ncnn's pools want used, or they make another one."""


class NcnnEngine:
    """See `aecli.inference.engine.Engine`; each method is made ready when it is first called.

    Args:
        path: the model's file, which holds graphs.
        threads: of the CPU; None: one a usable core, and no more than ncnn itself would take, which
            leaves out hyperthreads and efficiency cores.
    """

    name = "ncnn"
    alone = True

    def __init__(self, path: Path, threads: int | None = None) -> None:
        network = portable.read(path)
        assert network is not None
        self._path = path
        self._network = network
        self._threads = threads or cores.computing(ncnn.get_physical_big_cpu_count())
        self._functions: dict[str, Function] = {}
        self._sure: Call | None = None
        self.geometry = network.portable.geometry
        self.space = _space(network)
        self.calls: Sequence[Call] = [self._call, self._on_torch]
        self.fp32: Sequence[Call] = self.calls
        self.memory = max(
            memory.of_pass(graph, graph.shapes(list(graph.inputs.values()), network.shapes))
            for graph in network.portable.graphs.values()
        )

    def room(self, taken: int) -> int:
        """See `memory.room`; without torch there is more of it."""
        return memory.room(int(_CODECS * taken), _TOTAL, _LEAST)

    def has(self, method: str) -> bool:
        """Whether there is such a method to call."""
        return method in self._network.portable.graphs

    def reserve_threads(self, threads: int) -> AbstractContextManager[object]:  # noqa: ARG002 - see below
        """Nothing: its threads sleep where they wait, and are in nobody's way."""
        return nullcontext()

    def _call(self, method: str, *inputs: Input) -> Floats:
        if method not in self._functions:
            graph = self._network.portable.graphs[method]
            whole = self.geometry.tiling is Tiling.WHOLE_ONLY
            self._functions[method] = Function(
                graph, self._network.tensors, self._threads, whole=whole
            )
        return self._functions[method](*inputs)

    def _on_torch(self, method: str, *inputs: Input) -> Floats:
        """What ncnn gave no finite values for, computed once more."""
        if self._sure is None:
            from aecli import device
            from aecli.inference.engine_torch import TorchEngine

            self._sure = TorchEngine(self._path, device.choose("cpu", "fp32")).fp32[0]
        return self._sure(method, *inputs)


class Function:
    """A graph that runs on ncnn.

    Args:
        graph: the function.
        tensors: its weights by name.
        threads: of the CPU: for one picture after the other; or, where pictures are whole ones, for
            so many side by side.
        whole: whether all inputs have the sizes that the graph was traced with. Such are small, so
            that threads that share one would rather wait for each other; and layers that know
            the sizes choose better how to compute (embed's encoder in 0.7 of the time).

    Raises:
        UnsupportedError: ncnn lacks a layer for it.
        ModelError: the graph does not fit the weights, or ncnn refuses it.
    """

    def __init__(
        self,
        graph: Graph,
        tensors: Mapping[str, NDArray[Any]],
        threads: int,
        *,
        whole: bool = False,
    ) -> None:
        self._graph = graph
        self._side_by_side = threads if whole else 1
        self._shapes = {name: tensors[name].shape for name in graph.weights()}
        self._results: dict[tuple[Shape, ...], Shape] = {}
        values = graph.shapes(list(graph.inputs.values()), self._shapes)
        text, weights = lower(graph, values, tensors, sized=whole)
        self._net = ncnn.Net()
        options = self._net.opt
        options.num_threads = 1 if whole else threads
        for name in ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_storage"):
            setattr(options, f"use_{name}", False)  # fp32: the same result on every CPU
        reader = _Reader(weights)
        if self._net.load_param_mem(text) or self._net.load_model(reader) or not reader.empty:
            raise ModelError("ncnn cannot read the model's graph")
        self._pools = ncnn.PoolAllocator(), ncnn.PoolAllocator()
        options.blob_allocator, options.workspace_allocator = self._pools
        self._pooled = 0  # values of the first input that the pools' buffers are for

    def __call__(self, *inputs: Input) -> Floats:
        """The function's results, (N, ...) float32; inputs are (N, ...) float32.

        Raises:
            ModelError: the graph does not take inputs of these shapes.
            MemoryError: there is too little memory.
        """
        sizes = tuple((1, *each.shape[1:]) for each in inputs)
        if sizes not in self._results:
            self._results[sizes] = self._graph.shapes(sizes, self._shapes)[-1]
        self._make_room(inputs[0][0].size)
        shape = self._results[sizes]
        if len(inputs[0]) == 1:
            return self._one(*(each[0] for each in inputs)).reshape(shape)
        with ThreadPoolExecutor(self._side_by_side, thread_name_prefix="aecli-ncnn") as pool:
            return np.concatenate([each.reshape(shape) for each in pool.map(self._one, *inputs)])

    def _one(self, *inputs: Input) -> Floats:
        """The result for one picture, of a shape that may lack axes of length 1."""
        extractor = self._net.create_extractor()
        for name, values in zip(self._graph.inputs, inputs, strict=True):
            plain = np.ascontiguousarray(values, np.float32)
            extractor.input(name, ncnn.Mat(plain).clone())  # ncnn works in place, on its own memory
        status, result = extractor.extract("out")
        if status != 0:
            raise MemoryError("ncnn ran out of memory")
        return np.array(result, np.float32)

    def _make_room(self, size: int) -> None:
        """Let go of buffers that a pass of another size left, and one of this size cannot use.

        ncnn would keep them beside the new ones: twice the memory where tiles differ in size.
        """
        if not _REUSED * self._pooled <= size <= self._pooled:
            for pool in self._pools:
                pool.clear()
            self._pooled = size


def _space(network: Network) -> LatentSpace | None:
    """The latent space between a network's `encode` and `decode`; None where it lacks one.

    Raises:
        ModelError: the two do not lead from square pictures to latents and back.
    """
    graphs = network.portable.graphs
    if not {"encode", "decode"} <= graphs.keys():
        return None
    ends = []
    for name in ("encode", "decode"):
        shapes = graphs[name].shapes([*graphs[name].inputs.values()], network.shapes)
        ends.append((shapes[0], shapes[-1]))
    (picture, latent), (again, result) = ends
    if (latent, picture) != (again, result) or len(picture) != 4 or picture[2] != picture[3]:
        raise ModelError("its graphs are not those of an autoencoder")
    return LatentSpace(picture[2], picture[1], latent[1:])


class _Reader(ncnn.DataReader):  # type: ignore[misc]  # ncnn's types are not known
    """Gives ncnn copies of the weights, one array at a time, as it asks for them."""

    def __init__(self, arrays: Sequence[Floats]) -> None:
        super().__init__()
        self._arrays = arrays
        self._read = 0

    @property
    def empty(self) -> bool:
        """Whether all has been read."""
        return self._read == len(self._arrays)

    def scan(self, _format: str, _target: object) -> int:
        """Text is not read from here."""
        return 0

    def read(self, target: object, size: int) -> int:
        """Copy the next array to where ncnn wants it; nothing where it wants another size."""
        if self.empty or self._arrays[self._read].nbytes != size:
            return 0
        array = np.ascontiguousarray(self._arrays[self._read], np.float32)
        self._read += 1
        ctypes.memmove(_address(target, None), array.ctypes.data, size)
        return size
