"""A share of the work: many machines, or many processes, each doing every N-th of what is planned.

All of them plan the same, and each does its own part of it: together they do everything, once.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")


@dataclass(frozen=True)
class Shard:
    """The `number`-th of `count` parts; numbers count from 1.

    Raises:
        ValueError: there is no such part.
    """

    number: int = 1
    count: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise ValueError(f"there is no part {self.number} of {self.count}")

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    @classmethod
    def parse(cls, text: str) -> Shard:
        """`I/N` as a shard.

        Raises:
            ValueError: it is something else.
        """
        number, _, count = text.partition("/")
        if not (number.isdecimal() and count.isdecimal()):
            raise ValueError(f"{text!r} is not I/N")
        return cls(int(number), int(count))

    @classmethod
    def of_rank(cls) -> Shard:
        """The part of this process among those that torchrun has started; all where it has not."""
        rank, size = (os.environ.get(name, "") for name in ("RANK", "WORLD_SIZE"))
        if "TORCHELASTIC_RUN_ID" not in os.environ or not (rank + size).isdecimal():
            return cls()
        return cls(int(rank) + 1, int(size))

    def of(self, items: Sequence[T]) -> list[T]:
        """Every `count`-th of the items: parts differ by one at most, and are alike in kind."""
        return list(items[self.number - 1 :: self.count])
