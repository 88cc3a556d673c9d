"""Noise: its level, its dependence on brightness, and what channels have in common."""

import numpy as np
import pytest
import torch

from aecli.training.degradations.draws import Draws
from aecli.training.degradations.noise import is_grey, noise

CPU = torch.device("cpu")


def drawn(level: float, shot: float, common: float, grey: bool = False) -> np.ndarray:
    """(3, pixels) of noise of sigma 10 on a flat picture, on the 0-255 scale."""
    flat = torch.full((1, 3, 100, 100), level / 255)
    kind = (np.array([10.0]), np.array([shot]), np.array([common]))
    noisy = noise(flat, *kind, torch.full((1, 1, 1, 1), grey), Draws(0, [4], CPU), "n")
    return ((noisy - flat) * 255).reshape(3, -1).numpy()


def test_the_level_is_that_of_middle_grey() -> None:
    for shot in (0, 0.4, 1):
        assert float(drawn(128, shot, 0).std()) == pytest.approx(10, rel=0.03)


def test_shot_noise_grows_with_the_signal_and_constant_noise_does_not() -> None:
    assert float(drawn(32, 1, 0).std()) == pytest.approx(5, rel=0.03)
    assert float(drawn(0, 1, 0).std()) == 0
    assert float(drawn(32, 0, 0).std()) == pytest.approx(10, rel=0.03)


@pytest.mark.parametrize("common", [0.0, 0.5, 1.0])
def test_channels_have_a_part_in_common(common: float) -> None:
    correlation = np.corrcoef(drawn(128, 0.5, common))
    assert np.allclose(correlation[~np.eye(3, dtype=bool)], common, atol=0.04)


def test_grey_pictures_get_grey_noise() -> None:
    red, green, blue = drawn(128, 0.5, 0, grey=True)
    assert (red == green).all() and (red == blue).all()


def test_a_level_that_never_was_black_is_no_accident() -> None:
    """Overshoots of a kernel below black have no negative variance."""
    below = torch.full((1, 3, 8, 8), -0.1)
    ones = np.ones(1)
    noisy = noise(below, 10 * ones, ones, ones, is_grey(below), Draws(0, [0], CPU), "n")
    assert torch.equal(noisy, below)


def test_greyness_is_told_picture_by_picture() -> None:
    pictures = torch.rand(3, 3, 4, 5)
    pictures[1] = pictures[1, :1]
    assert is_grey(pictures).flatten().tolist() == [False, True, False]
