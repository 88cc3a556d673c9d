"""Latents beside principal components: does an autoencoder earn its place on these pictures?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aecli.images.metrics import decibels
from aecli.inference.neighbours import neighbours
from aecli.inference.pca import principal_axes

if TYPE_CHECKING:
    from collections.abc import Sequence

Floats = NDArray[np.float32]

K = 5
"""Neighbours that vote."""

FOLDS = 10
"""Parts that the pictures are cut into; each is reconstructed by the PCA of all others."""

LIMIT = 2000
"""Pictures that the report looks at: a random choice where there are more."""


@dataclass(frozen=True)
class Comparison:
    """The figures of a report.

    Attributes:
        pictures: how many were looked at.
        components: of the PCA beside: as many as the latent has dimensions, if there are so many
            pictures.
        psnr: of the reconstructions, dB, from the mean squared error over all pictures.
        psnr_pca: the same of PCA fitted on the other pictures; None for a single one.
        accuracy: share of pictures whose folder the nearest K others name, by the latents; None
            with one folder only.
        accuracy_pca: the same by principal components.
        chance: the share of the largest folder.
    """

    pictures: int
    components: int
    psnr: float
    psnr_pca: float | None
    accuracy: float | None
    accuracy_pca: float | None
    chance: float | None

    @property
    def of_model(self) -> str:
        """What there is to say of the latents, in a line."""
        return _line(self.psnr, self.accuracy)

    @property
    def of_pca(self) -> str:
        """The same of principal components."""
        return _line(self.psnr_pca, self.accuracy_pca)


def _line(psnr: float | None, accuracy: float | None) -> str:
    named = [("PSNR", psnr, ".2f", " dB"), (f"{K}-NN accuracy", accuracy, ".3f", "")]
    return ", ".join(f"{name} {v:{form}}{unit}" for name, v, form, unit in named if v is not None)


def chosen(count: int) -> NDArray[np.int64]:
    """The pictures to look at, in order: all, or a choice that is the same every time."""
    if count <= LIMIT:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, LIMIT, replace=False))


def compare(
    values: Floats,
    pictures: NDArray[np.uint8],
    reconstructions: NDArray[np.uint8],
    folders: Sequence[str],
) -> Comparison:
    """Score latents beside PCA of the same size on the same pictures.

    Args:
        values: vectors (N, D).
        pictures: what the encoder saw, (N, size, size[, 3]).
        reconstructions: what the decoder made of the vectors.
        folders: the name of each picture's folder.
    """
    flat = np.divide(pictures.reshape(len(pictures), -1), 255, dtype=np.float32)
    again = np.divide(reconstructions.reshape(flat.shape), 255, dtype=np.float32)
    dimension = min(values.shape[1], max(1, len(flat) - 1))
    names, labels = np.unique(np.array(folders), return_inverse=True)
    several = len(names) > 1 and len(flat) > 2
    return Comparison(
        pictures=len(flat),
        components=dimension,
        psnr=decibels(float(np.square(flat - again).mean()), 1),
        psnr_pca=decibels(pca_error(flat, dimension), 1) if len(flat) > 1 else None,
        accuracy=accuracy(values, labels) if several else None,
        accuracy_pca=accuracy(scores(flat, dimension), labels) if several else None,
        chance=float(np.bincount(labels).max() / len(labels)) if several else None,
    )


def accuracy(values: Floats, labels: NDArray[np.int64], k: int = K) -> float:
    """The share of rows whose label most of the k nearest other rows have (leave-one-out).

    Euclidean distance; of labels with equally many votes the smallest wins.
    """
    near, _ = neighbours(values, min(k, len(values) - 1))
    votes = (labels[near][:, :, None] == np.arange(labels.max() + 1)).sum(axis=1)
    return float((votes.argmax(axis=1) == labels).mean())


def pca_error(flat: Floats, dimension: int) -> float:
    """Mean squared error of pictures (N, P) reconstructed by PCA fitted on the others.

    Cross-validated: the pictures are dealt to `FOLDS` parts, or one each where they are fewer.
    """
    folds = min(FOLDS, len(flat))
    part = np.arange(len(flat)) % folds
    total = 0.0
    for fold in range(folds):
        train, test = flat[part != fold], flat[part == fold]
        mean = train.mean(axis=0)
        axes, _ = principal_axes(train - mean, dimension)
        centred = test - mean
        total += float(np.square(centred - centred @ axes.T @ axes).sum(dtype=np.float64))
    return total / flat.size


def scores(flat: Floats, dimension: int) -> Floats:
    """Pictures (N, P) by their principal components (N, dimension); 0 beyond the last of these."""
    centred = flat - flat.mean(axis=0)
    axes, _ = principal_axes(centred, dimension)
    along = np.zeros((len(flat), dimension), np.float32)
    along[:, : len(axes)] = centred @ axes.T
    return along
