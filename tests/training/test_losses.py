"""The pixel losses: how each weighs errors within a picture and between pictures."""

from __future__ import annotations

import pytest
import torch

from aecli.training.objectives.base import pixel_loss

SPREAD = 0.1
"""An error of every pixel."""


@pytest.mark.parametrize(
    ("name", "concentrated"),
    [("l1", 1.0), ("charbonnier", 1.0), ("mse", 4.0), ("rmse", 2.0)],
)
def test_the_same_error_on_a_quarter_of_the_pixels(name: str, concentrated: float) -> None:
    clean = torch.zeros(1, 3, 8, 8)
    few = clean.clone()
    few[:, :, :4, :4] = 4 * SPREAD
    loss = pixel_loss(name)
    ratio = loss(few, clean) / loss(clean + SPREAD, clean)
    assert ratio == pytest.approx(concentrated, rel=0.01)


def test_rmse_weighs_pictures_evenly() -> None:
    clean = torch.zeros(2, 3, 8, 8)
    output = clean.clone()
    output[0] += 0.1
    output[1] += 0.3
    assert pixel_loss("rmse")(output, clean) == pytest.approx(0.2, rel=1e-3)
    assert pixel_loss("mse")(output, clean) == pytest.approx(0.05, rel=1e-3)


def test_psnr_weighs_decibels_evenly() -> None:
    clean = torch.zeros(2, 3, 8, 8)
    both, other = clean.clone(), clean.clone()
    both[0], both[1] = 0.02, 0.2
    other[0], other[1] = 0.04, 0.1
    loss = pixel_loss("psnr")
    assert loss(both, clean) == pytest.approx(float(loss(other, clean)), abs=0.01)


@pytest.mark.parametrize("name", ["rmse", "psnr"])
def test_a_perfect_picture_has_a_gradient(name: str) -> None:
    output = torch.zeros(1, 3, 4, 4, requires_grad=True)
    pixel_loss(name)(output, torch.zeros(1, 3, 4, 4)).backward()
    assert output.grad is not None
    assert torch.isfinite(output.grad).all()
