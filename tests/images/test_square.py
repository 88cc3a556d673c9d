from __future__ import annotations

import numpy as np
import pytest

from aecli.images.image import Image
from aecli.images.square import square

RNG = np.random.default_rng(3)


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 3)])
def test_what_fits_is_left_as_it_is(shape) -> None:
    pixels = RNG.integers(0, 256, shape, np.uint8)
    channels = 3 if len(shape) == 3 else 1
    assert np.array_equal(square(Image(pixels), 28, channels), pixels)


def test_grey_as_colour_and_back_is_the_same() -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    colour = square(Image(grey), 16, 3)
    assert colour.shape == (16, 16, 3)
    assert np.array_equal(square(Image(colour), 16, 1), grey)


def test_colour_becomes_luma() -> None:
    pixels = np.zeros((3, 3, 3), np.uint8)
    pixels[0, :, 0] = pixels[1, :, 1] = pixels[2, :, 2] = 255
    assert square(Image(pixels), 3, 1)[:, 0].tolist() == [76, 150, 29]


@pytest.mark.parametrize("shape", [(20, 50), (50, 20)])
def test_the_centre_is_cut_out(shape) -> None:
    pixels = np.zeros(shape, np.uint8)
    pixels[shape[0] // 2 - 10 : shape[0] // 2 + 10, shape[1] // 2 - 10 : shape[1] // 2 + 10] = 200
    assert (square(Image(pixels), 10, 1) == 200).all()


def test_transparency_lies_on_white() -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    alpha = np.array([[0, 85, 170, 255]] * 4, np.uint8)
    assert square(Image(pixels, alpha), 4, 1)[0].tolist() == [255, 170, 85, 0]
    assert square(Image(pixels[..., 0].copy(), alpha), 4, 3)[0, :, 0].tolist() == [255, 170, 85, 0]


def test_sixteen_bits_become_eight() -> None:
    pixels = np.array([[0, 257, 32768, 65535]] * 4, np.uint16)
    assert square(Image(pixels), 4, 1)[0].tolist() == [0, 1, 128, 255]
    alpha = np.full((4, 4), 65535, np.uint16)
    assert square(Image(pixels, alpha), 4, 1)[0].tolist() == [0, 1, 128, 255]


def test_shrinking_is_antialiased() -> None:
    stripes = np.tile(np.array([0, 255], np.uint8), (64, 32))
    assert np.ptp(square(Image(stripes), 8, 1)) < 20
