"""Noisy pictures as people hold them."""

import numpy as np
import pytest
import torch

from aecli.training.degradations.draws import Draws
from aecli.training.degradations.photo import CAMERA, COLOURED, STILL, WHITE, Mixture, noisy_photos

from .photographs import is_whole, photographs

CPU = torch.device("cpu")


def still(count: int, *, all_of_them: bool = False) -> np.ndarray:
    return np.full(count, all_of_them)


def test_kinds_are_drawn_in_their_shares() -> None:
    kinds = Mixture(0.3, 0.4, 0.2).kinds(Draws(0, range(5000), CPU), still(5000))
    shares = [(kinds == k).mean() for k in (WHITE, COLOURED, CAMERA, STILL)]
    assert shares == pytest.approx([0.3, 0.4, 0.2, 0.1], abs=0.02)


def test_graphics_mostly_stay_as_they_are() -> None:
    clean = photographs(32, 32).repeat(40, 1, 1, 1)
    draws = Draws(0, range(len(clean)), CPU)
    noisy, target = noisy_photos(clean, draws, still(120, all_of_them=True), Mixture())
    same = (noisy == target).flatten(1).all(1)
    assert 0.5 < same.float().mean() < 0.9
    assert torch.equal(target[same], clean[same]), "neither softened nor toned"


def test_what_comes_is_what_an_8_bit_file_holds() -> None:
    clean = photographs(64, 64).repeat(16, 1, 1, 1)
    noisy, target = noisy_photos(clean, Draws(1, range(48), CPU), still(48), Mixture())
    assert is_whole(noisy)
    assert noisy.shape == target.shape == clean.shape
    assert target.isfinite().all()
    assert target.min() >= 0
    assert target.max() <= 1


def test_plain_white_noise_has_the_drawn_levels_and_nothing_else() -> None:
    clean = torch.full((64, 3, 32, 32), 0.5)
    mixture = Mixture(1, 0, 0, sigma_max=20, sigma_power=1, plain=True)
    noisy, target = noisy_photos(clean, Draws(0, range(64), CPU), still(64), mixture)
    assert torch.equal(target, clean)
    level = (noisy - target).std((1, 2, 3)) * 255
    assert level.min() < 2
    assert 18 < level.max() < 21


def test_scenes_are_softened_and_toned_with_their_targets() -> None:
    clean = photographs(64, 64).repeat(20, 1, 1, 1)
    _, target = noisy_photos(clean, Draws(0, range(60), CPU), still(60), Mixture(0, 1, 0))
    changed = (target - clean).abs().mean((1, 2, 3)) > 1 / 255
    assert 0.6 < changed.float().mean() < 1


def test_a_sample_does_not_depend_on_its_batch() -> None:
    clean = photographs(32, 32).repeat(8, 1, 1, 1)
    whole = noisy_photos(clean, Draws(3, range(24), CPU), still(24), Mixture())
    part = noisy_photos(clean[9:13], Draws(3, range(9, 13), CPU), still(4), Mixture())
    for a, b in zip(whole, part, strict=True):
        assert torch.allclose(a[9:13], b, atol=2 / 255)
        assert (a[9:13] == b).float().mean() > 0.999
