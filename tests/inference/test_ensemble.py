from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import conv2d, pixel_shuffle

from aecli.images.image import Image
from aecli.inference.ensemble import averaged
from aecli.inference.restore import Restorer
from aecli.inference.upscale import Upscaler

if TYPE_CHECKING:
    from pathlib import Path


def double(x: np.ndarray) -> np.ndarray:
    """Something that enlarges, and treats no direction like another."""
    kernel = torch.randn(12, 3, 3, 3, generator=torch.Generator().manual_seed(1))
    values = torch.from_numpy(np.ascontiguousarray(x))
    return pixel_shuffle(conv2d(values, kernel, padding=1), 2).numpy()


def picture(height: int, width: int) -> Image:
    pixels = np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)
    return Image(pixels)


def test_a_shift_becomes_a_cross() -> None:
    x = np.zeros((1, 1, 5, 7), np.float32)
    x[..., 2, 3] = 8
    mean = averaged(lambda y: np.roll(y, 1, 3))(x)
    cross = np.zeros((5, 7), np.float32)
    cross[1, 3] = cross[3, 3] = cross[2, 2] = cross[2, 4] = 2
    assert np.array_equal(mean[0, 0], cross)


def test_the_mean_of_all_orientations_has_none() -> None:
    x = np.random.default_rng(0).random((2, 3, 6, 9), np.float32)
    mean = averaged(double)(x)
    assert mean.shape == (2, 3, 12, 18)
    assert mean.dtype == np.float32
    assert not np.allclose(mean, double(x), atol=0.1)
    for turns in range(4):
        turned = averaged(double)(np.rot90(x, turns, (2, 3)))
        assert np.allclose(turned, np.rot90(mean, turns, (2, 3)), atol=1e-5)
    assert np.allclose(averaged(double)(x[..., ::-1]), mean[..., ::-1], atol=1e-5)


def test_tiles_do_not_change_a_denoised_ensemble(tiny_denoiser: Path) -> None:
    restorer = Restorer.open("tiny", device="cpu", precision="fp32")
    image = picture(150, 96)
    plain, whole, tiled = (
        restorer.denoise(image, sigma=25, ensemble=ensemble, tile=tile).image.pixels.astype(int)
        for ensemble, tile in ((False, "off"), (True, "off"), (True, 64))
    )
    assert (plain != whole).mean() > 0.1
    assert np.abs(whole - tiled).max() <= 1
    assert (whole != tiled).sum() <= 1


def test_an_enlarged_ensemble_treats_a_mirrored_picture_alike(tiny_upscaler: Path) -> None:
    upscaler = Upscaler.open("tiny", device="cpu", precision="fp32")
    image = picture(16, 20)
    mirrored = Image(np.ascontiguousarray(image.pixels[:, ::-1]))
    one, other = (
        upscaler.upscale(each, 60, 48, consistent=False, ensemble=True).image.pixels
        for each in (image, mirrored)
    )
    assert np.abs(one[:, ::-1].astype(int) - other).max() <= 1
