from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aecli.images import metrics
from aecli.images.metrics import psnr, ssim
from tests.images.samples import noise


def reference_ssim(a: np.ndarray, b: np.ndarray, peak: float) -> float:
    """The definition, window by window."""
    axis = np.arange(11) - 5
    window = np.exp(-(axis[:, None] ** 2 + axis[None, :] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    values = []
    for y in range(a.shape[0] - 10):
        for x in range(a.shape[1] - 10):
            p, q = a[y : y + 11, x : x + 11], b[y : y + 11, x : x + 11]
            mp, mq = (window * p).sum(), (window * q).sum()
            vp, vq = (window * (p - mp) ** 2).sum(), (window * (q - mq) ** 2).sum()
            cov = (window * (p - mp) * (q - mq)).sum()
            luminance = (2 * mp * mq + c1) / (mp**2 + mq**2 + c1)
            values.append(luminance * (2 * cov + c2) / (vp + vq + c2))
    return float(np.mean(values))


@pytest.mark.parametrize("peak", [255, 65535])
def test_ssim_is_what_its_paper_defines(peak: int) -> None:
    dtype = np.uint8 if peak == 255 else np.uint16
    a = noise(17, 19, dtype=dtype)
    b = (a // 2 + noise(17, 19, dtype=dtype, seed=1) // 2).astype(dtype)
    expected = reference_ssim(a.astype(float), b.astype(float), peak)
    assert ssim(a, b, peak) == pytest.approx(expected, abs=1e-9)
    colour = ssim(np.dstack([a, a, a]), np.dstack([b, b, a]), peak)
    assert colour == pytest.approx((2 * expected + 1) / 3, abs=1e-9)


def test_psnr_of_a_known_error() -> None:
    a = np.full((4, 5, 3), 100, np.uint8)
    assert psnr(a, a + np.uint8(1)) == pytest.approx(20 * math.log10(255))
    assert psnr(a.astype(np.uint16), a + np.uint16(257), 65535) == pytest.approx(48.13, abs=0.01)
    assert psnr(np.zeros((2, 2)), np.full((2, 2), 0.5), peak=1.0) == pytest.approx(6.0206, abs=1e-4)


@given(st.integers(1, 14), st.integers(1, 14), st.booleans())
def test_equal_pictures_of_any_size_are_perfect(height: int, width: int, colour: bool) -> None:
    a = noise(height, width, *([3] if colour else []))
    assert psnr(a, a) == math.inf
    assert ssim(a, a) == pytest.approx(1)
    assert ssim(a, 255 - a) <= 1


@pytest.mark.parametrize("strip", [1, 37, 500])
def test_strips_change_nothing(monkeypatch: pytest.MonkeyPatch, strip: int) -> None:
    a, b = noise(40, 13, 3), noise(40, 13, 3, seed=1)
    whole = psnr(a, b), ssim(a, b)
    monkeypatch.setattr(metrics, "_STRIP", strip)
    assert (psnr(a, b), ssim(a, b)) == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("measure", [psnr, ssim])
def test_different_shapes_are_refused(measure) -> None:
    with pytest.raises(ValueError, match=r"\(4, 4\) and \(4, 4, 3\)"):
        measure(noise(4, 4), noise(4, 4, 3))
