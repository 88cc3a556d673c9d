from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from aecli.figures.panels import panels

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 3), (300, 400, 3), (2000, 40)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_pictures_stand_unchanged_below_their_names(shape: tuple[int, ...], kind: type) -> None:
    peak = np.iinfo(kind).max
    pictures = [RNG.integers(0, peak, shape, kind) for _ in range(3)]
    figure = panels(
        pictures, ["before", "after: photo", "after: a-name-that-is-very-long.safetensors"]
    )
    assert figure.dtype == kind
    assert figure.shape[2:] == shape[2:]
    height, width = shape[:2]
    strip = figure[:-height].reshape(figure.shape[0] - height, -1)
    assert set(np.unique(strip)) >= {0, peak}
    found = [
        left
        for left in range(figure.shape[1] - width + 1)
        for picture in pictures
        if np.array_equal(figure[-height:, left : left + width], picture)
    ]
    assert len(found) == 3
    rules = np.flatnonzero((figure == 0).reshape(len(figure), figure.shape[1], -1).all((0, 2)))
    between = [np.sum((rules > a) & (rules < b)) for a, b in pairwise(found)]
    assert min(between) >= 1


@pytest.mark.parametrize(("width", "count"), [(100, 2), (1500, 3), (6000, 2)])
def test_names_are_as_large_as_the_figure_asks_for(width: int, count: int) -> None:
    pictures = [np.full((width * 2 // 3, width), 255, np.uint8)] * count
    figure = panels(pictures, ["before", *["after: photo"] * (count - 1)])
    inked = np.flatnonzero((figure[: -width * 2 // 3, : width // 2 + 50] < 128).any(axis=1))
    assert np.ptp(inked) >= max(8, figure.shape[1] / 120)
    assert len(figure) < 1.3 * max(figure.shape[1], width * 2 // 3)
