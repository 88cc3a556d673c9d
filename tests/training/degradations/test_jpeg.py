"""JPEG in torch against libjpeg's own."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from aecli.training.degradations.jpeg import jpeg, quantisation

from .photographs import is_whole, photographs, to_batch, to_pictures


def by_pillow(picture: np.ndarray, quality: int, subsampling: int) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality, subsampling=subsampling)
    return np.array(Image.open(buffer))


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("size", [(128, 160), (77, 93)])
def test_photographs_come_out_as_libjpeg_makes_them(
    subsampling: int, size: tuple[int, int]
) -> None:
    clean = photographs(*size)
    for quality in (40, 60, 75, 90, 98):
        ours = jpeg(clean, np.full(3, quality), np.full(3, subsampling))
        assert is_whole(ours)
        for mine, picture in zip(to_pictures(ours), to_pictures(clean), strict=True):
            theirs = by_pillow(picture, quality, subsampling)
            assert np.abs(mine.astype(float) - theirs).mean() < 0.25, quality


def test_each_picture_has_its_own_quality_and_subsampling() -> None:
    clean = photographs(48, 64)
    quality, subsampling = np.array([95, 41, 70]), np.array([2, 0, 1])
    together = jpeg(clean, quality, subsampling)
    for k in range(3):
        assert torch.equal(together[k], jpeg(clean[k : k + 1], quality[[k]], subsampling[[k]])[0])


@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_grey_is_coded_as_one_channel(subsampling: int) -> None:
    clean = photographs(64, 64)[:, :1].expand(-1, 3, -1, -1)
    before = clean.clone()
    ours = jpeg(clean, np.full(3, 50), np.full(3, subsampling))
    assert torch.equal(clean, before), "the pictures were written to"
    assert torch.equal(ours[:, 0], ours[:, 1]) and torch.equal(ours[:, 0], ours[:, 2])
    theirs = by_pillow(to_pictures(clean)[0, :, :, 0], 50, 0)
    assert np.abs(to_pictures(ours)[0, :, :, 0].astype(float) - theirs).mean() < 0.25


def test_flat_colours_at_full_quality_hardly_change() -> None:
    colours = np.random.default_rng(0).integers(0, 256, (40, 1, 1, 3), np.uint8)
    flat = to_batch(np.tile(colours, (1, 16, 16, 1)))
    ours = jpeg(flat, np.full(40, 100), np.arange(40) % 3)
    assert float((ours - flat).abs().max()) * 255 < 1.5


def test_the_tables_are_libjpegs() -> None:
    for quality in (1, 25, 49, 50, 77, 100):
        buffer = io.BytesIO()
        Image.new("RGB", (8, 8)).save(buffer, "JPEG", quality=quality)
        theirs = Image.open(buffer).quantization
        assert np.array_equal(quantisation(np.array([quality]))[0], [theirs[0], theirs[1]])
