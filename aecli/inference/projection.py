"""Vectors of many dimensions laid out in two, to be looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aecli import extras
from aecli.inference.pca import principal_axes
from aecli.inference.tsne import tsne

if TYPE_CHECKING:
    from collections.abc import Callable

Floats = NDArray[np.float32]

METHODS = ("tsne", "pca", "umap")
"""Ways to the plane: t-SNE, principal components (Pearson 1901), UMAP (McInnes et al. 2018)."""

MOST = 50_000
"""So many vectors t-SNE lays out unless told otherwise: their neighbours take minutes to find."""

_FEWEST = 5
"""Of fewer vectors there is nothing to see but their principal components."""


def usual(count: int) -> str:
    """The way that so many vectors go unless told otherwise."""
    return "tsne" if count <= MOST else "pca"


def check(method: str) -> None:
    """Whether a way can be gone here.

    Raises:
        UsageError: its library is not installed.
    """
    if method == "umap":
        extras.UMAP.load(method)


def project(
    values: Floats, method: str, progress: Callable[[], None] | None = None
) -> tuple[Floats, str]:
    """Points in the plane.

    Two-dimensional vectors are points already and stay as they are. t-SNE and UMAP draw from a
    fixed seed, and work on unit vectors, whose distances follow the cosine.

    Args:
        values: (N, D), at least one row.
        method: one of `METHODS`.
        progress: called after each of t-SNE's steps.

    Returns:
        (N, 2), and what they are, for a title.

    Raises:
        UsageError: the method's library is not installed.
    """
    if values.shape[1] == 2:
        return np.asarray(values), "latent space"
    if method == "pca" or len(values) < _FEWEST:
        points, share = pca(values)
        return points, f"PCA, {share:.0%} of the variance"
    unit = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
    if method == "tsne":
        return tsne(unit, pca(unit)[0], progress=progress), "t-SNE"
    library = extras.UMAP.load(method)
    mapper = library.UMAP(n_neighbors=min(15, len(values) - 1), random_state=0, n_jobs=1)
    return np.asarray(mapper.fit_transform(unit), np.float32), "UMAP"


def pca(values: Floats) -> tuple[Floats, float]:
    """The first two principal components: points (N, 2), and their share of the variance.

    Each component's sign is the one that makes its largest loading positive.
    """
    centred = np.asarray(values, np.float64)
    centred = centred - centred.mean(axis=0)
    axes, along = principal_axes(centred, 2)
    signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])
    points = np.zeros((len(centred), 2), np.float32)
    points[:, : len(axes)] = centred @ (axes * signs[:, None]).T
    total = float(np.square(centred).sum())
    return points, float(along.sum()) / total if total > 0 else 1.0
