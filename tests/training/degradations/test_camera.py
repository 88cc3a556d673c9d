"""Synthetic cameras: what they do to light, and that it is the same for the reference."""

import numpy as np
import pytest
import torch
from torch import Tensor

from aecli.training.degradations.camera import (
    BILINEAR,
    EDGES,
    GRADIENT,
    demosaic,
    photographs,
)
from aecli.training.degradations.draws import Draws
from aecli.training.degradations.noise import is_grey

from .photographs import photographs as pictures

CPU = torch.device("cpu")
KINDS = (BILINEAR, GRADIENT, EDGES)


def each(value: int, count: int) -> np.ndarray:
    return np.full(count, value, np.int64)


def waves(side: int = 48) -> Tensor:
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    wave = [0.5 + 0.3 * torch.sin(rows / a + columns / b) for a, b in ((9, 12), (11, 8), (10, 13))]
    return torch.stack(wave)[None]


@pytest.mark.parametrize("kind", KINDS)
def test_smooth_light_survives_demosaicing_wherever_the_array_starts(kind: int) -> None:
    light = waves().repeat(4, 1, 1, 1)
    developed = demosaic(light, np.arange(4), each(kind, 4))
    assert (developed - light)[..., 4:-4, 4:-4].abs().max() < 0.02


@pytest.mark.parametrize("kind", KINDS)
def test_every_pixel_keeps_the_colour_that_its_filter_let_through(kind: int) -> None:
    light = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    developed = demosaic(light, each(0, 1), each(kind, 1))
    for channel, top, left in ((0, 0, 0), (1, 0, 1), (1, 1, 0), (2, 1, 1)):
        seen = (0, channel, slice(top, None, 2), slice(left, None, 2))
        assert torch.allclose(developed[seen], light[seen], atol=1e-6)


def test_edges_are_followed_better_than_by_bilinear_interpolation() -> None:
    edge = torch.zeros(1, 3, 32, 32)
    edge[..., 16:] = 0.8
    errors = [(demosaic(edge, each(0, 1), each(k, 1)) - edge).abs().mean() for k in KINDS]
    assert errors[EDGES] < 0.5 * errors[BILINEAR]


def test_photographs_differ_from_their_references_by_noise_of_every_strength() -> None:
    clean = pictures(64, 64).repeat(40, 1, 1, 1)
    grey = is_grey(clean)
    noisy, reference = photographs(clean, Draws(0, range(len(clean)), CPU), grey)
    level = (noisy - reference).square().mean((1, 2, 3)).sqrt() * 255
    assert level.min() < 3
    assert level.max() > 15
    assert level.isfinite().all()
    assert reference.min() >= 0
    assert reference.max() <= 1


def test_noise_of_cameras_is_correlated_between_neighbours() -> None:
    clean = torch.full((60, 3, 32, 32), 0.5)
    noisy, reference = photographs(
        clean, Draws(1, range(60), CPU), torch.zeros(60, 1, 1, 1, dtype=torch.bool)
    )
    noise = noisy - reference
    noise = noise - noise.mean((2, 3), keepdim=True)
    beside = (noise[..., 1:] * noise[..., :-1]).mean() / noise.square().mean()
    assert beside > 0.2


def test_grey_pictures_are_photographed_in_grey() -> None:
    clean = pictures(32, 32).mean(1, keepdim=True).expand(-1, 3, -1, -1).contiguous()
    noisy, reference = photographs(clean, Draws(0, range(len(clean)), CPU), is_grey(clean))
    assert is_grey(noisy).all()
    assert is_grey(reference).all()


def test_a_photograph_does_not_depend_on_its_batch() -> None:
    clean = pictures(32, 48).repeat(3, 1, 1, 1)
    grey = is_grey(clean)
    whole = photographs(clean, Draws(5, range(9), CPU), grey)
    part = photographs(clean[4:6], Draws(5, [4, 5], CPU), grey[4:6])
    for a, b in zip(whole, part, strict=True):
        assert torch.allclose(a[4:6], b, atol=1e-6)
