"""How unlike a model's training data a picture is: measured in training, told from metadata."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aecli.checkpoints.format import Meta

    Floats = NDArray[np.float32]

UNUSUAL = 99.0
"""Novelty, in percent, above which a picture is called unlike the training data."""


@dataclass(frozen=True, eq=False)
class Novelty:
    """What pictures of the right kind are like.

    A picture is unlike them where its reconstruction is worse than theirs, or where its latents lie
    further out than theirs.

    Attributes:
        errors: the percentiles 0 to 100 of their mean squared errors, 101 values that do not
            decrease; None where they were never measured.
        deviations: root mean square of each of their latent values, flat; None likewise.
        extents: the percentiles of `extent`, like those of the errors; None likewise.
    """

    errors: Floats | None
    deviations: Floats | None = None
    extents: Floats | None = None

    @classmethod
    def of(cls, meta: Meta) -> Novelty:
        """What a model's metadata says; its novelty is unknown where that is nothing of use."""
        said = meta.training.get("novelty")
        if not isinstance(said, dict):
            return cls(None)
        errors, extents = (_quantiles(said.get(key)) for key in ("quantiles", "extents"))
        try:
            deviations = np.asarray(said["deviations"], np.float32)
        except (KeyError, TypeError, ValueError):
            return cls(errors)
        return cls(errors, deviations, extents)

    def percentiles(self, errors: Floats, latents: Floats) -> Floats:
        """The share of pictures of the right kind that are less unusual, percent, (N,).

        By errors or by latents, whichever is larger. NaN throughout where the model does not know.

        Args:
            errors: mean squared errors of the reconstruction, (N,).
            latents: (N, *latent).
        """
        if self.errors is None:
            return np.full(len(errors), np.nan, np.float32)
        found = _places(errors, self.errors)
        if self.extents is not None and self.deviations is not None:
            found = np.maximum(found, _places(extent(latents, self.deviations), self.extents))
        return found.astype(np.float32)


def measured(errors: Floats, latents: Floats) -> dict[str, Any]:
    """What metadata say of pictures of the right kind, for `Novelty.of` to read.

    Args:
        errors: mean squared errors of their reconstruction, (N,).
        latents: (N, *latent).
    """
    flat = latents.reshape(len(latents), -1).astype(np.float64)
    deviations = np.sqrt(np.square(flat).mean(0)).clip(1e-6).astype(np.float32)
    percent = np.arange(101)
    return {
        "novelty": {
            "pictures": len(errors),
            "quantiles": _short(np.percentile(errors.astype(np.float64), percent)),
            "deviations": _short(deviations),
            "extents": _short(np.percentile(extent(latents, deviations), percent)),
        }
    }


def _short(values: NDArray[Any]) -> list[float]:
    return [float(f"{value:.4g}") for value in values]


def extent(latents: Floats, deviations: Floats) -> Floats:
    """How far out latents (N, *latent) lie, (N,): mean of log(1 + z^2), z in deviations.

    But for a constant it is minus the log-density of independent Cauchy distributions, which are
    heavy-tailed, as the latents of pictures are.
    """
    flat = latents.reshape(len(latents), -1) / deviations
    return np.asarray(np.log1p(np.square(flat)).mean(1), np.float32)


def _quantiles(values: object) -> Floats | None:
    """101 values that do not decrease, or None for anything else."""
    try:
        found = np.asarray(values, np.float32)
    except (TypeError, ValueError):
        return None
    known = found.shape == (101,) and bool((np.diff(found) >= 0).all())
    return found if known else None


def _places(values: Floats, quantiles: Floats) -> NDArray[np.float64]:
    return np.asarray(np.interp(values, quantiles, np.arange(101)))
