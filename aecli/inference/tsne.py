"""t-SNE (van der Maaten & Hinton 2008): points in the plane whose neighbours are those of vectors.

As it is done today: nearest neighbours alone attract, at first more than they should, the start is
that of principal components (Kobak & Berens 2019), and the learning rate is the number of points
over that factor (Belkina et al. 2019). What repels is the slope of one potential,

    phi(y) = sum_j 1 / (1 + |y - y_j|^2),

which a grid and Fourier transforms give in a time that grows with the points and not with their
square (Linderman et al. 2019; interpolated by cubic B-splines, as Essmann et al. 1995 do it for
molecules).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aecli.inference.neighbours import neighbours

if TYPE_CHECKING:
    from collections.abc import Callable

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

PERPLEXITY = 30.0
"""Neighbours that a point is held to, about; of few points a third of them."""

_EXAGGERATION = 12
"""How many times as strong attraction is at first: so that groups form, and pass each other.

Where there are none it draws everything together, and ends as soon as that is seen.
"""

STEPS, _EARLY = 750, 250
"""Steps in all, and those of them that are exaggerated."""

_NARROW = 1e-4
"""Standard deviation of the points at first."""

_SPACING = 1 / 3
"""Of the grid's nodes; the potential of a point falls to a half at 1."""

_NODES = 1024
"""Along the grid, at most: of a wider map it is coarser."""

_LEAST = 0.1
"""Of the potentials together, which a coarse grid may put at less than nothing."""


def tsne(
    values: Floats,
    start: Floats,
    *,
    perplexity: float = PERPLEXITY,
    seed: int = 0,
    progress: Callable[[], None] | None = None,
) -> Floats:
    """Points in the plane; the same for the same arguments, on one machine.

    Args:
        values: (N, D), at least 4 rows.
        start: (N, 2), where points are at first, at whatever scale; each is moved a little, as
            equal ones would stay together and those of a line on it.
        perplexity: how many neighbours a point has, about; at most a third of the others.
        seed: of these moves.
        progress: called after each of `STEPS` steps.

    Returns:
        (N, 2), about the origin.
    """
    count = len(values)
    perplexity = min(perplexity, (count - 1) / 3)
    near, squares = neighbours(values, min(count - 1, int(3 * perplexity)))
    weights = (_affinities(squares, perplexity) / (2 * count)).astype(np.float32)
    moved = np.random.default_rng(seed).normal(scale=0.01, size=start.shape)
    points = _NARROW * (start / (start[:, 0].std() or 1.0) + moved)
    velocity, gains = np.zeros_like(points), np.ones_like(points)
    early = True
    for step in range(STEPS):
        early = early and step < _EARLY and float(points.std()) > _NARROW / 1000
        factor = _EXAGGERATION if early else 1
        slope, total = _repulsion(points)
        gradient = _attraction(points, near, weights) + slope / (2 * total * factor)
        gains = np.where(gradient * velocity < 0, gains + 0.2, np.maximum(0.8 * gains, 0.01))
        velocity = (0.5 if early else 0.8) * velocity - count * gains * gradient
        points = points + velocity
        points -= points.mean(axis=0)
        if progress is not None:
            progress()
    return points.astype(np.float32)


def _affinities(squares: Floats, perplexity: float) -> Doubles:
    """How much of its neighbourhood each neighbour is, rows adding up to 1, by bisection.

    Gaussians about each point (eq. 1), as wide as gives the perplexity.

    Args:
        squares: (N, k), squared distances.
        perplexity: 2 to the entropy of each row.
    """
    gaps = squares.astype(np.float64) - squares.min(axis=1, keepdims=True)
    gaps /= gaps.mean(axis=1, keepdims=True) + 1e-12
    shares: Doubles = np.empty_like(gaps)
    precision = np.zeros((len(gaps), 1))  # its logarithm
    for halving in range(40):
        np.exp(-gaps * np.exp(precision), out=shares)
        shares /= shares.sum(axis=1, keepdims=True)
        entropy = -(shares * np.log(shares + 1e-12)).sum(axis=1, keepdims=True)
        precision += np.where(entropy > np.log(perplexity), 10, -10) * 0.5**halving
    return shares


def _attraction(points: Doubles, near: NDArray[np.int64], weights: Floats) -> Doubles:
    """The gradient of what draws points to their neighbours, and these to them, (N, 2)."""
    here = points.astype(np.float32)
    pulls = []
    for axis in range(2):
        line = here[:, axis]
        pulls.append(line[:, None] - line[near])
    scaled = weights / (1 + np.square(pulls[0]) + np.square(pulls[1]))
    back = near.ravel()
    gradient = np.empty_like(points)
    for axis, pull in enumerate(pulls):
        pull *= scaled
        gradient[:, axis] = pull.sum(axis=1) - np.bincount(back, pull.ravel(), len(points))
    return gradient


def _repulsion(points: Doubles) -> tuple[Doubles, float]:
    """The slope of the potential at each point, (N, 2), and the sum of it, without their own."""
    spacing = _SPACING
    while np.ptp(points, axis=0).max() > (_NODES - 8) * spacing:
        spacing *= 2
    places = points / spacing
    places -= np.floor(places.min(axis=0)) - 1
    first = places.astype(np.int64)
    side = 32 * -(-(int(first.max()) + 3) // 16)  # twice what is used: the transform is periodic
    parts, slopes = _splines(places - first)
    steps = np.arange(-1, 3)
    nodes = (first[:, :1] + steps)[:, :, None] * side + (first[:, 1:] + steps)[:, None, :]
    shares = parts[:, 0, :, None] * parts[:, 1, None, :]
    grid = np.bincount(nodes.ravel(), shares.ravel(), side * side).reshape(side, side)
    kernel = _kernel(side, spacing)
    potential = np.fft.irfft2(np.fft.rfft2(grid) * kernel, (side, side)).ravel()[nodes]
    down = np.einsum("nij,nj->ni", potential, parts[:, 1])
    across = np.einsum("nij,ni->nj", potential, parts[:, 0])
    total = max(float((down * parts[:, 0]).sum()) - len(points), _LEAST)
    both = (down * slopes[:, 0]).sum(axis=1), (across * slopes[:, 1]).sum(axis=1)
    return np.stack(both, axis=1) / spacing, total


def _splines(within: Doubles) -> tuple[Doubles, Doubles]:
    """Cubic B-splines at the four nodes about places, and their slopes.

    Args:
        within: how far beyond the second node, (N, 2), 0 to 1.

    Returns:
        (N, 2, 4) each.
    """
    t, u = within, 1 - within
    values = u**3, 4 - 6 * t**2 + 3 * t**3, 4 - 6 * u**2 + 3 * u**3, t**3
    slopes = -(u**2), 3 * t**2 - 4 * t, 4 * u - 3 * u**2, t**2
    return np.stack(values, axis=2) / 6, np.stack(slopes, axis=2) / 2


@lru_cache(maxsize=4)
def _kernel(side: int, spacing: float) -> NDArray[np.complex128]:
    """The transform of the potential of a point on a grid, what splines blur taken back."""
    steps = np.minimum(np.arange(side), side - np.arange(side)) * spacing
    potential = 1 / (1 + np.square(steps[:, None]) + np.square(steps))
    blur = np.square((2 + np.cos(2 * np.pi * np.fft.fftfreq(side))) / 3)
    kernel: NDArray[np.complex128] = np.fft.rfft2(potential)
    kernel /= blur[:, None] * blur[: side // 2 + 1]
    return kernel
