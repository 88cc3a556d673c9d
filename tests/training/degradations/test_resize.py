"""Resampling by matrices against the project's own, Pillow's and torch's."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from aecli.images.resample import resample
from aecli.training.degradations import resize as degradations
from aecli.training.degradations.resize import KERNELS, resize, resize_each

from .photographs import is_whole, photographs, to_pictures

PILLOWS = {
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@pytest.mark.parametrize("size", [(36, 48), (24, 32), (18, 24), (55, 61), (100, 192)])
def test_resampling_is_that_of_inference(size: tuple[int, int]) -> None:
    clean = photographs(72, 96)
    ours = degradations.resample(clean, *size)
    assert is_whole(ours)
    theirs = [resample(picture, *size) for picture in to_pictures(clean)]
    difference = to_pictures(ours).astype(int) - np.stack(theirs)
    assert np.abs(difference).max() <= 1
    assert (difference != 0).mean() < 0.001


def test_shrinking_is_resampling() -> None:
    clean = photographs(72, 96)
    for scale in (2, 3, 4):
        expected = degradations.resample(clean, 72 // scale, 96 // scale)
        assert torch.equal(degradations.shrink(clean, scale), expected)


@pytest.mark.parametrize("kernel", PILLOWS)
@pytest.mark.parametrize("size", [(31, 40), (96, 120)])
def test_antialiased_kernels_are_pillows(kernel: str, size: tuple[int, int]) -> None:
    clean = photographs(72, 96)[:, 0]
    ours = resize(clean[:, None], *size, kernel)[:, 0]
    inner = (slice(10, -10), slice(10, -10))  # Pillow cuts its kernels at the border
    for mine, picture in zip(ours.numpy(), clean.numpy(), strict=True):
        theirs = np.array(Image.fromarray(picture).resize(size[::-1], PILLOWS[kernel]))
        assert np.allclose(mine[inner], theirs[inner], atol=1e-5)


def test_plain_kernels_are_torchs() -> None:
    clean = photographs(72, 96)
    theirs = F.interpolate(clean, (32, 128), mode="nearest-exact")
    assert torch.equal(resize(clean, 32, 128, "nearest"), theirs)
    theirs = F.interpolate(clean, (25, 200), mode="bilinear")
    assert torch.allclose(resize(clean, 25, 200, "plain bilinear"), theirs, atol=1e-5)
    inner = resize(clean, 36, 48, "plain bicubic")[..., 3:-3, 3:-3]
    # Keys' kernel halfway between two samples: -1/16, 9/16, 9/16, -1/16
    weights = torch.tensor([-1.0, 9.0, 9.0, -1.0]) / 16
    weights = (weights[:, None] * weights).expand(3, 1, 4, 4)
    theirs = F.conv2d(clean[..., 5:-5, 5:-5], weights, stride=2, groups=3)
    assert torch.allclose(inner, theirs, atol=1e-5)


@pytest.mark.parametrize("kernel", KERNELS)
@settings(max_examples=20, deadline=None)
@given(source=st.integers(1, 70), target=st.integers(1, 70), level=st.floats(0, 1))
def test_flat_pictures_stay_flat(kernel: str, source: int, target: int, level: float) -> None:
    flat = torch.full((1, 1, source, 5), level)
    assert torch.allclose(resize(flat, target, 9, kernel), torch.tensor(level), atol=1e-5)


def test_pictures_of_different_sizes_in_one_batch() -> None:
    clean = photographs(64, 80)
    kernels = ["lanczos", "box", "plain bilinear"]
    before = np.array([[64, 80], [40, 40], [16, 72]])
    after = np.array([[24, 32], [40, 48], [48, 16]])
    out = resize_each(clean, before, after, kernels, (50, 56))
    assert out.shape == (3, 3, 50, 56)
    for k, kernel in enumerate(kernels):
        alone = clean[k : k + 1, :, : before[k, 0], : before[k, 1]]
        expected = resize(alone, *after[k].tolist(), kernel)[0]
        height, width = after[k]
        assert torch.allclose(out[k, :, :height, :width], expected, atol=1e-5)
        last = out[k, :, height - 1 : height, :width]
        assert torch.equal(out[k, :, height:, :width], last.expand(-1, 50 - height, -1))
