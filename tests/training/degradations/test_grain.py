"""Coloured noise: soft, coarse, uneven."""

import torch

from aecli.training.degradations.draws import Draws
from aecli.training.degradations.grain import coloured_noise, curve
from aecli.training.degradations.noise import is_grey

from .photographs import photographs

CPU = torch.device("cpu")


def drawn(clean: torch.Tensor, seed: int = 0) -> torch.Tensor:
    return coloured_noise(clean, Draws(seed, range(len(clean)), CPU), is_grey(clean))


def beside(noise: torch.Tensor) -> torch.Tensor:
    """Correlation of neighbours, of each picture."""
    product = (noise[..., 1:] * noise[..., :-1]).mean((1, 2, 3))
    return product / noise.square().mean((1, 2, 3))


def test_strength_and_grain_vary_widely() -> None:
    noise = drawn(torch.full((200, 3, 48, 48), 0.45) + torch.tensor([0, 0.01, 0])[:, None, None])
    level = noise.square().mean((1, 2, 3)).sqrt() * 255
    assert level.quantile(0.1) < 2.5
    assert level.quantile(0.9) > 8
    fine = beside(noise)
    assert fine.min() < 0.1
    assert fine.max() > 0.8


def test_colours_are_smeared_further_than_luma() -> None:
    noise = drawn(torch.rand(100, 3, 1, 1).expand(-1, -1, 48, 48).contiguous())
    luma = noise.mean(1, keepdim=True)
    wider = (beside(noise - luma) > beside(luma) - 0.02).float().mean()
    assert wider > 0.8


def test_grains_may_lie_or_stand() -> None:
    noise = drawn(torch.rand(300, 3, 1, 1).expand(-1, -1, 48, 48).contiguous(), 2).mean(1, True)
    leaning = beside(noise) - beside(noise.mT)
    assert leaning.max() > 0.3
    assert leaning.min() < -0.3
    assert abs(float(leaning.mean())) < 0.1


def test_grey_pictures_have_grey_noise() -> None:
    clean = photographs(32, 32).mean(1, keepdim=True).expand(-1, 3, -1, -1).contiguous()
    noise = drawn(clean)
    assert torch.allclose(noise[:, :1].expand_as(noise), noise, atol=1e-6)


def test_a_curve_goes_through_its_knots() -> None:
    knots = torch.tensor([[0.0, 1.0, 4.0]])
    x = torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0]).view(1, 1, 1, 5)
    assert curve(x, knots).flatten().tolist() == [0.0, 0.5, 1.0, 2.5, 4.0]
