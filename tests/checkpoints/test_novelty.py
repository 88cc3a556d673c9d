from __future__ import annotations

import numpy as np
import pytest

from aecli.checkpoints.facts import Novelty
from aecli.checkpoints.novelty import PERCENT, RoundTrip, measured, percentiles


def trip(missed: float, moved: float) -> RoundTrip:
    """A picture of variance 0.249 that misses and moves so much, squared."""
    picture = np.array([[0, 1]] * 8, np.float32)[None] * np.float32(0.998)
    error = np.sqrt(missed * (picture.var() + 1e-3))
    zero = np.zeros((1, 2), np.float32)
    return RoundTrip(picture, picture + error, zero, zero + np.float32(np.sqrt(moved)))


def test_the_witness_that_is_more_surprised_decides() -> None:
    line = tuple(PERCENT.tolist())
    known = Novelty(line, tuple(10 * p for p in line), (1.0, 1.0))
    for missed, moved, expected in [(0, 0, 0), (99, 0, 98), (0, 995, 99), (75, 800, 60)]:
        found = percentiles(known, trip(missed, moved))
        assert found == pytest.approx([expected], abs=0.01), (missed, moved)
    assert percentiles(known, trip(1e9, 0)).tolist() == [100]


def test_of_the_right_kind_one_in_a_hundred_is_unusual_at_most() -> None:
    rng = np.random.default_rng(0)

    def pictures(count: int, noise: float) -> RoundTrip:
        x = rng.random((count, 1, 4, 4), np.float32)
        output = x + noise * rng.standard_normal(x.shape, np.float32)
        z = rng.standard_normal((count, 3), np.float32)
        return RoundTrip(x, output, z, z + noise * rng.standard_normal(z.shape, np.float32))

    known = measured(pictures(4000, 0.1))
    assert 0.002 < (percentiles(known, pictures(4000, 0.1)) > 99).mean() < 0.015
    assert (percentiles(known, pictures(100, 1.0)) > 99).mean() > 0.95


def test_flat_pictures_are_measured_too() -> None:
    flat = np.full((1, 1, 4, 4), 0.5, np.float32)
    z = np.zeros((1, 2), np.float32)
    assert RoundTrip(flat, flat, z, z).missed().tolist() == [0]
    assert np.isfinite(measured(RoundTrip(flat, flat, z, z)).typical).all()
