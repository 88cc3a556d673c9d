from __future__ import annotations

import numpy as np
import pytest

from aecli.checkpoints.format import Meta
from aecli.checkpoints.novelty import PERCENT, Novelty, RoundTrip, measured

LINE = PERCENT.astype(np.float32)


def trip(missed: float, moved: float) -> RoundTrip:
    """A picture of variance 0.249 that misses and moves so much, squared."""
    picture = np.array([[0, 1]] * 8, np.float32)[None] * np.float32(0.998)
    error = np.sqrt(missed * (picture.var() + 1e-3))
    zero = np.zeros((1, 2), np.float32)
    return RoundTrip(picture, picture + error, zero, zero + np.float32(np.sqrt(moved)))


@pytest.mark.parametrize(
    "training",
    [
        {},
        {"novelty": 3},
        {"novelty": {"missed": [1, 2], "moved": [1, 2], "typical": [1]}},
        {"novelty": {"missed": [1, 0] * 100 + [1], "moved": LINE.tolist(), "typical": [1]}},
        {"novelty": {"missed": LINE.tolist(), "moved": LINE.tolist(), "typical": [0]}},
        {"novelty": {"missed": LINE.tolist(), "moved": ["x"] * 201, "typical": [1]}},
    ],
)
def test_a_model_that_knows_no_novelty_says_so(training) -> None:
    assert Novelty.of(Meta("a", {}, "embed", "t", training)) is None


def test_the_witness_that_is_more_surprised_decides() -> None:
    novelty = Novelty(LINE, LINE * 10, np.ones(2, np.float32))
    for missed, moved, expected in [(0, 0, 0), (99, 0, 98), (0, 995, 99), (75, 800, 60)]:
        found = novelty.percentiles(trip(missed, moved))
        assert found == pytest.approx([expected], abs=0.01), (missed, moved)
    assert novelty.percentiles(trip(1e9, 0)).tolist() == [100]


def test_of_the_right_kind_one_in_a_hundred_is_unusual_at_most() -> None:
    rng = np.random.default_rng(0)

    def pictures(count: int, noise: float) -> RoundTrip:
        x = rng.random((count, 1, 4, 4), np.float32)
        output = x + noise * rng.standard_normal(x.shape, np.float32)
        z = rng.standard_normal((count, 3), np.float32)
        return RoundTrip(x, output, z, z + noise * rng.standard_normal(z.shape, np.float32))

    said = {"novelty": measured(pictures(4000, 0.1))["novelty"]}
    novelty = Novelty.of(Meta("a", {}, "embed", "t", said))
    assert novelty is not None
    assert 0.002 < (novelty.percentiles(pictures(4000, 0.1)) > 99).mean() < 0.015
    assert (novelty.percentiles(pictures(100, 1.0)) > 99).mean() > 0.95


def test_flat_pictures_are_measured_too() -> None:
    flat = np.full((1, 1, 4, 4), 0.5, np.float32)
    z = np.zeros((1, 2), np.float32)
    assert RoundTrip(flat, flat, z, z).missed().tolist() == [0]
    assert np.isfinite(measured(RoundTrip(flat, flat, z, z))["novelty"]["typical"]).all()
