"""Cutting an image into tiles never changes the result, whatever the sizes and the geometry."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from aecli.inference import tiling
from aecli.models.registry import Geometry

lengths = st.integers(1, 50)
tiles = st.integers(8, 40)
geometries = st.builds(
    Geometry,
    multiple_of=st.sampled_from([1, 2, 3, 4, 8]),
    minimum=st.integers(1, 20),
    radius=st.integers(0, 9),
    scale=st.integers(1, 3),
)


def box_filter(geometry: Geometry) -> tiling.Function:
    """A network in small: sees as far as `geometry` allows, anchored to its grid, zero-padded."""

    def function(values: np.ndarray) -> np.ndarray:
        x = torch.from_numpy(values)
        assert x.shape[-1] % geometry.multiple_of == 0
        assert x.shape[-2] % geometry.multiple_of == 0
        assert min(x.shape[-2:]) >= geometry.minimum
        radius = geometry.radius
        y = F.avg_pool2d(x, 2 * radius + 1, 1, radius)
        ramp = [
            (torch.arange(n) % geometry.multiple_of / geometry.multiple_of) for n in x.shape[-2:]
        ]
        y = y * (0.75 + 0.125 * (ramp[0][:, None] + ramp[1]))
        return F.interpolate(y, scale_factor=geometry.scale, mode="nearest").numpy()

    return function


@st.composite
def pictures(draw: st.DrawFn) -> np.ndarray:
    shape = (draw(lengths), draw(lengths), *draw(st.sampled_from([(), (3,)])))
    dtype = draw(st.sampled_from([np.uint8, np.uint16]))
    seed = draw(st.integers(0, 99))
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


@settings(max_examples=80)
@given(pictures(), geometries, tiles)
def test_tiled_is_whole(pixels: np.ndarray, geometry: Geometry, tile: int) -> None:
    function = box_filter(geometry)
    whole = tiling.apply([function], pixels, geometry, tile=None)
    tiled = tiling.apply([function], pixels, geometry, tile=tile)
    scale = geometry.scale
    assert tiled.dtype == pixels.dtype
    assert tiled.shape == (pixels.shape[0] * scale, pixels.shape[1] * scale, *pixels.shape[2:])
    difference = np.abs(tiled.astype(int) - whole.astype(int))
    assert difference.max() <= 1  # another tile may sum in another order


@settings(max_examples=50)
@given(pictures(), geometries, tiles)
def test_the_identity_is_exact(pixels: np.ndarray, geometry: Geometry, tile: int) -> None:
    def enlarge(x: np.ndarray) -> np.ndarray:
        return x.repeat(geometry.scale, 2).repeat(geometry.scale, 3)

    result = tiling.apply([enlarge], pixels, geometry, tile=tile)
    expected = pixels.repeat(geometry.scale, axis=0).repeat(geometry.scale, axis=1)
    assert np.array_equal(result, expected)


@given(
    top=st.integers(0, 9),
    left=st.integers(0, 9),
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    tile=st.integers(1, 200),
    cell=st.integers(1, 8),
)
def test_cores_partition_the_grid(
    top: int, left: int, height: int, width: int, tile: int, cell: int
) -> None:
    box = tiling.Box(top * cell, (top + height) * cell, left * cell, (left + width) * cell)
    covered = np.zeros((box.bottom, box.right), int)
    for core in tiling.cut(box, tile, cell):
        assert core.side <= max(tile, cell)
        assert all(edge % cell == 0 for edge in (core.top, core.bottom, core.left, core.right))
        covered[core.top : core.bottom, core.left : core.right] += 1
    assert (covered[box.top :, box.left :] == 1).all()
    assert covered.sum() == height * width * cell * cell


@given(arrays.arrays(np.uint8, st.integers(1, 12)), st.integers(0, 40), st.integers(0, 40))
def test_reflect_is_numpys(line: np.ndarray, before: int, after: int) -> None:
    expected = np.pad(line, (before, after), mode="reflect")
    index = tiling.reflect(-before, len(line) + after, len(line))
    assert np.array_equal(line[index], expected)
