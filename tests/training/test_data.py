from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aecli.datasets.collecting import evenly
from aecli.training.data import Shuffled, split
from aecli.training.pictures import at_least


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 30))
def test_extension_keeps_the_image(height: int, width: int, side: int) -> None:
    image = np.arange(height * width * 3, dtype=np.uint8).reshape(height, width, 3)
    larger = at_least(image, side)
    assert larger.shape == (max(height, side), max(width, side), 3)
    assert np.array_equal(larger[:height, :width], image)


@given(st.integers(0, 40), st.floats(0, 1), st.integers(0, 5))
def test_split_keeps_every_image(count: int, share: float, seed: int) -> None:
    files = [Path(f"{n}.png") for n in range(count)]
    train, val = split(files, share, seed)
    assert (train, val) == split(files, share, seed)
    if count > 1 and share:
        assert train
        assert val
        assert sorted(train + val) == sorted(files)
    else:
        assert train == val == files


@given(st.integers(1, 50), st.integers(1, 60))
def test_evenly_spreads(count: int, limit: int) -> None:
    chosen = evenly(range(count), limit)
    assert len(chosen) == min(count, limit)
    gaps = np.diff([-1, *chosen, count])
    assert gaps.min() > 0
    assert gaps[1:-1].max(initial=0) - gaps[1:-1].min(initial=count) <= 1


@given(st.integers(1, 9), st.integers(0, 3))
def test_a_shuffled_order_has_each_once_a_pass(count: int, seed: int) -> None:
    order = Shuffled(seed, count)
    passes = order.places(np.arange(3 * count)).reshape(3, count)
    assert (np.sort(passes) == np.arange(count)).all()
    assert np.array_equal(order.places(np.array([2 * count])), passes[2, :1])
