from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecli.errors import TrainingError, UsageError
from aecli.training import sources, squares
from aecli.training.config import DataConfig
from aecli.training.squares import Draws, Squares


def load(*names: Path, **changed: object) -> Squares:
    options = {"size": 16, "channels": 3, "classes": (), "config": DataConfig(), "report": print}
    return squares.load(sources.collect([str(n) for n in names]), **options | changed)


def test_pictures_become_squares(images: Path) -> None:
    assert load(images).images.shape == (6, 16, 16, 3)
    assert load(images, channels=1).images.shape == (6, 16, 16)
    assert load(images).labels.tolist() == [0] * 6


def test_a_picture_that_fits_stays_as_it_is_and_alpha_lies_on_white(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 4), np.uint8)
    pixels[..., 3] = 255
    pixels[0, :, 3] = 0
    Image.fromarray(pixels).save(tmp_path / "icon.png")
    [square] = load(tmp_path).images
    assert np.array_equal(square[1:], pixels[1:, :, :3])
    assert (square[0] == 255).all()


def test_damaged_pictures_are_named_and_left_out(images: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n junk")
    said: list[str] = []
    assert len(load(images, tmp_path, report=said.append)) == 6
    assert len(said) == 1
    assert "bad.png" in said[0]
    with pytest.raises(TrainingError, match="no readable image"):
        load(tmp_path, report=said.append)


def test_classes_are_numbered_and_others_refused(images: Path, tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.png").write_bytes((images / "image0.png").read_bytes())
    assert load(tmp_path, classes=("dog", "cat")).labels.tolist() == [1, 0]
    with pytest.raises(UsageError, match="is of the class 'cat'") as caught:
        load(tmp_path, classes=("cats", "dog"))
    assert caught.value.hint == "did you mean cats?"
    with pytest.raises(UsageError, match="lies in no sub-folder"):
        load(images, classes=("cat", "dog"))


def test_more_than_fits_is_refused_with_the_cure(images: Path) -> None:
    with pytest.raises(UsageError, match=r"data\.cache_mb") as caught:
        load(images, size=1024, config=DataConfig(cache_mb=17))
    assert "data.cache_mb=19" in (caught.value.hint or "")


def test_draws_depend_on_their_number_alone_and_miss_nothing(images: Path) -> None:
    pool = load(images)
    draws, again = (Draws(pool, DataConfig(), seed=5) for _ in range(2))
    assert draws.names == again.names
    for number in (17, 3, 100, 3):
        (a, one), (b, two) = draws[number], again[number]
        assert (a.index, a.label) == (b.index, b.label)
        assert np.array_equal(a.image, pool.images[a.index])
        assert one.random() == two.random()
    orders = [[draws[6 * epoch + k][0].index for k in range(6)] for epoch in range(4)]
    assert all(sorted(order) == list(range(6)) for order in orders)
    assert len({tuple(order) for order in orders}) > 1


def test_mirrored_pictures_lie_beside_the_others(images: Path) -> None:
    pool = load(images)
    both = pool.with_mirrored()
    assert len(both) == 12
    assert np.array_equal(both.images[6:], pool.images[:, :, ::-1])
    assert Draws(both, DataConfig(), 0).names != Draws(pool, DataConfig(), 0).names
