"""Blurs: their kernels' moments, and what they do to pictures."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from aecli.training.degradations.blur import (
    LOST,
    TAPS,
    blur,
    gaussian,
    identity,
    plateau,
    sinc,
    unsharp,
)

from .photographs import photographs


def moments(kernel: np.ndarray) -> np.ndarray:
    """2x2 covariance of (x, y)."""
    y, x = np.mgrid[:TAPS, :TAPS] - TAPS // 2
    return np.array([[(kernel * x * x).sum(), (kernel * x * y).sum()], [0, (kernel * y * y).sum()]])


def test_gaussians_have_the_axes_asked_for() -> None:
    sigma, ratio, angle = (
        np.array([2.0, 2.0, 1.5]),
        np.array([0.5, 0.5, 1.0]),
        np.array([0, 0.7, 2]),
    )
    for k, kernel in enumerate(gaussian(sigma, ratio, angle)):
        long, short = sigma[k] ** 2, (sigma[k] * ratio[k]) ** 2
        c, s = np.cos(angle[k]), np.sin(angle[k])
        found = moments(kernel)
        assert found[0, 0] == pytest.approx(long * c * c + short * s * s, rel=0.02)
        assert found[1, 1] == pytest.approx(long * s * s + short * c * c, rel=0.02)
        assert found[0, 1] == pytest.approx((long - short) * c * s, abs=0.04)


def test_a_blur_with_the_gaussian_is_the_gaussian() -> None:
    clean = photographs(40, 50)
    axis = torch.arange(TAPS) - TAPS // 2
    taps = torch.exp(-0.5 * (axis / 1.3) ** 2)
    taps = taps / taps.sum()
    padded = F.pad(clean, (TAPS // 2,) * 4, mode="reflect")
    rows = F.conv2d(padded, taps.view(1, 1, -1, 1).expand(3, 1, -1, 1), groups=3)
    expected = F.conv2d(rows, taps.view(1, 1, 1, -1).expand(3, 1, 1, -1), groups=3)
    kernels = gaussian(np.full(3, 1.3))
    assert torch.allclose(blur(clean, kernels), expected, atol=LOST)


def test_each_picture_has_its_own_kernel_turned_as_in_a_convolution() -> None:
    dot = torch.zeros(2, 3, 31, 31)
    dot[:, :, 15, 15] = 1
    kernels = np.random.default_rng(0).random((2, TAPS, TAPS))
    kernels /= kernels.sum((1, 2), keepdims=True)
    out = blur(dot, kernels)[..., 5:-5, 5:-5]
    assert np.allclose(out.numpy(), kernels[:, None], atol=1e-6)


def test_kernels_sum_to_one_and_keep_flat_pictures() -> None:
    n = 6
    sigma, ones, rng = np.linspace(0, 4, n), np.ones(n), np.random.default_rng(0)
    shape = rng.uniform(0.5, 3, n)
    kernels = np.concatenate(
        [
            gaussian(sigma, ones * 0.6, ones, shape),
            plateau(sigma, ones * 0.6, ones, shape),
            sinc(rng.uniform(1, np.pi, n)),
            unsharp(sigma, ones),
            identity(n),
        ]
    )
    assert np.allclose(kernels.sum((1, 2)), 1)
    flat = torch.full((len(kernels), 3, 12, 16), 0.3)  # smaller than the kernels
    assert torch.allclose(blur(flat, kernels), flat, atol=1e-5)


def test_no_blur_is_none() -> None:
    none = gaussian(np.zeros(1))
    assert np.allclose(none, identity(1))
    assert np.allclose(unsharp(np.ones(1), np.zeros(1)), identity(1))


def test_a_sinc_passes_what_is_below_its_cutoff_only() -> None:
    response = np.abs(np.fft.fft2(sinc(np.array([np.pi / 2]))[0], (64, 64)))[0, :33]
    assert np.abs(response[:14] - 1).max() < 0.15  # ripples, as a window of TAPS leaves them
    assert response[18:].max() < 0.1


def test_sharpening_raises_contrast_and_a_blur_lowers_it() -> None:
    clean = photographs(64, 64)
    ones = np.ones(3)
    for kernels, more in ((unsharp(ones, ones), True), (plateau(ones, ones, ones, ones), False)):
        out = blur(clean, kernels)
        assert bool((out.var((1, 2, 3)) > clean.var((1, 2, 3))).all()) is more
