"""How unlike a model's training data a picture is: measured in training, told by its facts.

An autoencoder is data-specific: pictures of another kind come back changed. Two witnesses tell. One
is the share of the picture that its reconstruction misses; the other is how far the latents move
when the reconstruction is encoded again, which stays small for what the decoder can draw, and
notices what looks well reconstructed to the eye.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from aecli.checkpoints.facts import PERCENTILES, Novelty

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

UNUSUAL = 99.0
"""Novelty, in percent, above which a picture is called unlike the training data."""

WITNESSES = 2
"""How many may raise the alarm: each does so for half the share of usual pictures (Bonferroni)."""

PERCENT = np.linspace(0, 100, PERCENTILES)
"""The percentiles that are kept of what each witness says."""

FLAT = 1e-3
"""Variance, on the [0, 1] scale, that every picture is taken to have beside its own."""


@dataclass(frozen=True, eq=False)
class RoundTrip:
    """What became of pictures that were encoded, decoded and encoded again.

    Attributes:
        pictures: on the [0, 1] scale, (N, ...).
        output: what they were decoded to, clipped to that scale, of the same shape.
        latents: what it was decoded from, (N, *latent).
        again: the latents of the output, (N, *latent).
    """

    pictures: Floats
    output: Floats
    latents: Floats
    again: Floats

    def missed(self) -> Floats:
        """The mean squared error over the variance of each picture, (N,)."""
        pictures = self.pictures.reshape(len(self.pictures), -1)
        error = np.square(pictures - self.output.reshape(pictures.shape)).mean(1)
        return np.asarray(error / (pictures.var(1) + FLAT), np.float32)

    def change(self) -> Floats:
        """How each latent value moved, (N, D)."""
        return (self.again - self.latents).reshape(len(self.latents), -1)


def percentiles(known: Novelty, trip: RoundTrip) -> Floats:
    """The share of pictures of the right kind that are less unusual, percent, (N,).

    By the witness that finds it more unusual. That one alone puts the share 1 - p above the
    p-th percentile, so that WITNESSES times as many are counted as more unusual (Bonferroni):
    of the right kind no more than 1 % exceed 99, whichever witness speaks.
    """
    moved = _moved(trip.change(), np.asarray(known.typical, np.float32))
    found = [_places(trip.missed(), known.missed), _places(moved, known.moved)]
    rest: Floats = 100 - np.maximum(*found)
    return (100 - WITNESSES * rest).clip(0).astype(np.float32)


def measured(trip: RoundTrip) -> Novelty:
    """What pictures of the right kind are like, from some of them."""
    change = trip.change()
    typical = np.sqrt(np.square(change.astype(np.float64)).mean(0)).clip(1e-6).astype(np.float32)
    return Novelty(
        missed=_short(np.percentile(trip.missed(), PERCENT)),
        moved=_short(np.percentile(_moved(change, typical), PERCENT)),
        typical=_short(typical),
        pictures=len(change),
    )


def _moved(change: Floats, typical: Floats) -> Floats:
    """Mean square of the change of latents (N, D) as multiples of a typical one, (N,)."""
    return np.asarray(np.square(change / typical).mean(1), np.float32)


def _places(values: Floats, quantiles: tuple[float, ...]) -> NDArray[np.float64]:
    return np.asarray(np.interp(values, quantiles, PERCENT))


def _short(values: NDArray[Any]) -> tuple[float, ...]:
    return tuple(float(f"{value:.4g}") for value in values)
