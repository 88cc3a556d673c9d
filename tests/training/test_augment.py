from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PIL import Image as Pillow

from aecli.errors import UsageError
from aecli.training.augment import Augmentation, Window, augmented, plain, windows

SIDE = 32
NONE = Augmentation(crop=1, border=0, turn=0, mirror=False, colour=0, damage=0)


def ramp(mode: str = "RGB", width: int = 96, height: int = 64) -> Pillow.Image:
    """Brighter from left to right, the same from top to bottom."""
    line = np.linspace(40, 215, width).astype(np.uint8)
    return Pillow.fromarray(np.tile(line, (height, 1))).convert(mode)


def copies(augmentation: Augmentation, mode: str = "RGB", count: int = 40) -> np.ndarray:
    rng = np.random.default_rng(0)
    window = Window(16, 0, 64)
    return np.stack([augmented(ramp(mode), window, SIDE, augmentation, rng) for _ in range(count)])


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_without_edits_a_copy_is_the_original_but_for_the_resampling(mode: str) -> None:
    original = plain(ramp(mode), Window(16, 0, 64), SIDE)
    assert original.shape == ((SIDE, SIDE) if mode == "L" else (SIDE, SIDE, 3))
    assert np.abs(copies(NONE, mode).astype(int) - original).max() <= 2


def test_each_edit_does_what_it_says() -> None:
    original = plain(ramp(), Window(16, 0, 64), SIDE).astype(int)
    mirrored = copies(dataclasses.replace(NONE, mirror=True))[..., 0].astype(int)
    falling = mirrored[:, :, 0] > mirrored[:, :, -1]
    assert 0 < falling.all(1).mean() < 1
    assert (falling.all(1) == falling.any(1)).all()

    framed = copies(dataclasses.replace(NONE, border=0.2)).astype(int)
    edge = framed[:, 0].reshape(40, -1)
    plain_edge = np.ptp(edge, axis=1) == 0
    assert 0 < plain_edge.mean() < 0.6

    cropped = copies(dataclasses.replace(NONE, crop=0.5))[..., 0].astype(int)
    spans = cropped[:, 16, -1] - cropped[:, 16, 0]
    assert spans.min() < 0.65 * (original[16, -1, 0] - original[16, 0, 0])

    turned = copies(dataclasses.replace(NONE, turn=20))[..., 0].astype(int)
    assert np.abs(turned[:, 8, 16] - turned[:, 24, 16]).max() > 10

    recoloured = copies(dataclasses.replace(NONE, colour=1)).astype(int)
    assert recoloured.reshape(40, -1).mean(1).std() > 10

    damaged = copies(dataclasses.replace(NONE, damage=1)).astype(int)
    assert np.abs(np.diff(damaged[..., 0], axis=1)).max() > 10, "noise"


def test_the_same_generator_makes_the_same_copies() -> None:
    assert np.array_equal(copies(Augmentation()), copies(Augmentation()))


def test_windows_lie_within_the_picture() -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        window = windows(90, 60, 0.4, rng)
        assert 24 <= window.side <= 60
        assert 0 <= window.left <= 90 - window.side
        assert 0 <= window.top <= 60 - window.side


@pytest.mark.parametrize(
    "wrong", [{"crop": 0}, {"crop": 1.2}, {"border": -0.1}, {"turn": 90}, {"colour": 2}]
)
def test_impossible_strengths_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=r"objective\."):
        Augmentation(**wrong)
