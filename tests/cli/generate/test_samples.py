from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecli.cli import console

from .pictures import TILE, cut, error, read, text


def test_a_grid_of_64_samples(generate) -> None:
    result = generate()
    assert (result.code, result.out) == (0, b"")
    sheet = read("generated.png")
    assert sheet.shape == (8 * 18 - 2, 8 * 18 - 2)
    assert len(np.unique(cut(sheet).reshape(64, -1), axis=0)) == 64
    assert " on cpu" not in result.err  # which was asked for
    seed = text("generated.png")["Seed"]
    assert f"64 samples of spots, seed {seed} -> generated.png" in result.err


def test_an_existing_picture_is_kept_unless_told(generate) -> None:
    Path("generated.png").write_bytes(b"mine")
    assert "generated.png exists already | hint: --overwrite" in error(generate())
    assert Path("generated.png").read_bytes() == b"mine"
    assert generate("--overwrite").code == 0
    assert read("generated.png").shape == (142, 142)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("-n", 12, "--columns", 6, "--zoom", 3, "--temperature", 0.5),
        ("-m", "kinds", "--class", "dim", "--class", "bright"),
        ("-m", "spots", "--manifold", "--columns", 4),
        ("--interpolate-random", "--steps", 5),
        ("-m", "many", "--traverse"),
    ],
)
def test_a_picture_says_how_to_make_it_again(aecli, generate, arguments) -> None:
    assert generate(*arguments, "a.png").code == 0
    said = text("a.png")
    program, *words = shlex.split(said["Command"])
    assert program == "aecli"
    assert aecli(*words, "b.png").code == 0
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()
    assert said["Software"].startswith("aecli ")
    assert len(said["Model sha256"]) == 64


def test_the_same_seed_gives_the_same_samples_and_another_does_not(generate) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert generate("--seed", seed, f"{name}.png").code == 0
    a, b, c = (Path(f"{name}.png").read_bytes() for name in "abc")
    assert a == b
    assert not np.array_equal(read("a.png"), read("c.png"))
    assert generate("d.png").code == generate("e.png").code == 0
    assert text("d.png")["Seed"] != text("e.png")["Seed"]
    assert c


@pytest.mark.parametrize("model", ["spots", "tiles", "kinds"])
def test_ten_samples_are_the_first_of_a_hundred(generate, model) -> None:
    assert generate("-n", 100, "--seed", 3, "many/", m=model).code == 0
    assert generate("-n", 10, "--seed", 3, "few/", m=model).code == 0
    few, many = (sorted(Path(folder).iterdir()) for folder in ("few", "many"))
    assert [p.name for p in few] == [f"{k:05}.png" for k in range(10)]
    assert len(many) == 100
    for a, b in zip(few, many, strict=False):
        assert np.array_equal(read(a), read(b))
    assert text(few[7])["Number"] == "7"
    assert text(few[7])["Seed"] == "3"


def test_a_grid_holds_the_same_samples_as_a_folder(generate) -> None:
    assert generate("-n", 6, "--seed", 3, "--columns", 3, "--zoom", 2, "grid.png").code == 0
    assert generate("-n", 6, "--seed", 3, "out/").code == 0
    grid = cut(read("grid.png")[::2, ::2])
    assert grid.shape == (2, 3, TILE, TILE)
    files = [read(p) for p in sorted(Path("out").iterdir())]
    assert np.array_equal(grid.reshape(6, TILE, TILE), files)


def test_files_in_a_folder_are_kept_unless_told(generate) -> None:
    Path("out").mkdir()
    Path("out/00003.png").write_bytes(b"mine")
    assert "out/00003.png exists already" in error(generate("-n", 4, "out"))
    assert [p.name for p in Path("out").iterdir()] == ["00003.png"]
    assert generate("-n", 3, "out").code == 0
    assert generate("-n", 4, "out", "--overwrite").code == 0
    assert read("out/00003.png").shape == (TILE, TILE)


@pytest.mark.parametrize(("suffix", "form"), [("jpg", "JPEG"), ("webp", "WEBP"), ("tif", "TIFF")])
def test_the_suffix_says_the_format(generate, suffix, form) -> None:
    assert generate(f"a.{suffix}").code == 0
    with Image.open(f"a.{suffix}") as image:
        assert image.format == form
        assert image.size == (142, 142)


def test_colour_models_give_colour(generate) -> None:
    assert generate(m="tiles").code == 0
    assert read("generated.png").shape == (142, 142, 3)


def test_standard_output_gets_the_picture_alone(generate, monkeypatch) -> None:
    result = generate("-n", 4, "-")
    assert result.code == 0
    assert read(result.out).shape == (34, 34)
    assert "cannot both go to standard output" in error(generate("-", "--json"))
    monkeypatch.setattr(console, "stdout_is_terminal", lambda: True)
    assert "not for the terminal" in error(generate("-"))


def test_json_says_what_was_written(generate) -> None:
    [record] = generate("--json", "-q", "--seed", 5).records
    assert record["target"] == "generated.png"
    assert (record["pictures"], record["width"], record["height"]) == (64, 142, 142)
    assert (record["model"], record["seed"], record["status"]) == ("spots", 5, "done")
    records = generate("--json", "-n", 3, "out/").records
    assert [r["target"] for r in records] == [f"out/0000{k}.png" for k in range(3)]
    assert [r["number"] for r in records] == [0, 1, 2]


def test_quiet_says_nothing(generate) -> None:
    assert generate("-q").err == ""


def test_no_temperature_is_no_variety(generate) -> None:
    assert generate("--temperature", 0).code == 0
    tiles = cut(read("generated.png"))
    assert (tiles == tiles[0, 0]).all()


def test_a_model_with_classes_draws_a_row_of_each(generate) -> None:
    assert generate(m="kinds").code == 0
    sheet = read("generated.png")
    tiles = cut(sheet[:, -(21 * 18 - 2) :])
    assert tiles.shape[:2] == (3, 21)
    bright = tiles.max(axis=(2, 3))
    assert bright[0].max() < bright[1].min() < bright[1].max() < bright[2].min()
    assert sheet.shape[1] > 21 * 18
    assert generate("--columns", 2, "b.png", m="kinds").code == 0
    assert cut(read("b.png")[:, -34:]).shape[:2] == (3, 2)
    refused = error(generate("-n", 6, "--columns", 2, "c.png", m="kinds"))
    assert "the columns follow from the number of samples" in refused


def test_a_class_can_be_asked_for(generate) -> None:
    assert generate("--class", "bright", m="kinds").code == 0
    tiles = cut(read("generated.png"))
    assert tiles.shape[:2] == (8, 8)
    assert tiles.max(axis=(2, 3)).min() > 200
    assert generate("--class", "bright", "--class", "dim", "-n", 5, "out/", m="kinds").code == 0
    bright = [read(p).max() > 200 for p in sorted(Path("out").iterdir())]
    assert bright == [True, False, True, False, True]
    assert text("out/00001.png")["Class"] == "dim"
    records = generate("-n", 4, "--json", "all/", m="kinds").records
    assert [r["class"] for r in records] == ["dim", "middle", "bright", "dim"]


def test_a_class_that_is_not_known(generate) -> None:
    refused = error(generate("--class", "brigth", m="kinds"))
    assert "kinds knows no class 'brigth' | hint: did you mean bright?" in refused
    refused = error(generate("--class", "bright"))
    assert "spots knows no classes | hint: models that can: kinds" in refused
