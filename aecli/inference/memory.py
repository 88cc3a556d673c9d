"""How much memory a pass of a network takes, and how much it may take on the CPU."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aecli.models.graph import Graph
    from aecli.models.ops import Shape

LEAST = 340 << 20
"""Bytes that a pass may take in any case."""

_WINOGRAD = 2.25
"""A 3x3 convolution transforms its input and its result to so many times their size."""

_SLACK = 1.75
"""What ncnn takes beside what is counted; measured on the shipped networks, 1.2 to 1.75."""


def room(taken: int, total: int = 1000 << 20, least: int = LEAST) -> int:
    """Bytes that a pass may take where pictures take so many, and both share `total`."""
    return max(total - taken, least)


def of_pass(graph: Graph, shapes: Sequence[Shape]) -> float:
    """Bytes that a pass of a graph takes on ncnn, for each pixel of its first input.

    Args:
        graph: the function.
        shapes: of all its values (`Graph.shapes`).
    """
    first = len(graph.inputs)
    last = {i: first + at for at, node in enumerate(graph.nodes) for i in node.inputs}
    sizes = [4 * math.prod(shape) for shape in shapes]
    alive = sum(sizes[:first])
    most = 0.0
    for number, node in enumerate(graph.nodes, first):
        inputs = sum(sizes[i] for i in node.inputs)
        work = inputs + _WINOGRAD * (inputs + sizes[number]) if node.op == "conv" else 0
        most = max(most, alive + sizes[number] + work)
        alive += sizes[number] - sum(sizes[i] for i in set(node.inputs) if last[i] == number)
    return _SLACK * most / math.prod(shapes[0][2:])
