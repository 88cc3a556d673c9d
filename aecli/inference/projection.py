"""Vectors of many dimensions laid out in two, to be looked at."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True)
class Layout:
    """Vectors as points in the plane.

    Attributes:
        points: (N, 2).
        title: how they were laid out.
        axes: what the two numbers of a point are; None where they mean nothing, and only who is
            near whom does.
    """

    points: Floats
    title: str
    axes: tuple[str, str] | None = None


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


def project(values: Floats, method: str, progress: Callable[[], None] | None = None) -> Layout:
    """Points in the plane.

    Two-dimensional vectors are points already and stay as they are. t-SNE and UMAP draw from a
    fixed seed, and work on unit vectors, whose distances follow the cosine.

    Args:
        values: (N, D), at least one row.
        method: one of `METHODS`.
        progress: called after each of t-SNE's steps.

    Raises:
        UsageError: the method's library is not installed.
    """
    if values.shape[1] == 2:
        return Layout(np.asarray(values), "latent space", ("dimension 1", "dimension 2"))
    if method == "pca" or len(values) < _FEWEST:
        points, shares = pca(values)
        names = [f"component {k}, {share:.0%} of the variance" for k, share in enumerate(shares, 1)]
        return Layout(points, f"PCA, {sum(shares):.0%} of the variance", (names[0], names[1]))
    unit = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
    if method == "tsne":
        return Layout(tsne(unit, pca(unit)[0], progress=progress), "t-SNE")
    library = extras.UMAP.load(method)
    mapper = library.UMAP(n_neighbors=min(15, len(values) - 1), random_state=0, n_jobs=1)
    return Layout(np.asarray(mapper.fit_transform(unit), np.float32), "UMAP")


def pca(values: Floats) -> tuple[Floats, tuple[float, float]]:
    """The first two principal components: points (N, 2), and each one's share of the variance.

    Each component's sign is the one that makes its largest loading positive. Where all vectors are
    equal, there is nothing to share: the first has all.
    """
    centred = np.asarray(values, np.float64)
    centred = centred - centred.mean(axis=0)
    axes, along = principal_axes(centred, 2)
    signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])
    points = np.zeros((len(centred), 2), np.float32)
    points[:, : len(axes)] = centred @ (axes * signs[:, None]).T
    total = float(np.square(centred).sum())
    first, second = (*map(float, along), 0.0, 0.0)[:2]
    return points, (first / total, second / total) if total > 0 else (1.0, 0.0)
