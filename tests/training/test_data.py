from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aecli.errors import TrainingError
from aecli.training.config import DataConfig
from aecli.training.data import Batch, Crops, ImagePool, at_least, batches, split, symmetry


def paths(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.png"))


def plain(clean: np.ndarray, rng: np.random.Generator) -> Batch:
    colour = clean if clean.ndim == 3 else np.repeat(clean[..., None], 3, axis=2)
    return {"clean": colour, "draw": rng.random(1)}


def take(
    folder: Path, config: DataConfig, count: int, limit: int = 1 << 30, **share: int
) -> list[Batch]:
    stream = batches(
        Crops(ImagePool(paths(folder), limit), config, seed=3),
        plain,
        first_step=share.pop("first_step", 0),
        **share,
    )
    taken = list(islice(stream, count))
    stream.close()
    return taken


def same(a: Batch, b: Batch) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


CONFIG = DataConfig(crop=24, batch=4, grey=0.3, shrink=0.5)


def test_batches_depend_on_their_number_alone(images: Path) -> None:
    whole = take(images, CONFIG, 6)
    later = take(images, CONFIG, 3, first_step=3)
    assert all(map(same, whole[3:], later))
    assert not same(whole[0], whole[1])


@pytest.mark.parametrize("limit", [1 << 30, 14000])
def test_ranks_share_the_batch(images: Path, limit: int) -> None:
    whole = take(images, CONFIG, 3, limit)
    halves = [take(images, CONFIG, 3, limit, rank=r, ranks=2) for r in range(2)]
    for batch, first, second in zip(whole, *halves, strict=True):
        assert same(batch, {k: np.concatenate([first[k], second[k]]) for k in batch})


def test_every_image_is_seen_although_few_fit(images: Path) -> None:
    pool = ImagePool(paths(images), 14000)
    assert not pool.fits
    crops = Crops(pool, CONFIG, seed=0)
    seen = {crops._index(k, np.random.default_rng(k)) for k in range(2000)}
    assert seen == set(range(len(pool)))
    for k in range(0, 2000, 50):
        crops[k]
    assert pool._bytes <= 14000


def test_small_and_grey_images_give_whole_crops(images: Path) -> None:
    for batch in take(images, DataConfig(crop=80, batch=6, shrink=1), 4):
        assert batch["clean"].shape == (6, 80, 80, 3)


def test_corrupt_images_are_named_and_skipped(images: Path, tmp_path: Path) -> None:
    good = paths(images)[0]
    broken = tmp_path / "broken.png"
    broken.write_bytes(good.read_bytes()[:-40])
    text = tmp_path / "text.png"
    text.write_text("no picture")
    said: list[str] = []
    pool = ImagePool([broken, good, text], 1 << 30, said.append)
    assert len(pool) == 2
    assert np.array_equal(pool.get(0), pool.get(1))
    pool.get(0)
    assert len(said) == 2
    assert "text.png" in said[0]
    assert "broken.png" in said[1]
    with pytest.raises(TrainingError, match="no readable image"):
        ImagePool([text], 1 << 30)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 30))
def test_extension_keeps_the_image(height: int, width: int, side: int) -> None:
    image = np.arange(height * width * 3, dtype=np.uint8).reshape(height, width, 3)
    larger = at_least(image, side)
    assert larger.shape == (max(height, side), max(width, side), 3)
    assert np.array_equal(larger[:height, :width], image)


def test_symmetries_are_eight_different_ones() -> None:
    image = np.arange(9, dtype=np.uint8).reshape(3, 3)
    assert len({symmetry(image, n).tobytes() for n in range(8)}) == 8


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
