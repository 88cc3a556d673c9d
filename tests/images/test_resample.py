from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aecli.images.resample import band, resample, taps

from .samples import noise

sides = st.integers(1, 150)


def test_a_step_shrunk_by_two_has_the_kernel_s_known_values() -> None:
    step = np.repeat(np.array([[0.0, 1.0]], np.float32), 8, axis=1)
    shrunk = resample(np.repeat(step, 4, axis=0), 2, 8)
    right = 1 + np.array([-17, 3, 0, 0]) / 256  # beside the edge, then an overshoot
    assert np.allclose(shrunk, np.concatenate([1 - right[::-1], right]), atol=1e-6)


@given(sides, sides, sides, sides)
def test_a_plain_colour_stays_exactly_what_it_is(h: int, w: int, height: int, width: int) -> None:
    for value in (0, 1, 254, 255):
        plain = resample(np.full((h, w, 3), value, np.uint8), height, width)
        assert plain.shape == (height, width, 3)
        assert (plain == value).all()
    assert (resample(np.full((h, w), 65_535, np.uint16), height, width) == 65_535).all()


@given(sides, sides)
def test_blocks_cover_the_line_and_weights_sum_to_one(source: int, target: int) -> None:
    covered = 0
    for targets, sources, weights in taps(source, target):
        assert targets.start == covered
        assert 0 <= sources.start < sources.stop <= source
        assert weights.shape == (targets.stop - targets.start, sources.stop - sources.start)
        assert np.allclose(weights.sum(1), 1, atol=1e-5)
        covered = targets.stop
    assert covered == target


def test_any_block_has_the_weights_of_the_whole_line() -> None:
    everything, whole = band(100, 40, 0, 40)
    some, part = band(100, 40, 11, 17)
    assert everything == slice(0, 100)
    assert np.array_equal(whole[11:17, some], part)
    assert not whole[11:17, : some.start].any()


def test_mirror_symmetry() -> None:
    picture = noise(31, 45, 3).astype(np.float32)
    flipped = resample(picture[::-1, ::-1], 50, 20)[::-1, ::-1]
    assert np.allclose(flipped, resample(picture, 50, 20), atol=1e-3)


def test_the_same_size_is_the_same_picture() -> None:
    picture = noise(9, 7, 3)
    assert np.array_equal(resample(picture, 9, 7), picture)


def test_rows_and_columns_are_resampled_apart() -> None:
    picture = noise(20, 30).astype(np.float32)
    both = resample(resample(picture, 44, 30), 44, 13)
    assert np.allclose(resample(picture, 44, 13), both, atol=1e-3)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_integers_are_clipped_and_rounded(dtype: type[np.generic]) -> None:
    peak = int(np.iinfo(dtype).max)
    picture = (noise(12, 12) > 127).astype(dtype) * dtype(peak)
    large = resample(picture, 30, 30)
    exact = resample(resample(picture.astype(np.float32), 30, 12), 30, 30)
    assert large.dtype == dtype
    assert (large.min(), large.max()) == (0, peak)
    inside = (exact > 0.02 * peak) & (exact < 0.98 * peak)
    assert inside.any()


def test_no_pixels_are_refused() -> None:
    with pytest.raises(ValueError, match="0x5"):
        resample(noise(9, 9), 5, 0)
