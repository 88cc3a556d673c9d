"""Search among vectors by their cosine: nearest neighbours, and groups of near-duplicates."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aecli.checkpoints.facts import EmbedFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aecli.checkpoints.format import Meta

Floats = NDArray[np.float32]

THRESHOLD = 0.95
"""Cosine from which two pictures count as near-duplicates, where a model names no better one."""

_BLOCK = 1 << 22
"""Numbers of a block, of vectors or of cosines: 16 MiB."""

_THREADS = 4
"""Blocks looked through at a time."""


def nearest(values: Floats, query: Floats, k: int) -> tuple[NDArray[np.int64], Floats]:
    """The k rows of `values` (N, D) with the largest cosine to `query` (D,).

    Block by block, so that an array mapped from a file needs little memory. A vector of length zero
    has the cosine 0 to everything.

    Returns:
        Their numbers and their cosines, largest first, of equal ones the first row first; fewer
        than k where there are no more rows.
    """
    target = _unit(query[None])[0]
    step = max(1, _BLOCK // values.shape[1])

    def best(start: int) -> tuple[NDArray[np.int64], Floats]:
        block = np.array(values[start : start + step])  # a copy: mapped arrays are not aligned
        lengths = np.sqrt(np.einsum("nd,nd->n", block, block))
        cosines = block @ target / np.where(lengths > 0, lengths, 1)
        few = np.argpartition(-cosines, k)[:k] if k < len(cosines) else np.arange(len(cosines))
        return start + few, cosines[few]

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="aecli-search") as pool:
        parts = list(pool.map(best, range(0, len(values), step)))
    rows = np.concatenate([np.empty(0, np.int64), *(rows for rows, _ in parts)])
    scores = np.concatenate([np.empty(0, np.float32), *(scores for _, scores in parts)])
    order = np.lexsort((rows, -scores))[:k]
    return rows[order], scores[order]


def duplicates(
    values: Floats, threshold: float, best_first: Callable[[list[int]], list[int]] = sorted
) -> list[list[int]]:
    """Groups of rows that are all as near as that to the first of them.

    The best row that has another so near, with all that are; then the best of the remaining ones:
    so every row of a group can do without, as long as its first one stays.

    Args:
        values: (N, D).
        threshold: the cosine.
        best_first: puts row numbers in the order in which they are to be kept.

    Returns:
        Groups of two and more row numbers, by their smallest row.
    """
    unit = _unit(np.asarray(values))
    near: set[int] = set()
    for row, others in _pairs(unit, threshold):
        near |= {row, *others.tolist()}
    rows = np.array(best_first(sorted(near)), np.int64)
    unit, free = unit[rows], np.ones(len(rows), bool)
    groups = []
    for place in range(len(rows)):
        if free[place]:
            free[place] = False
            rest = np.flatnonzero(free)
            like = rest[unit[rest] @ unit[place] >= threshold]
            free[like] = False
            if len(like):
                groups.append([int(rows[place]), *rows[like].tolist()])
    return sorted(groups, key=min)


def threshold_of(meta: Meta) -> float:
    """The cosine from which a model takes pictures for near-duplicates."""
    measured = EmbedFacts.read(meta.training).duplicates
    return THRESHOLD if measured is None else measured.threshold


def _pairs(unit: Floats, threshold: float) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Each row with the later rows that are as near as that; rows without any are left out."""
    step = max(1, _BLOCK // max(1, len(unit)))
    for start in range(0, len(unit), step):
        near = unit[start : start + step] @ unit[start:].T >= threshold
        near &= ~np.tri(len(near), near.shape[1], dtype=bool)  # later rows only
        for row in np.flatnonzero(near.any(axis=1)):
            yield start + int(row), start + np.flatnonzero(near[row])


def _unit(values: Floats) -> Floats:
    """Vectors (N, D) divided by their lengths; those of length zero stay."""
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    unit: Floats = np.divide(values, np.where(lengths > 0, lengths, 1), dtype=np.float32)
    return unit
