"""Reconstructions of many pictures, and by several models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tests import blobs
from tests.training.digits import write_mnist

IMAGES = "mnist/train-images-idx3-ubyte.gz"


def test_several_models_are_a_row_each(generate, ends) -> None:
    options = ("-m", "spots", "-m", "many", "--reconstruct", "ends")
    result = generate(*options, "panel.png")
    assert result.code == 0, result.err
    assert result.lines[0].split() == ["image", "PSNR", "dB", "spots", "PSNR", "dB", "many"]
    with Image.open("panel.png") as panel:
        assert panel.height == 3 * 16 + 2 * 2
        assert panel.width > 2 * 16 + 2
        assert "--model spots --model many" in panel.text["Command"]
    result = generate(*options, "panel.png", "--overwrite", "--json")
    assert [r.get("model") for r in result.records] == ["spots"] * 2 + ["many"] * 2 + [
        "spots, many"
    ]


def test_models_in_one_panel_make_pictures_of_one_kind(generate, ends) -> None:
    result = generate("-m", "spots", "-m", "tiles", "--reconstruct", "ends", "x.png")
    assert result.code == 2
    assert "pictures of tiles (16 pixels, 3 channels) do not go beside those of spots" in result.err
    result = generate("-m", "spots", "-m", "many", "x.png")
    assert result.code == 2
    assert "samples takes one model" in result.err


def test_of_many_pictures_some_of_each_class_are_shown(generate) -> None:
    write_mnist(Path("mnist"))
    blobs.install("large", size=28)
    result = generate("-m", "large", "--reconstruct", IMAGES, "-n", 6, "x.png")
    assert result.code == 0, result.err
    assert "reconstruct 6 of 24 pictures" in result.err
    places = [int(line.split("::")[1].split()[0]) for line in result.lines[1:]]
    assert [place % 3 for place in places] == [0, 1, 2, 0, 1, 2]
    with Image.open("x.png") as picture:
        assert picture.size == (3 * 30 - 2, 4 * 30 - 2)


def test_one_picture_of_a_file_is_reconstructed_and_interpolated(generate) -> None:
    pixels = np.zeros((3, 16, 16), np.uint8)
    pixels[:, 4:8, 4:8] = 255
    np.savez("squares.npz", x=pixels)
    result = generate("--reconstruct", "squares.npz::1", "x.png")
    assert result.code == 0, result.err
    assert result.lines[1].startswith("squares.npz::1")
    way = ("--interpolate", "squares.npz::0", "squares.npz::2", "way.png")
    assert generate(*way).code == 0
    result = generate("--interpolate", "squares.npz", "squares.npz::2", "way2.png")
    assert result.code == 2
    assert "squares.npz holds 3 pictures" in result.err
