from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecli.inference import latents as points
from tests import blobs

from .pictures import cut, error, place, read, text


def test_the_manifold_lays_out_the_prior(generate) -> None:
    assert generate("--manifold", "--columns", 5).code == 0
    tiles = cut(read("generated.png"), gap=0)
    assert tiles.shape[:2] == (5, 5)
    grid = points.quantiles(5).reshape(5, 5, 2)
    for row in range(5):
        for column in range(5):
            assert np.allclose(place(tiles[row, column]), grid[row, column], atol=0.1)


def test_the_manifold_needs_two_dimensions(generate) -> None:
    refused = error(generate("--manifold", m="many"))
    assert "that of many is 5-dimensional | hint: models that can: kinds, spots" in refused
    assert "that of tiles is a grid" in error(generate("--manifold", m="tiles"))


def test_each_dimension_is_swept(generate) -> None:
    assert generate("--traverse", "--steps", 5, m="many").code == 0
    tiles = cut(read("generated.png")[:, -(5 * 18 - 2) :])
    assert tiles.shape[:2] == (5, 5)
    assert np.allclose([place(tile)[0] for tile in tiles[0]], [-3, -1.5, 0, 1.5, 3], atol=0.15)
    assert (tiles[2:] == tiles[0, 2]).all()
    refused = error(generate("--traverse", m="tiles"))
    assert "is a grid | hint: models that can: kinds, many, spots" in refused


def test_an_interpolation_is_a_strip(generate, ends) -> None:
    assert generate("--interpolate", *ends, "strip.png").code == 0
    tiles = cut(read("strip.png"))
    assert tiles.shape[:2] == (1, 10)
    for tile, end in ((tiles[0, 0], ends[0]), (tiles[0, -1], ends[1])):
        assert np.abs(tile.astype(int) - read(end)).max() < 12
    assert "--interpolate 00000.png 00001.png" in text("strip.png")["Command"]


@pytest.mark.parametrize("suffix", ["gif", "webp", "apng"])
@pytest.mark.parametrize("model", ["spots", "tiles"])
def test_an_interpolation_is_an_animation_by_suffix(generate, suffix, model) -> None:
    arguments = ("--interpolate-random", "--seed", 1, "--steps", 6, "--zoom", 2)
    assert generate(*arguments, f"a.{suffix}", m=model).code == 0
    with Image.open(f"a.{suffix}") as image:
        assert image.n_frames == 6
        assert image.size == (32, 32)


def test_a_random_interpolation_goes_between_the_first_two_samples(generate) -> None:
    assert generate("--interpolate-random", "--seed", 4, "strip.png").code == 0
    assert generate("-n", 2, "--seed", 4, "two/").code == 0
    tiles = cut(read("strip.png"))[0]
    assert np.array_equal(tiles[0], read("two/00000.png"))
    assert np.array_equal(tiles[-1], read("two/00001.png"))
    assert generate("--interpolate-random", "--seed", 4, "--steps", 4, "steps/").code == 0
    assert len(list(Path("steps").iterdir())) == 4


def test_reconstructions_lie_below_their_originals(generate, ends) -> None:
    wide = np.pad(read(ends[0]), ((0, 0), (20, 20)))
    Image.fromarray(wide).convert("RGB").save("ends/wide.png")
    Image.fromarray(read(ends[1])).save("other.png")
    arguments = ("--reconstruct", "ends", "--reconstruct", "other.png", "--columns", 3)
    result = generate(*arguments, "r.png")
    assert result.code == 0
    tiles = cut(read("r.png"))
    assert tiles.shape[:2] == (4, 3)
    assert np.array_equal(tiles[0, 0], read(ends[0]))
    assert np.array_equal(tiles[0, 2], read(ends[0]))
    assert np.array_equal(tiles[2, 0], read("other.png"))
    assert (tiles[2:, 1:] == 255).all()
    assert np.abs(tiles[1].astype(int) - tiles[0]).max() < 12
    head, *rows = result.lines
    assert head.split() == ["image", "PSNR", "dB"]
    assert [row.split()[0] for row in rows] == [*ends, "ends/wide.png", "other.png"]
    assert all(float(row.split()[1]) > 30 for row in rows)
    assert "mean PSNR" in result.err
    records = generate(*arguments, "r.png", "--json", "--overwrite").records
    assert [r.get("source", r.get("target")) for r in records][-2:] == ["other.png", "r.png"]
    assert records[0]["psnr"] > 30


def test_standard_input_can_be_reconstructed(generate, ends) -> None:
    result = generate("--reconstruct", "-", "r.png", stdin=Path(ends[0]).read_bytes())
    assert result.code == 0
    assert cut(read("r.png")).shape[:2] == (2, 1)
    assert result.lines[1].startswith("standard input  ")


def test_a_damaged_file_among_good_ones(generate, ends) -> None:
    Path("ends/broken.png").write_bytes(b"rubbish")
    result = generate("--reconstruct", "ends", "r.png", "--json")
    assert result.code == 1
    assert "ends/broken.png: is no image" in result.err
    assert [r["status"] for r in result.records] == ["failed", "done", "done", "done"]
    assert "is no image" in error(generate("--reconstruct", "ends/broken.png", "s.png"), 1)
    assert "nope.png: No such file" in error(
        generate("--interpolate", "nope.png", ends[0], "s.png"), 1
    )


def test_inputs_are_never_replaced(generate, ends) -> None:
    for arguments in (
        ("--interpolate", *ends, ends[0]),
        ("--reconstruct", "ends", ends[1]),
        ("--reconstruct", ends[0], ends[0]),
    ):
        refused = error(generate(*arguments, "--overwrite"))
        assert "would replace the input" in refused


@pytest.mark.parametrize("option", ["--reconstruct", "--interpolate"])
def test_pictures_unlike_the_training_data_are_warned_of(generate, option: str) -> None:
    blobs.install("knows", training=blobs.KNOWS)
    generate("a.png", "-n", 1, "--seed", 1)
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (16, 16), np.uint8)).save("b.png")
    names = ["a.png", "b.png"] if option == "--interpolate" else ["a.png", option, "b.png"]
    result = generate("out.png", "-m", "knows", option, *names, "-q")
    assert result.code == 0, result.err
    (line,) = result.err.splitlines()
    assert "warning: 1 picture is unlike what knows was trained on" in line
    assert line.endswith("percentile: b.png")
