"""A picture before it is made: how many tiles it has, how they lie, and who makes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from aecli.figures import sheet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from aecli.errors import InputError
    from aecli.figures.sheet import Picture
    from aecli.inference.sample import Batch, Sampler

GAP = 2
"""Pixels between the tiles of a grid."""


@dataclass(frozen=True, eq=False)
class Grid:
    """How a model's tiles become one picture.

    Attributes:
        count: tiles in all.
        length: tiles in a row.
        make: the tiles, batch after batch.
        upright: `length` counts tiles in a column.
        gap: pixels between tiles.
        names: what stands beside each row.
        classes: those of the tiles, by turns; empty without any.
        separable: whether the tiles may be files of their own.
        sources: the files that tiles are reconstructions of.
        failures: files that could not be read, and why.
        originals: what the tiles reconstruct: shown above them.
        total: how many pictures there were to choose the tiles' originals from.
        encoded: the pictures that the model is to encode, by the names of their files.
    """

    count: int
    length: int
    make: Callable[[Sampler], Iterator[Batch]]
    upright: bool = False
    gap: int = GAP
    names: Sequence[str] = ()
    classes: Sequence[str] = ()
    separable: bool = True
    sources: Sequence[str] = ()
    failures: Sequence[tuple[str, InputError]] = ()
    originals: Picture | None = None
    total: int = 0
    encoded: Mapping[str, Picture] = field(default_factory=dict)

    def facts(self, number: int) -> dict[str, Any]:
        """What a tile is, for a file of its own."""
        if not self.classes:
            return {"number": number}
        return {"number": number, "class": self.classes[number % len(self.classes)]}

    def lay_out(self, *series: Picture) -> Picture:
        """All tiles as one picture; of reconstructions the series of each model, in turn."""
        tiles = series[0]
        if self.originals is not None:
            tiles = _by_turns((self.originals, *series), self.length)
        return sheet.grid(tiles, self.length, upright=self.upright, gap=self.gap)

    def rows(self, models: Sequence[str]) -> Sequence[str]:
        """What stands beside each row, where the series of several models are laid out."""
        if len(models) < 2:
            return self.names
        return ["original", *models] * -(-self.count // self.length)


def _by_turns(series: Sequence[Picture], length: int) -> Picture:
    """Several series as one whose rows of `length` come from each of them by turns."""
    first = series[0]
    fill: NDArray[np.uint8] = np.full(
        (-len(first) % length, *first.shape[1:]), sheet.WHITE, np.uint8
    )
    rows = [np.concatenate([x, fill]).reshape(-1, length, *x.shape[1:]) for x in series]
    return np.stack(rows, axis=1).reshape(-1, *first.shape[1:])
