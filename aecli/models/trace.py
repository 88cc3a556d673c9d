"""From a module to a graph: what torch is asked to compute is written down, operation by operation.

A method is run on small inputs, and every ATen operation that involves them becomes a node, by a
row of `aecli.models.aten`. As Python itself has run by then, any way of writing a network will do;
what a graph cannot hold (an operation without a row, sizes baked in) is refused with the reason.

Why not pnnx, ncnn's own converter? Release 20261020 (85 MB, beside torch) was tried on the shipped
networks. Of the 20 functions that have graphs here, ncnn loads 18 as pnnx writes them: as exact
(both within 5e-6 of torch), as fast, in as many layers (3 fewer to 1 more). The other two are the
denoisers' `restore`, which would have to be written to suit it, without `expand`. Where sizes vary
it goes by the two that it is shown: from unlucky ones it made an `estimate_sigma` that is 0.09 off
at a third size, without a word. It has `draw` besides, unrolled to 957 to 3,669 layers and 22 to
92 MB of weights, in files of 2 to 3. And it stores a second copy of the weights, in an order of its
own; a graph here is 1 to 5 kB of operations that are checked, over the tensors as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from aecli.models.aten import ROWS, InexpressibleError
from aecli.models.graph import CONSTANTS, Graph, Node
from aecli.models.registry import Autoencoder, Denoiser, Generator, SuperResolver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from aecli.models.registry import Geometry

__all__ = ["InexpressibleError", "Recorder", "graphs"]

OPTIONAL = ("draw",)
"""Methods that the others are of use without: a flow decodes what it cannot draw."""

MOST_CONSTANT = 1 << 16
"""Numbers in such a tensor; larger ones belong into the module's state."""


def graphs(module: nn.Module, geometry: Geometry) -> tuple[dict[str, Graph], dict[str, Tensor]]:
    """The graphs of what a module offers, as its protocol names it.

    Args:
        module: in evaluation mode, on the CPU, in float32.
        geometry: its geometry.

    Returns:
        The graphs by the methods' names, and by name the tensors that they need beside the
        module's state.

    Raises:
        InexpressibleError: one of the methods has no graph, and is none of those in `OPTIONAL`.
    """
    state = module.state_dict(keep_vars=True)
    found, constants = {}, {}
    for method, inputs in _methods(module, geometry).items():
        try:
            found[method], tensors = _traced(state, method, getattr(module, method), inputs)
        except InexpressibleError:
            if method not in OPTIONAL:
                raise
        else:
            constants.update(tensors)
    return found, constants


def _traced(
    state: Mapping[str, Any],
    name: str,
    method: Callable[..., Tensor],
    inputs: Sequence[Mapping[str, Tensor]],
) -> tuple[Graph, dict[str, Tensor]]:
    """The graph of a method, the same for all inputs, and the constants it needs."""
    first, *others = [Recorder(state, name).trace(method, each) for each in inputs]
    if any(graph.nodes != first[0].nodes for graph, _ in others):
        raise InexpressibleError(f"{name} does something else at every size")
    return first


