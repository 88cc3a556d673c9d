"""A real network tile by tile, and what can go wrong; for the geometry see tests/property."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from aecli.checkpoints import format as checkpoints
from aecli.device import Precision, choose
from aecli.errors import InputError, ModelError
from aecli.inference import tiling
from aecli.inference.engine_ncnn import NcnnEngine
from aecli.inference.engine_torch import TorchEngine
from aecli.models.registry import Geometry, Tiling

if TYPE_CHECKING:
    from pathlib import Path

    from aecli.inference.engine import Call, Engine

FP32 = choose("cpu", "fp32")
SIZES = [(1, 1), (1, 7), (64, 1), (3, 130), (63, 65), (64, 64), (127, 201), (201, 330)]


@pytest.fixture(params=["ncnn", "torch"])
def engine(request: pytest.FixtureRequest, tiny_denoiser: Path) -> Engine:
    return (
        NcnnEngine(tiny_denoiser) if request.param == "ncnn" else TorchEngine(tiny_denoiser, FP32)
    )


def network(call: Call) -> list[tiling.Function]:
    return [lambda x: call("restore", x, np.full_like(x[:, :1], 25 / 255))]


def noise(shape: tuple[int, ...], dtype: type[np.generic] = np.uint8) -> np.ndarray:
    return np.random.default_rng(5).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [(), (3,)])
@pytest.mark.parametrize("size", SIZES)
def test_tiled_is_whole(
    engine: Engine, size: tuple[int, int], channels: tuple[int, ...], dtype: type[np.generic]
) -> None:
    pixels = noise((*size, *channels), dtype)
    whole = tiling.apply(network(engine.fp32[0]), pixels, engine.geometry, tile=None)
    tiled = tiling.apply(network(engine.fp32[0]), pixels, engine.geometry, tile=64)
    assert whole.dtype == pixels.dtype
    assert whole.shape == pixels.shape
    assert not np.array_equal(whole, pixels)
    difference = np.abs(whole.astype(int) - tiled.astype(int))
    assert difference.max() <= 1
    # Winograd's convolutions round differently from tile to tile; and a 16-bit level is 256 times
    # finer, and as much more often on the edge of the next one
    share = 1e-5 if engine.name == "torch" else 1e-3
    assert (difference > 0).sum() <= difference.size * share * (1 if dtype == np.uint8 else 256)


def test_a_halo_shorter_than_the_receptive_field_shows(engine: Engine) -> None:
    pixels = noise((200, 200, 3))
    short = Geometry(**{**vars(engine.geometry), "radius": 4})
    whole = tiling.apply(network(engine.fp32[0]), pixels, short, tile=None)
    tiled = tiling.apply(network(engine.fp32[0]), pixels, short, tile=64)
    assert not np.array_equal(whole, tiled)


def test_tiled_is_nearly_whole_in_bf16(tiny_denoiser: Path) -> None:
    pixels = noise((130, 150, 3))
    engine = TorchEngine(tiny_denoiser, choose("cpu", "bf16"))
    whole = tiling.apply(network(engine.calls[0]), pixels, engine.geometry, tile=None)
    tiled = tiling.apply(network(engine.calls[0]), pixels, engine.geometry, tile=64)
    difference = np.abs(whole.astype(int) - tiled.astype(int))
    assert difference.max() <= 1
    assert (difference > 0).mean() <= 1e-3


def test_grey_is_the_mean_of_three_equal_channels(engine: Engine) -> None:
    grey = noise((40, 50)) // 2 + 64  # far from where clipping the three would tell
    functions, three = network(engine.fp32[0]), np.dstack([grey] * 3)
    colour = tiling.apply(functions, three, engine.geometry, tile=None)
    result = tiling.apply(functions, grey, engine.geometry, tile=None)
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
        [lambda x: np.full_like(x, value)],
        noise((3, 3)),
        Geometry(1, 1, 0),
        tile=None,
    )
    assert (result == expected).all()


def test_progress_counts_the_pixels_of_the_image() -> None:
    calls: list[tuple[int, int]] = []
    tiling.apply(
        [lambda x: x],
        noise((30, 50)),
        Geometry(multiple_of=8, minimum=16, radius=3),
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

    def __call__(self, x: np.ndarray) -> np.ndarray:
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
    result = tiling.apply([function], pixels, Geometry(4, 4, 4), tile=tile)
    assert np.array_equal(result, pixels)
    assert sum(size > function.limit for size in function.sizes) <= 4  # later tiles start small


@pytest.mark.parametrize("kind", list(Tiling))
def test_memory_that_never_suffices_is_an_error(kind: Tiling) -> None:
    function = Memory(0)
    with pytest.raises(InputError, match="not enough memory for 90x80 pixels"):
        tiling.apply([function], noise((80, 90)), Geometry(4, 4, 8, tiling=kind), tile=None)
    assert len(function.sizes) == (1 if kind is Tiling.WHOLE_ONLY else 4)


def test_other_errors_are_not_taken_for_lack_of_memory() -> None:
    def broken(x: np.ndarray) -> np.ndarray:
        return (torch.from_numpy(x) @ torch.rand(1, 2, 3)).numpy()

    with pytest.raises(RuntimeError):
        tiling.apply([broken], noise((9, 9)), Geometry(1, 1, 0), tile=None)


def test_a_model_that_must_see_the_whole_is_never_tiled() -> None:
    sizes = Memory(10**9)
    whole = Geometry(multiple_of=4, minimum=4, radius=0, tiling=Tiling.WHOLE_ONLY)
    tiling.apply([sizes], noise((50, 61)), whole, tile=16)
    assert sizes.sizes == [52 * 64]


def test_values_that_are_not_finite_are_computed_again_another_way() -> None:
    functions = [lambda x: np.full_like(x, np.nan), lambda x: np.full_like(x, 0.5)]
    result = tiling.apply(functions, noise((5, 5)), Geometry(1, 1, 0), tile=None)
    assert (result == 128).all()


def test_values_that_are_not_finite_are_never_written() -> None:
    functions = [lambda x: np.full_like(x, np.inf), lambda x: np.full_like(x, -np.inf)]
    with pytest.raises(ModelError, match="not finite"):
        tiling.apply(functions, noise((5, 5)), Geometry(1, 1, 0), tile=None)


def sized(path: Path, precision: Precision = Precision.FP32, **geometry: int) -> Engine:
    """An engine of a network that is told to be of other dimensions than it is."""
    engine = TorchEngine(path, replace(FP32, precision=precision))
    engine.geometry = Geometry(**geometry)
    engine.memory = engine.geometry.memory * engine.memory / checkpoints.load(path).geometry.memory
    return engine


def test_auto_takes_small_images_whole_and_cuts_large_ones(tiny_denoiser: Path) -> None:
    told = {"multiple_of": 8, "minimum": 8, "radius": 50, "memory": 500}
    engine = sized(tiny_denoiser, **told)
    assert tiling.auto_tile(engine, noise((1000, 1000, 3))) is None
    large = np.broadcast_to(np.uint8(0), (10_000, 10_000, 3))
    tile = tiling.auto_tile(engine, large)
    assert tile is not None
    assert not any(side % 8 for side in tile)
    work = prod(side + 2 * 56 for side in tile) * 500
    assert 300 << 20 < work < (1000 << 20) - 2 * large.nbytes
    larger = tiling.auto_tile(sized(tiny_denoiser, Precision.BF16, **told), large)
    assert larger is not None
    assert prod(larger) > prod(tile)


def test_auto_computes_least_in_halos(tiny_denoiser: Path) -> None:
    """No other cut whose tiles fit, tried out, computes less."""
    engine = sized(tiny_denoiser, multiple_of=8, minimum=8, radius=91, memory=1200)
    height, width = 1080, 1620
    photo = np.broadcast_to(np.uint8(0), (height, width, 3))
    most = engine.room(2 * photo.nbytes) / engine.memory
    whole = tiling.Box(0, 1080, 0, 1624)

    def computed(tile: tuple[int, int]) -> float:
        sizes = []
        for box in tiling.cut(whole, tile, 8):
            top, bottom = tiling._with_halo(box.top, box.bottom, 1080, engine.geometry)
            left, right = tiling._with_halo(box.left, box.right, 1624, engine.geometry)
            sizes.append((bottom - top) * (right - left))
        return sum(sizes) if max(sizes) <= most else np.inf

    tile = tiling.auto_tile(engine, photo)
    assert tile is not None
    others = [(-(-1080 // r), -(-1624 // c)) for r in range(1, 7) for c in range(1, 9)]
    assert computed(tile) <= min(map(computed, others)) < np.inf


def test_auto_never_takes_a_tile_shorter_than_its_halo(tiny_denoiser: Path) -> None:
    far = sized(tiny_denoiser, multiple_of=8, minimum=8, radius=2000, memory=500)
    large = np.broadcast_to(np.uint8(0), (10_000, 10_000, 3))
    tile = tiling.auto_tile(far, large)
    assert tile is not None
    assert min(tile) >= 2000
