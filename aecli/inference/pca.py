"""Principal components (Pearson 1901): the axes along which data vary most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NOTHING = 1e-6
"""Variance, as a share of the largest, below which an axis is rounding."""


def principal_axes(centred: NDArray[Any], count: int) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """The first principal axes of data, from the smaller of the two matrices of inner products.

    Args:
        centred: (N, D), floating-point, each column's mean taken away.
        count: how many axes at most.

    Returns:
        Orthonormal rows (K, D), by falling variance, and the sums of squares along them, (K,). K is
        less than `count` where the data vary along fewer axes.
    """
    tall = len(centred) >= centred.shape[1]
    products = centred.T @ centred if tall else centred @ centred.T
    sums, vectors = np.linalg.eigh(products.astype(np.float64))
    keep = np.flatnonzero(sums > _NOTHING * max(float(sums[-1]), 1e-12))[::-1][:count]
    axes = vectors[:, keep].T
    if not tall:
        axes = (axes / np.sqrt(sums[keep])[:, None]).astype(centred.dtype) @ centred
    return np.ascontiguousarray(axes, centred.dtype), sums[keep]
