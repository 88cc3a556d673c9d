"""A network as data: the operations that make its result from its inputs, one after the other.

A graph is traced from a module (`aecli.models.trace`) and travels in a checkpoint's metadata, so
that other engines than torch run the network. It holds no weights but names them, and nothing in it
is executed: each operation is a row of `OPS`, all else is refused. Shapes are those of torch, with
a batch of one, and are worked out, and held against the weights, before an engine sees anything.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aecli.errors import ModelError
from aecli.models.ops import OPS, Misfit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aecli.models.ops import Attributes, Shape

CONSTANTS = "graph."
"""What the names of tensors begin with that a graph needs beside the module's state."""

MOST_NODES = 4096
"""Operations of a graph; the largest shipped ones have about a hundred."""

MOST_VALUES = 1 << 11
"""Numbers that one operation may make of a pixel of the input (of 64x64 pixels where fewer)."""


@dataclass(frozen=True)
class Node:
    """One operation.

    Attributes:
        op: its name in `OPS`.
        inputs: the values it takes: the graph's inputs count from 0, the nodes' results follow.
        attributes: numbers and lists of integers, as the row asks.
        weights: the row's roles -> names of tensors.
    """

    op: str
    inputs: tuple[int, ...]
    attributes: Attributes = field(default_factory=dict)
    weights: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Graph:
    """One function of a network.

    Attributes:
        inputs: names of the inputs -> the shapes that it was traced with, (1, ...).
        nodes: the operations in order; the last one's result is the function's.
    """

    inputs: Mapping[str, Shape]
    nodes: tuple[Node, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        nodes = [[n.op, [*n.inputs], dict(n.attributes) | dict(n.weights)] for n in self.nodes]
        return {"inputs": [[k, [*v]] for k, v in self.inputs.items()], "nodes": nodes}

    @classmethod
    def from_json(cls, data: Any) -> Graph:
        """The inverse of `to_json`.

        Raises:
            ModelError: it is no graph, or has an operation that is not known.
        """
        try:
            inputs = {_name(name): _shape(shape) for name, shape in data["inputs"]}
            if not 1 <= len(data["nodes"]) <= MOST_NODES:
                raise Misfit(f"a graph has 1 to {MOST_NODES} operations")
            nodes = tuple(_node(row, len(inputs) + at) for at, row in enumerate(data["nodes"]))
        except Misfit as error:
            raise ModelError(f"its graph is not usable: {error}") from None
        except (AttributeError, KeyError, TypeError, ValueError):
            raise ModelError("its graph is not usable: it is not of the known form") from None
        return cls(inputs, nodes)

    def weights(self) -> Iterable[str]:
        """The names of all tensors that it needs, each once."""
        return dict.fromkeys(name for node in self.nodes for name in node.weights.values())

    def shapes(self, inputs: Sequence[Shape], tensors: Mapping[str, Shape]) -> list[Shape]:
        """The shapes of all values, the inputs' first, the result's last.

        Args:
            inputs: the shapes of the inputs, in order, (1, ...).
            tensors: the shapes of the weights.

        Raises:
            ModelError: the operations, the inputs and the weights do not fit each other, or a
                result would be unreasonably large.
        """
        if len(inputs) != len(self.inputs):
            raise ModelError(f"its graph takes {len(self.inputs)} inputs, not {len(inputs)}")
        values = list(inputs)
        most = MOST_VALUES * max(4096, *(math.prod(shape[2:]) for shape in inputs))
        for number, node in enumerate(self.nodes):
            try:
                weights = {role: tensors[name] for role, name in node.weights.items()}
                shape = OPS[node.op].shape(
                    [values[i] for i in node.inputs], node.attributes, weights
                )
            except KeyError as error:
                raise ModelError(f"its graph needs a tensor {error} that is not there") from None
            except (Misfit, ValueError, IndexError, ZeroDivisionError) as error:
                where = f"operation {number} ({node.op})"
                raise ModelError(f"its graph does not fit its weights: {where}: {error}") from None
            if min(shape) < 1 or math.prod(shape) > most:
                raise ModelError(f"its graph makes a value of shape {shape}: that is not run")
            values.append(shape)
        return values


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value.isidentifier():
        raise Misfit(f"{str(value)[:40]!r} is no name of an input")
    return value


def _shape(values: Any) -> Shape:
    if not 2 <= len(values) <= 4 or any(type(n) is not int or not 1 <= n <= 65536 for n in values):
        raise Misfit(f"{str(values)[:60]} is no shape")
    return tuple(values)


def _node(data: Any, number: int) -> Node:
    """A checked node; `number` is that of its result."""
    op, inputs, given = data
    row = OPS.get(op) if isinstance(op, str) else None
    if row is None:
        raise Misfit(f"there is no operation {str(op)[:40]!r}")
    if any(type(i) is not int or not 0 <= i < number for i in inputs):
        raise Misfit(f"{op} takes values that do not exist yet")
    if not row.least <= len(inputs) <= row.most:
        raise Misfit(f"{op} does not take {len(inputs)} inputs")
    names = {role.rstrip("?"): role.endswith("?") for role in row.weights}
    weights = {role: given[role] for role in names if role in given or not names[role]}
    if not all(isinstance(name, str) for name in weights.values()):
        raise Misfit(f"{op} names its weights by something else than text")
    attributes = {name: kind(given[name]) for name, kind in row.attributes.items()}
    if unknown := given.keys() - weights.keys() - attributes.keys():
        raise Misfit(f"{op} has no {min(unknown)[:40]!r}")
    return Node(op, tuple(inputs), attributes, weights)
