"""What happens to some of the pictures of a batch only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aecli.training.degradations.draws import on_device

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor

    Rows = NDArray[np.int64]
    Change = Callable[[Tensor, Rows, Tensor], Tensor]


def change(pictures: Tensor, chosen: NDArray[np.bool_], how: Change) -> None:
    """Change those of the pictures that are chosen, in place.

    Args:
        pictures: (N, C, H, W).
        chosen: (N,).
        how: takes n of the pictures, their places in the batch, (n,), and the same as an index on
            the device; gives what becomes of them.
    """
    rows = np.flatnonzero(chosen)
    if len(rows):
        index = on_device(rows, pictures.device)
        pictures.index_copy_(0, index, how(pictures.index_select(0, index), rows, index))
