"""A real network tile by tile, and what can go wrong; for the geometry see tests/property."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import Tensor

from aecli.checkpoints import format as checkpoints
from aecli.device import Precision, Runtime, choose
from aecli.errors import InputError, ModelError
from aecli.inference import tiling
from aecli.models.registry import Geometry, Tiling

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aecli.checkpoints.format import Model

FP32 = choose("cpu", "fp32")
SIZES = [(1, 1), (1, 7), (64, 1), (3, 130), (63, 65), (64, 64), (127, 201), (201, 330)]


@pytest.fixture
def model(tiny_denoiser: Path) -> Model:
    return checkpoints.load(tiny_denoiser)


def network(model: Model) -> tiling.Function:
    level = torch.full((1, 1, 1, 1), 25 / 255)
    return lambda x: model.module.restore(x, level)


def noise(shape: tuple[int, ...], dtype: type[np.generic] = np.uint8) -> np.ndarray:
    return np.random.default_rng(5).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [(), (3,)])
@pytest.mark.parametrize("size", SIZES)
def test_tiled_is_whole(
    model: Model, size: tuple[int, int], channels: tuple[int, ...], dtype: type[np.generic]
) -> None:
    pixels = noise((*size, *channels), dtype)
    whole = tiling.apply(network(model), pixels, model.geometry, runtime=FP32, tile=None)
    tiled = tiling.apply(network(model), pixels, model.geometry, runtime=FP32, tile=64)
    assert whole.dtype == pixels.dtype
    assert whole.shape == pixels.shape
    assert not np.array_equal(whole, pixels)
    difference = np.abs(whole.astype(int) - tiled.astype(int))
    assert difference.max() <= 1
    # a 16-bit level is 256 times finer, and as much more often on the edge of the next one
    assert (difference > 0).sum() <= difference.size * (1e-5 if dtype == np.uint8 else 2.56e-3)


def test_a_halo_shorter_than_the_receptive_field_shows(model: Model) -> None:
    pixels = noise((200, 200, 3))
    short = Geometry(**{**vars(model.geometry), "radius": 4})
    whole = tiling.apply(network(model), pixels, short, runtime=FP32, tile=None)
    tiled = tiling.apply(network(model), pixels, short, runtime=FP32, tile=64)
    assert not np.array_equal(whole, tiled)


def test_tiled_is_nearly_whole_in_bf16(model: Model) -> None:
    pixels = noise((130, 150, 3))
    bf16 = choose("cpu", "bf16")
    whole = tiling.apply(network(model), pixels, model.geometry, runtime=bf16, tile=None)
    tiled = tiling.apply(network(model), pixels, model.geometry, runtime=bf16, tile=64)
    difference = np.abs(whole.astype(int) - tiled.astype(int))
    assert difference.max() <= 1
    assert (difference > 0).mean() <= 1e-3


def test_grey_is_the_mean_of_three_equal_channels(model: Model) -> None:
    grey = noise((40, 50)) // 2 + 64  # far from where clipping the three would tell
    colour = tiling.apply(
        network(model), np.dstack([grey] * 3), model.geometry, runtime=FP32, tile=None
    )
    result = tiling.apply(network(model), grey, model.geometry, runtime=FP32, tile=None)
    assert np.abs(result - colour.mean(2)).max() <= 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (-0.2, 0),
        (0.0, 0),
        (0.49 / 255, 0),
        (0.51 / 255, 1),
        (254.4 / 255, 254),
        (1.0, 255),
        (3, 255),
    ],
)
def test_results_are_rounded_and_clipped(value: float, expected: int) -> None:
    result = tiling.apply(
        lambda x: torch.full_like(x, value),
        noise((3, 3)),
        Geometry(1, 1, 0),
        runtime=FP32,
        tile=None,
    )
    assert (result == expected).all()


def test_progress_counts_the_pixels_of_the_image() -> None:
    calls: list[tuple[int, int]] = []
    tiling.apply(
        lambda x: x,
        noise((30, 50)),
        Geometry(multiple_of=8, minimum=16, radius=3),
        runtime=FP32,
        tile=16,
        progress=lambda done, total: calls.append((done, total)),
    )
    assert len(calls) == 2 * 4
    assert calls[-1] == (1500, 1500)
    assert sorted(calls) == calls


class Memory:
    """A function that cannot take more than so many pixels."""

    def __init__(self, limit: int, error: type[Exception] = torch.OutOfMemoryError) -> None:
        self.limit, self.error, self.sizes = limit, error, []

    def __call__(self, x: Tensor) -> Tensor:
        pixels = x.shape[-1] * x.shape[-2]
        self.sizes.append(pixels)
        if pixels > self.limit:
            raise self.error("CUDA out of memory")
        return x


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, RuntimeError, MemoryError])
@pytest.mark.parametrize("tile", [None, 100, 64])
def test_a_tile_that_does_not_fit_is_halved(tile: int | None, error: type[Exception]) -> None:
    pixels = noise((150, 230, 3))
    function = Memory(40 * 40, error)
    result = tiling.apply(function, pixels, Geometry(4, 4, 4), runtime=FP32, tile=tile)
    assert np.array_equal(result, pixels)
    assert sum(size > function.limit for size in function.sizes) <= 4  # later tiles start small


@pytest.mark.parametrize("kind", list(Tiling))
def test_memory_that_never_suffices_is_an_error(kind: Tiling) -> None:
    function = Memory(0)
    with pytest.raises(InputError, match="not enough memory for 90x80 pixels on cpu"):
        tiling.apply(
            function, noise((80, 90)), Geometry(4, 4, 8, tiling=kind), runtime=FP32, tile=None
        )
    assert len(function.sizes) == (1 if kind is Tiling.WHOLE_ONLY else 4)


def test_other_errors_are_not_taken_for_lack_of_memory() -> None:
    def broken(x: Tensor) -> Tensor:
        return x @ torch.rand(1, 2, 3)

    with pytest.raises(RuntimeError):
        tiling.apply(broken, noise((9, 9)), Geometry(1, 1, 0), runtime=FP32, tile=None)


def test_a_model_that_must_see_the_whole_is_never_tiled() -> None:
    sizes = Memory(10**9)
    whole = Geometry(multiple_of=4, minimum=4, radius=0, tiling=Tiling.WHOLE_ONLY)
    tiling.apply(sizes, noise((50, 61)), whole, runtime=FP32, tile=16)
    assert sizes.sizes == [52 * 64]


def overflowing(limit: Callable[[Tensor], bool]) -> tiling.Function:
    weight = torch.ones(3, 3, 1, 1)

    def function(x: Tensor) -> Tensor:
        reduced = torch.nn.functional.conv2d(x, weight).dtype != torch.float32
        return torch.full_like(x, torch.nan if limit(x) or reduced else 0.5)

    return function


def test_values_that_are_not_finite_are_computed_again_in_fp32() -> None:
    result = tiling.apply(
        overflowing(lambda _: False),
        noise((5, 5)),
        Geometry(1, 1, 0),
        runtime=choose("cpu", "bf16"),
        tile=None,
    )
    assert (result == 128).all()


def test_values_that_are_not_finite_are_never_written() -> None:
    with pytest.raises(ModelError, match="not finite"):
        tiling.apply(
            overflowing(lambda _: True),
            noise((5, 5)),
            Geometry(1, 1, 0),
            runtime=choose("cpu", "bf16"),
            tile=None,
        )


def test_auto_takes_small_images_whole_and_cuts_large_ones() -> None:
    geometry = Geometry(multiple_of=8, minimum=8, radius=50, memory=500)
    assert tiling.auto_tile(geometry, FP32, noise((1000, 1000, 3))) is None
    large = np.broadcast_to(np.uint8(0), (10_000, 10_000, 3))
    tile = tiling.auto_tile(geometry, FP32, large)
    assert tile is not None
    assert tile % 8 == 0
    work = (tile + 2 * 56) ** 2 * 500
    assert 400 << 20 < work < (1000 << 20) - 2 * large.nbytes
    bf16 = Runtime(FP32.device, Precision.BF16, "")
    assert (tiling.auto_tile(geometry, bf16, large) or 0) > tile


def test_auto_never_takes_a_tile_shorter_than_its_halo() -> None:
    far = Geometry(multiple_of=8, minimum=8, radius=2000, memory=500)
    large = np.broadcast_to(np.uint8(0), (10_000, 10_000, 3))
    assert tiling.auto_tile(far, FP32, large) == 2000
