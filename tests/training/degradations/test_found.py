"""Found photos: of every quality, aligned with the large picture, each a sample's own."""

import numpy as np
import pytest
import torch
from torch import Tensor

from aecli.training.degradations import found
from aecli.training.degradations.draws import Draws
from aecli.training.degradations.found import KERNELS, found_photo, live
from aecli.training.degradations.noise import is_grey
from aecli.training.degradations.resize import shrink

from .photographs import is_whole, photographs

CPU = torch.device("cpu")


def psnrs(a: Tensor, b: Tensor) -> np.ndarray:
    return (-10 * (a - b).square().mean((1, 2, 3)).clamp(min=1e-9).log10()).numpy()


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_they_are_like_the_shrunk_picture_and_of_very_different_quality(scale: int) -> None:
    clean = photographs(120, 96).repeat(20, 1, 1, 1)
    small = found_photo(clean, scale, Draws(0, range(60), CPU))
    assert small.shape == (60, 3, 120 // scale, 96 // scale)
    assert is_whole(small)
    scores = psnrs(small, shrink(clean, scale))
    assert scores.min() > 15
    assert np.percentile(scores, 95) > 34 and np.percentile(scores, 10) < 27


def test_a_samples_fate_does_not_depend_on_its_batch() -> None:
    clean = photographs(64, 64).repeat(4, 1, 1, 1)
    together = found_photo(clean, 2, Draws(3, range(12), CPU))
    for k in (0, 5, 11):
        alone = found_photo(clean[k : k + 1], 2, Draws(3, [k], CPU))
        assert psnrs(alone, together[k : k + 1]) > 55  # rounding: sums are added in another order
    other = found_photo(clean, 2, Draws(4, range(12), CPU))
    assert (psnrs(together, other) < 50).all()
    again = found_photo(clean, 2, Draws(3, range(12), CPU))
    assert torch.equal(together, again)


def test_grey_stays_grey_and_the_large_pictures_are_not_written_to() -> None:
    clean = photographs(64, 48).repeat(10, 1, 1, 1)
    clean[::2] = clean[::2, :1]
    before = clean.clone()
    small = found_photo(clean, 2, Draws(0, range(30), CPU))
    assert torch.equal(clean, before)
    assert is_grey(small).flatten()[::2].all()


def test_any_size_of_crop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(found, "TWICE", 1.0)
    for height, width, scale in ((24, 36, 3), (8, 8, 4), (16, 200, 2)):
        clean = torch.rand(16, 3, height, width).mul(255).round().div(255)
        small = found_photo(clean, scale, Draws(0, range(16), CPU))
        assert small.shape[2:] == (height // scale, width // scale)
        assert is_whole(small)


def test_no_life_moves_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """The centre of a blob stays where it is, whatever the sizes between."""
    monkeypatch.setattr(found, "TWICE", 1.0)
    y, x = torch.meshgrid(torch.arange(96.0), torch.arange(96.0), indexing="ij")
    blob = torch.exp(-((y - 38.5) ** 2 + (x - 55.5) ** 2) / 200)
    clean = blob.expand(40, 3, -1, -1).mul(255).round().div(255)
    small = found_photo(clean, 2, Draws(0, range(40), CPU))[:, 0]
    weight = torch.where(small > 0.3, small, 0.0)
    rows, columns = torch.meshgrid(torch.arange(48.0), torch.arange(48.0), indexing="ij")
    total = weight.sum((1, 2))
    assert ((weight * rows).sum((1, 2)) / total - 19).abs().max() < 0.25
    assert ((weight * columns).sum((1, 2)) / total - 27.5).abs().max() < 0.25


def test_gentle_fates_are_gentle(monkeypatch: pytest.MonkeyPatch) -> None:
    clean = photographs(96, 96).repeat(10, 1, 1, 1)
    ideal = shrink(clean, 2)
    usual = psnrs(found_photo(clean, 2, Draws(0, range(30), CPU)), ideal)
    monkeypatch.setattr(found, "GENTLE", 1.0)
    gentle = psnrs(found_photo(clean, 2, Draws(0, range(30), CPU)), ideal)
    assert gentle.mean() > usual.mean() + 2


def test_a_life_without_harm_is_a_resizing() -> None:
    clean = photographs(64, 64)
    size = np.full((3, 2), 64)
    calm = found.Life("calm", 0, 1, 0, 10, 0, 0, (40, 90))
    out = live(
        clean, calm, size, size, (64, 64), np.ones(3), is_grey(clean), Draws(0, [0, 1, 2], CPU)
    )
    assert torch.equal(out, clean)


def test_every_kernel_has_a_share() -> None:
    assert len(found._SHARES) == len(KERNELS) - 1
    assert list(found._SHARES) == sorted(found._SHARES) and found._SHARES[-1] < 1
