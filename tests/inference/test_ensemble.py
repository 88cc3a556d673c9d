from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import conv2d, pixel_shuffle

from aecli.images.image import Image
from aecli.inference.ensemble import averaged
from aecli.inference.restore import Restorer
from aecli.inference.upscale import Enlarger

if TYPE_CHECKING:
    from pathlib import Path


def double(x: Tensor) -> Tensor:
    """Something that enlarges, and treats no direction like another."""
    kernel = torch.randn(12, 3, 3, 3, generator=torch.Generator().manual_seed(1))
    return pixel_shuffle(conv2d(x, kernel, padding=1), 2)


def picture(height: int, width: int) -> Image:
    pixels = np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)
    return Image(pixels)


def test_a_shift_becomes_a_cross() -> None:
    x = torch.zeros(1, 1, 5, 7)
    x[..., 2, 3] = 8
    mean = averaged(lambda y: y.roll(1, 3))(x)
    cross = torch.zeros(5, 7)
    cross[1, 3] = cross[3, 3] = cross[2, 2] = cross[2, 4] = 2
    assert torch.equal(mean[0, 0], cross)


def test_the_mean_of_all_orientations_has_none() -> None:
    x = torch.rand(2, 3, 6, 9)
    mean = averaged(double)(x)
    assert mean.shape == (2, 3, 12, 18)
    assert not torch.allclose(mean, double(x), atol=0.1)
    for turns in range(4):
        turned = averaged(double)(x.rot90(turns, (2, 3)))
        assert torch.allclose(turned, mean.rot90(turns, (2, 3)), atol=1e-5)
    assert torch.allclose(averaged(double)(x.flip(3)), mean.flip(3), atol=1e-5)


def test_tiles_do_not_change_a_denoised_ensemble(tiny_denoiser: Path) -> None:
    restorer = Restorer.open("denoise", "tiny", device="cpu", precision="fp32")
    image = picture(150, 96)
    plain, whole, tiled = (
        restorer.denoise(image, sigma=25, ensemble=ensemble, tile=tile).image.pixels.astype(int)
        for ensemble, tile in ((False, "off"), (True, "off"), (True, 64))
    )
    assert (plain != whole).mean() > 0.1
    assert np.abs(whole - tiled).max() <= 1
    assert (whole != tiled).sum() <= 1


def test_an_enlarged_ensemble_treats_a_mirrored_picture_alike(tiny_upscaler: Path) -> None:
    enlarger = Enlarger.open("tiny", device="cpu", precision="fp32")
    image = picture(16, 20)
    mirrored = Image(np.ascontiguousarray(image.pixels[:, ::-1]))
    one, other = (
        enlarger.upscale(each, 60, 48, consistent=False, ensemble=True).image.pixels
        for each in (image, mirrored)
    )
    assert np.abs(one[:, ::-1].astype(int) - other).max() <= 1
