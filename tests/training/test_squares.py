from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from aecli.datasets.collecting import collect
from aecli.errors import TrainingError, UsageError
from aecli.training import squares
from aecli.training.config import DataConfig
from aecli.training.squares import SquareDataset, Squares

CPU = torch.device("cpu")


def load(*names: Path, **changed: object) -> Squares:
    options = {"size": 16, "channels": 3, "classes": (), "config": DataConfig(), "report": print}
    return squares.load(collect([str(n) for n in names]), **options | changed)


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
    with pytest.raises(UsageError, match="is of no class"):
        load(images, classes=("cat", "dog"))


def test_more_than_fits_is_refused_with_the_cure(images: Path) -> None:
    with pytest.raises(UsageError, match=r"data\.cache_mb") as caught:
        load(images, size=1024, config=DataConfig(cache_mb=17))
    assert "data.cache_mb=19" in (caught.value.hint or "")


def test_squares_come_by_number_alone_and_none_is_missed(images: Path) -> None:
    pool = load(images)
    dataset, again = (SquareDataset(pool, seed=5, device=CPU) for _ in range(2))
    assert dataset.names == again.names
    numbers = np.array([17, 3, 100, 3])
    places = dataset.places(numbers)
    assert np.array_equal(places, again.places(numbers))
    assert np.array_equal(places[1:2], dataset.places(np.array([3])))
    assert np.array_equal(dataset.images[places].numpy(), pool.images[places])
    orders = dataset.places(np.arange(24)).reshape(4, 6)
    assert (np.sort(orders) == np.arange(6)).all()
    assert len({tuple(order) for order in orders.tolist()}) > 1


def test_mirrored_pictures_lie_beside_the_others(images: Path) -> None:
    pool = load(images)
    both = pool.with_mirrored()
    assert len(both) == 12
    assert np.array_equal(both.images[6:], pool.images[:, :, ::-1])
    assert SquareDataset(both, 0, CPU).names != SquareDataset(pool, 0, CPU).names