def _methods(module: nn.Module, geometry: Geometry) -> dict[str, list[dict[str, Tensor]]]:
    """The methods that graphs are made of, each with inputs, of two sizes where sizes vary."""
    cell = geometry.multiple_of
    least = -(-max(geometry.minimum, 64) // cell) * cell
    sizes = [(least, least + cell), (least + cell, least + 3 * cell)]  # unlike in all respects
    if isinstance(module, Denoiser):
        pictures = [torch.rand(1, 3, *size) for size in sizes]
        return {
            "restore": [{"x": x, "sigma": torch.rand_like(x[:, :1])} for x in pictures],
            "estimate_sigma": [{"x": x} for x in pictures],
        }
    if isinstance(module, SuperResolver):
        return {"upscale": [{"x": torch.rand(1, 3, *size)} for size in sizes]}
    if isinstance(module, Autoencoder) and not module.classes:
        x = torch.rand(1, module.channels, module.size, module.size)
        z = torch.rand(1, *module.latent)
        methods = {"encode": [{"x": x}], "decode": [{"z": z}]}
        return methods | ({"draw": [{"noise": z}]} if isinstance(module, Generator) else {})
    raise InexpressibleError("it serves no task that has graphs")


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Writes down what is computed from the inputs."""

    def __init__(self, state: Mapping[str, Any], method: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._names = {id(tensor): name for name, tensor in state.items()}
        self._method = method
        self._alive: list[Any] = list(state.values())  # so that no id is given twice
        self._values: dict[int, int] = {}
        self._sources: dict[int, Tensor] = {}
        self._derived: set[int] = set()
        self._constants: dict[str, Tensor] = {}
        self._inputs: dict[str, tuple[int, ...]] = {}
        self._nodes: list[Node] = []

    def trace(
        self, method: Callable[..., Tensor], inputs: Mapping[str, Tensor]
    ) -> tuple[Graph, dict[str, Tensor]]:
        """The graph of a method, and the constants it needs."""
        for number, (name, tensor) in enumerate(inputs.items()):
            self._inputs[name] = tuple(tensor.shape)
            self._set(tensor, number)
        with torch.no_grad(), self:
            result = method(*inputs.values())
        last = self.value(result)
        return _pruned(Graph(self._inputs, tuple(self._nodes)), last), self._constants

    def __torch_dispatch__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        before = [t for t in _tensors((args, kwargs)) if id(t) in self._values]
        name = func.overloadpacket.__name__
        in_place = name.endswith("_") and not name.endswith("__")
        if in_place:
            self._check_alone(args[0])
        result = func(*args, **kwargs)
        self._alive += [args, kwargs, result]
        if not before:
            self._note_derived(name, args, kwargs, result)
            return result
        row = ROWS.get(name.removesuffix("_") if in_place else name)
        if row is None:
            raise InexpressibleError(f"{self._method} uses {name}, which no graph knows")
        try:
            row(self, result, *args, **kwargs)
        except (TypeError, KeyError) as error:
            raise InexpressibleError(f"{self._method} uses {name} in an unknown way") from error
        return result

    def value(self, operand: Any) -> int:
        """The number of a tensor's value; one that is not computed becomes a constant."""
        if not isinstance(operand, Tensor):
            raise InexpressibleError(f"{self._method} takes {type(operand).__name__} for a value")
        if id(operand) not in self._values:
            if not 2 <= operand.ndim <= 4 or len(operand) != 1:
                raise InexpressibleError(f"{self._method} has a constant of {tuple(operand.shape)}")
            self.add(operand, "constant", [], {"weight": operand})
        return self._values[id(operand)]

    def alike(self, operand: Any, ndim: int) -> Any:
        """An operand of so many dimensions: constants get those that they lack, or are numbers."""
        if not isinstance(operand, Tensor) or id(operand) in self._values:
            return operand
        if id(operand) in self._names or id(operand) in self._derived or operand.ndim == ndim:
            return operand
        return operand[(None,) * (ndim - operand.ndim)] if operand.ndim else float(operand)

    def weight(self, tensor: Tensor) -> str:
        """The name of a weight; a tensor that is not in the module's state becomes a constant."""
        if (name := self._names.get(id(tensor))) is not None:
            return name
        if id(tensor) in self._values or id(tensor) in self._derived:
            raise InexpressibleError(f"{self._method} computes with weights that are no parameters")
        if tensor.numel() > MOST_CONSTANT:
            raise InexpressibleError(f"{self._method} has a constant of {tensor.numel()} numbers")
        name = f"{CONSTANTS}{self._method}.{len(self._constants)}"
        self._constants[name] = tensor.detach().float().clone()
        self._names[id(tensor)] = name
        return name

    def source(self, tensor: Tensor) -> Tensor:
        """The weights that a tensor is another view of; itself where it is none."""
        return self._sources.get(id(tensor), tensor)

    def add(
        self,
        result: Tensor,
        op: str,
        inputs: Sequence[Any],
        weights: Mapping[str, Tensor | None] | None = None,
        **attributes: Any,
    ) -> None:
        """Write down a node; weights that are None are left out."""
        values = tuple(self.value(each) for each in inputs)
        given = (weights or {}).items()
        names = {role: self.weight(tensor) for role, tensor in given if tensor is not None}
        self._nodes.append(Node(op, values, attributes, names))
        self._set(result, len(self._inputs) + len(self._nodes) - 1)

    def same(self, result: Tensor, operand: Tensor) -> None:
        """Write down that a result is its operand."""
        self._set(result, self.value(operand))

    def _set(self, tensor: Tensor, number: int) -> None:
        self._alive.append(tensor)
        self._values[id(tensor)] = number

    def _check_alone(self, target: Tensor) -> None:
        """See that what is changed in place is not looked at through another tensor."""
        storage = target.untyped_storage().data_ptr()
        for each in _tensors(self._alive):
            if each is not target and each.untyped_storage().data_ptr() == storage:
                raise InexpressibleError(f"{self._method} changes a tensor that others look at")

    def _note_derived(self, name: str, args: Any, kwargs: Any, result: Any) -> None:
        """Keep track of what is computed from weights alone: it is known only with them."""
        given = list(_tensors((args, kwargs)))
        if name in ("t", "view") and id(given[0]) in self._names:
            self._sources[id(result)] = given[0]
        if any(id(t) in self._names or id(t) in self._derived for t in given):
            self._derived |= {id(t) for t in _tensors(result) if id(t) not in self._names}


def _tensors(values: Any) -> Iterator[Tensor]:
    """All tensors in nested lists and dicts."""
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, dict):
        yield from _tensors(list(values.values()))
    elif isinstance(values, list | tuple):
        for value in values:
            yield from _tensors(value)


def _pruned(graph: Graph, last: int) -> Graph:
    """The graph without what its result, value `last`, does not need; that comes last."""
    first = len(graph.inputs)
    if last < first:
        raise InexpressibleError("it gives back what it is given")
    needed, stack = set(), [last]
    while stack:
        number = stack.pop()
        if number not in needed:
            needed.add(number)
            stack += graph.nodes[number - first].inputs if number >= first else ()
    kept = [number for number in range(first, last + 1) if number in needed]
    places = {number: first + at for at, number in enumerate(kept)} | {i: i for i in range(first)}
    nodes = []
    for number in kept:
        node = graph.nodes[number - first]
        inputs = tuple(places[i] for i in node.inputs)
        nodes.append(Node(node.op, inputs, node.attributes, node.weights))
    return Graph(graph.inputs, tuple(nodes))
