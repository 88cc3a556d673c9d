"""Latents as values: kept in files that know their model, and laid out between and along axes."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from aecli.errors import InputError, UsageError, did_you_mean
from aecli.inference import npz
from aecli.inference.pca import principal_axes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Array = NDArray[np.float32]

KEYS = ("latents", "vectors")
"""What the latents are called in a file; `vectors` where `aecli embed` wrote it."""


@dataclass(frozen=True, eq=False)
class Latents:
    """Points of one model's latent space.

    Attributes:
        values: float32, (N, *latent).
        model: the model's name.
        sha256: checksum of the file of its weights, in hexadecimal.
        classes: the class that each belongs to, N names; None for a model without classes.
    """

    values: Array
    model: str
    sha256: str
    classes: tuple[str, ...] | None = None


def save(latents: Latents, file: BinaryIO) -> None:
    """Write an `.npz`: `latents`, `model`, `sha256` and, where there are classes, `classes`."""
    arrays: dict[str, Any] = {
        "latents": latents.values,
        "model": np.array(latents.model),
        "sha256": np.array(latents.sha256),
    }
    if latents.classes is not None:
        arrays["classes"] = np.array(latents.classes)
    np.savez(file, **arrays)


def load(path: Path) -> Latents:
    """Read what `save`, or `aecli embed`, has written.

    Raises:
        InputError: no such file, or it holds something else.
    """
    hint = "such .npz files are made by aecli generate, and by aecli embed"
    with npz.holding("latents", path, hint) as arrays:
        model, sha256 = str(arrays["model"]), str(arrays["sha256"])
        values = arrays[next((key for key in KEYS if key in arrays), KEYS[0])]
        classes = tuple(map(str, arrays["classes"])) if "classes" in arrays else None
    if values.ndim < 2 or not len(values) or not np.issubdtype(values.dtype, np.floating):
        raise InputError(f"{path}: its latents are not a list of points")
    if not np.isfinite(values).all():
        raise InputError(f"{path}: its latents are not all finite")
    if classes is not None and len(classes) != len(values):
        raise InputError(f"{path}: {len(classes)} classes for {len(values)} latents")
    return Latents(np.ascontiguousarray(values, np.float32), model, sha256, classes)


def labels_of(names: Sequence[str], classes: Sequence[str], model: str) -> NDArray[np.int64]:
    """The places of class names among those that a model knows: (N,).

    Raises:
        UsageError: it does not know one of them; the hint names the nearest.
    """
    for name in names:
        if name not in classes:
            raise UsageError(f"{model} knows no class {name!r}", did_you_mean(name, classes))
    return np.array([classes.index(name) for name in names], np.int64)


def between(a: Array, b: Array, steps: int) -> Array:
    """Points on the way from one latent to another, both included: (steps, *latent).

    Spherical linear interpolation (Shoemake 1985, section 3.3): in many dimensions the mass of a
    normal distribution lies near a sphere, which straight lines leave (White 2016). Points in
    one, or in opposite, directions are joined by a straight line.
    """
    t = np.linspace(0, 1, steps).reshape(-1, *[1] * a.ndim)
    x, y = a.astype(np.float64), b.astype(np.float64)
    lengths = np.linalg.norm(x) * np.linalg.norm(y)
    cosine = np.vdot(x, y) / lengths if lengths else 1.0
    angle = np.arccos(np.clip(cosine, -1, 1))
    if np.sin(angle) < 1e-6:
        path = (1 - t) * x + t * y
    else:
        path = (np.sin((1 - t) * angle) * x + np.sin(t * angle) * y) / np.sin(angle)
    return path.astype(np.float32)


def like(seen: Array, noise: Array) -> Array:
    """New latents like those that pictures have: of the normal distribution with their moments.

    What stands in for a prior where there is none (ex-post density estimation, Ghosh et al. 2020,
    section 4).

    Args:
        seen: latents of pictures, (N, *latent).
        noise: standard normal, (M, *latent).

    Returns:
        (M, *latent).
    """
    flat = seen.reshape(len(seen), -1).astype(np.float64)
    mean = flat.mean(axis=0)
    axes, sums = principal_axes(flat - mean, flat.shape[1])
    along = noise.reshape(len(noise), -1)[:, : len(axes)] * np.sqrt(sums / len(flat))
    drawn: Array = (mean + along @ axes).astype(np.float32).reshape(noise.shape)
    return drawn


def quantiles(side: int) -> Array:
    """A square grid of points in two dimensions that lie evenly in the standard normal's mass.

    Row by row from the top left, x growing to the right, y upwards: (side * side, 2). The k-th
    coordinate is the normal quantile of (k + 1/2) / side (Kingma & Welling 2014, appendix A).
    """
    normal = NormalDist()
    line = np.array([normal.inv_cdf((k + 0.5) / side) for k in range(side)], np.float32)
    x, y = np.meshgrid(line, line[::-1])
    return np.stack([x.ravel(), y.ravel()], axis=1)


def axes(dimensions: int, steps: int, reach: float = 3.0) -> Array:
    """Each dimension swept from -reach to reach while the others rest at 0.

    (dimensions * steps, dimensions), one dimension after the other.
    """
    line = np.linspace(-reach, reach, steps, dtype=np.float32)
    points = np.eye(dimensions, dtype=np.float32)[:, None, :] * line[:, None]
    return points.reshape(-1, dimensions)
