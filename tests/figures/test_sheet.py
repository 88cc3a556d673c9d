from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from aecli.figures import sheet


def tiles(count: int, *shape: int) -> np.ndarray:
    """Each of one brightness: 0, 1, 2 ..."""
    values = np.arange(count, dtype=np.uint8).reshape(-1, *[1] * len(shape))
    return np.broadcast_to(values, (count, *shape)).copy()


def test_a_grid_goes_row_by_row_and_ends_white() -> None:
    grid = sheet.grid(tiles(5, 2, 3), 3)
    assert grid.shape == (4, 9)
    assert grid[::2, ::3].tolist() == [[0, 1, 2], [3, 4, 255]]


def test_an_upright_grid_goes_column_by_column() -> None:
    grid = sheet.grid(tiles(5, 2, 3), 3, upright=True)
    assert grid.shape == (6, 6)
    assert grid[::2, ::3].tolist() == [[0, 3], [1, 4], [2, 255]]
    assert sheet.grid(tiles(2, 2, 3), 3, upright=True)[::2, 0].tolist() == [0, 1, 255]


def test_the_gap_lies_between_tiles_only() -> None:
    grid = sheet.grid(tiles(4, 2, 2, 3), 2, gap=1)
    assert grid.shape == (5, 5, 3)
    assert (grid[2] == 255).all()
    assert (grid[:, 2] == 255).all()
    assert grid[[0, 0, 4, 4], [0, 4, 0, 4], 0].tolist() == [0, 1, 2, 3]


def test_enlarging_repeats_pixels() -> None:
    large = sheet.enlarge(tiles(2, 2, 3, 3), 4)
    assert large.shape == (2, 8, 12, 3)
    assert np.array_equal(large[:, ::4, ::4], tiles(2, 2, 3, 3))


@pytest.mark.parametrize("shape", [(40, 50), (40, 50, 3)])
def test_names_stand_at_the_left_of_their_rows(shape) -> None:
    plain = np.full(shape, 255, np.uint8)
    wide = sheet.named(plain, ["zero", "a longer name"])
    assert wide.shape[0] == 40
    assert wide.shape[2:] == shape[2:]
    assert np.array_equal(wide[:, -50:], plain)
    margin = wide[:, :-50].reshape(40, -1)
    dark = (margin < 128).sum(axis=1)
    assert dark[5:15].any()
    assert dark[25:35].any()
    assert not dark[[0, 19, 20, 39]].any()


@pytest.mark.parametrize("suffix", sheet.ANIMATED)
@pytest.mark.parametrize("shape", [(8, 10), (8, 10, 3)])
def test_animations_keep_their_frames(suffix: str, shape: tuple[int, ...]) -> None:
    frames = tiles(4, *shape) * 60
    file = io.BytesIO()
    sheet.animate(frames, file, sheet.ANIMATED[suffix], text={"Seed": "7"})
    with Image.open(file) as animation:
        assert animation.n_frames == 4
        assert animation.info["loop"] == 0
        for number in range(4):
            animation.seek(number)
            frame = np.asarray(animation.convert("RGB"))
            assert (frame == number * 60).all()
        if suffix == ".apng":
            assert animation.text == {"Seed": "7"}
