"""Graphics: repeatable, varied, as fine as they claim to be."""

import numpy as np
import pytest

from aecli.training.degradations import graphics
from aecli.training.degradations.graphics import dithers, parts, patterns, sprites

from .photographs import photographs, to_pictures

PHOTOS = list(to_pictures(photographs(128, 160)))
"""Smaller than what is made of them."""


def colours(picture: np.ndarray) -> int:
    """How many there are."""
    return len(np.unique(picture.astype(np.int64) @ [1, 256, 65536]))


@pytest.mark.parametrize(
    "kind", dict.fromkeys(graphics.KINDS + graphics.PLAIN), ids=lambda kind: kind.__name__
)
@pytest.mark.parametrize(
    "photos", [PHOTOS, [PHOTOS[0][..., 0]], []], ids=["colour", "grey", "none"]
)
def test_every_kind_gives_pictures(kind: object, photos: list[np.ndarray]) -> None:
    for seed in range(3):
        picture, again = (kind(np.random.default_rng(seed), photos) for _ in range(2))
        assert picture.dtype == np.uint8 and picture.shape[2] == 3
        assert all(256 <= side <= 512 for side in picture.shape[:2])
        assert np.array_equal(picture, again)
    assert not np.array_equal(picture, kind(np.random.default_rng(9), photos)[: len(picture)])


def test_a_larger_count_begins_with_the_same_pictures() -> None:
    few, many = graphics.make(PHOTOS, 5, seed=2), graphics.make(PHOTOS, 20, seed=2)
    assert len(many) == 20
    assert all(np.array_equal(a, b) for a, b in zip(few, many, strict=False))
    assert not np.array_equal(few[0], graphics.make(PHOTOS, 1, seed=3)[0])


def test_the_photographs_are_not_written_to() -> None:
    before = [photo.copy() for photo in PHOTOS]
    graphics.make(PHOTOS, 40, seed=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, PHOTOS, strict=True))


def test_bayers_matrices_hold_every_threshold_once() -> None:
    assert np.array_equal(dithers.bayer(1) * 4 - 0.5, [[0, 2], [3, 1]])
    for order in (1, 2, 3):
        levels = np.sort((dithers.bayer(order) * 4**order - 0.5).ravel())
        assert np.array_equal(levels, np.arange(4**order))


@pytest.mark.parametrize("kind", [dithers.ordered, dithers.scattered, dithers.diffused])
def test_dithers_have_few_colours(kind: object) -> None:
    for seed in range(12):
        picture = kind(np.random.default_rng(seed), PHOTOS)
        assert colours(picture) <= 5**3


def test_dithers_keep_the_mean_of_a_grey_photograph() -> None:
    grey = np.full((256, 256), 100, np.uint8)
    for order in (1, 2, 3):
        tiled = np.tile(dithers.bayer(order), (256 >> order, 256 >> order))
        assert float((grey / 255 > tiled).mean()) == pytest.approx(100 / 255, abs=0.13 / order)


def test_pixel_art_is_made_of_squares() -> None:
    factors = set()
    for seed in range(20):
        picture = sprites.scene(np.random.default_rng(seed), [])
        changes = (np.diff(picture.astype(int), axis=1) != 0).any(axis=(0, 2))
        factors.add(int(np.gcd.reduce(np.flatnonzero(changes) + 1)))
    assert len(factors) > 3 and max(factors) <= 6


def test_patterns_repeat_within_a_few_pixels() -> None:
    for seed in range(20):
        picture = patterns.regular(np.random.default_rng(seed), [])
        assert any(np.array_equal(picture[:, p:], picture[:, :-p]) for p in range(1, 34))
        assert colours(picture) <= 2


def test_pairs_are_sometimes_hardly_different() -> None:
    rng = np.random.default_rng(0)
    contrast = [np.abs(np.subtract(*parts.pair(rng))).max() for _ in range(200)]
    assert 0.15 < np.mean(np.array(contrast) < 40) < 0.6
    assert np.mean(np.array(contrast) == 255) > 0.2
