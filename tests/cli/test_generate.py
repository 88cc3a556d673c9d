from __future__ import annotations

import io
import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aecli.cli import console
from aecli.inference import latents as points

from .. import blobs

TILE, GAP = 16, 2
pytestmark = pytest.mark.usefixtures("nothing_bundled")

HEAVY = ("torch", "numpy", "PIL", "rich", "pydantic", "safetensors", "imagecodecs", "tifffile")


def read(path: Path | str | bytes) -> np.ndarray:
    with Image.open(io.BytesIO(path) if isinstance(path, bytes) else path) as image:
        return np.asarray(image)


def text(path: Path | str) -> dict[str, str]:
    with Image.open(path) as image:
        return image.text


def cut(sheet: np.ndarray, gap: int = GAP) -> np.ndarray:
    """The tiles of a grid: rows x columns x height x width [x 3]."""
    step = TILE + gap
    rows, columns = ((length + gap) // step for length in sheet.shape[:2])
    return np.array(
        [[sheet[r * step :, c * step :][:TILE, :TILE] for c in range(columns)] for r in range(rows)]
    )


def place(tile: np.ndarray) -> tuple[float, float]:
    """Where the spot of a tile lies, in latent units."""
    light = tile / tile.sum()
    line = np.linspace(-4, 4, TILE)
    return float(light.sum(0) @ line), float(light.sum(1) @ line)


@pytest.fixture(autouse=True)
def _models(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, one_thread) -> None:
    monkeypatch.chdir(tmp_path)
    blobs.register(monkeypatch)
    blobs.install("spots")
    blobs.install("many", latent=5)
    blobs.install("kinds", classes=("dim", "middle", "bright"))
    blobs.install("tiles", "mosaic")


@pytest.fixture
def generate(aecli):
    """`aecli generate --device cpu --precision fp32 -m spots ...`."""

    def call(*arguments: object, m: str = "spots", **options):
        exact = ("--device", "cpu", "--precision", "fp32")
        return aecli("generate", *exact, "-m", m, *arguments, **options)

    return call


def error(result, code: int = 2) -> str:
    """The one error line, hint behind it, of a call that must fail."""
    assert result.code == code, result.err
    assert result.out == b""
    first, *hint = [line.partition(": ")[2] for line in result.err.splitlines()]
    assert first.startswith("error: ")
    assert len(hint) <= 1
    return " | ".join([first, *hint])


# Samples


def test_a_grid_of_64_samples(generate) -> None:
    result = generate()
    assert (result.code, result.out) == (0, b"")
    sheet = read("generated.png")
    assert sheet.shape == (8 * 18 - 2, 8 * 18 - 2)
    assert len(np.unique(cut(sheet).reshape(64, -1), axis=0)) == 64
    assert "spots on cpu, fp32" in result.err
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


# Classes


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
    assert "--columns follows from --n" in refused


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


# Other pictures


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


@pytest.fixture
def ends(generate) -> tuple[str, str]:
    """Two pictures that `spots` can make."""
    assert generate("-n", 2, "--seed", 1, "ends/").code == 0
    return "ends/00000.png", "ends/00001.png"


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


# Latents


@pytest.mark.parametrize("model", ["spots", "tiles", "kinds"])
def test_latents_can_be_kept_and_decoded_again(aecli, generate, model) -> None:
    assert generate("-n", 9, "--save-latents", "z.npz", "a/", m=model).code == 0
    assert generate("--latents", "z.npz", "b/", m=model).code == 0
    for a, b in zip(*(sorted(Path(f).iterdir()) for f in "ab"), strict=True):
        assert np.array_equal(read(a), read(b))
    latents = points.load(Path("z.npz"))
    assert latents.model == model
    assert len(latents.values) == 9
    assert latents.classes == (("dim", "middle", "bright") * 3 if model == "kinds" else None)
    assert "z.npz exists already" in error(generate("--save-latents", "z.npz", "c.png"))
    found = aecli("generate", "--latents", "z.npz", "c.png")
    assert found.code == 0
    assert f"latents of {model} -> c.png" in found.err


def test_latents_are_decoded_by_their_own_model_of_any_task(aecli, generate) -> None:
    path = blobs.install("inner", task="embed", latent=3)
    assert generate("--save-latents", "z.npz", m=path.name).code == 3  # no model to draw from
    from aecli.checkpoints import store

    np.savez("z.npz", vectors=np.zeros((2, 3)), model="inner", sha256=store.sha256(path))
    for arguments in ((), ("-m", "inner"), ("-m", path)):
        assert aecli("generate", "--latents", "z.npz", "--overwrite", *arguments).code == 0
    assert cut(read("generated.png")).shape[:2] == (1, 2)


def test_latents_of_another_model_are_refused(aecli, generate) -> None:
    assert generate("--save-latents", "z.npz").code == 0
    refused = error(generate("--latents", "z.npz", "b.png", m="many"))
    assert "z.npz was made by spots (sha256 " in refused
    assert "not by many (sha256 " in refused
    blobs.install("spots", size=17)
    assert "not by spots" in error(generate("--latents", "z.npz", "b.png"))
    refused = error(aecli("generate", "--latents", "z.npz", "b.png"), 3)
    assert "made by spots" in refused
    assert "not installed" in refused
    assert "no model 'spot'" in error(generate("--latents", "z.npz", "b.png", m="spot"), 3)
    Path("z.npz").write_bytes(b"rubbish")
    assert "z.npz: is no file of latents" in error(generate("--latents", "z.npz", "b.png"), 1)


def test_latents_must_fit(generate) -> None:
    from aecli.checkpoints import store

    digest = store.sha256(store.find("generate", "spots").path)
    np.savez("z.npz", latents=np.zeros((2, 3)), model="spots", sha256=digest)
    assert "z.npz: has latents of the shape (3,), spots has those of (2,)" in error(
        generate("--latents", "z.npz", "-q"), 1
    )
    np.savez("z.npz", latents=np.zeros((1, 2)), model="spots", sha256=digest, classes=["a"])
    assert "spots knows no class 'a'" in error(generate("--latents", "z.npz"))


# What makes no sense


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--manifold", "--traverse"], "--manifold and --traverse exclude each other"),
        (["--latents", "z.npz", "--interpolate-random"], "--interpolate-random and --latents"),
        (["--manifold", "-n", 4], "--n means nothing to --manifold"),
        (["--traverse", "--seed", 4], "--seed means nothing to --traverse"),
        (["--steps", 4], "--steps means nothing to samples"),
        (["--manifold", "--class", "a", "--class", "b"], "--manifold takes one --class"),
        (["grid"], "grid: its name says no image format | hint: grid.png is a picture, grid/"),
        (["grid.gif"], "grid.gif: gif is for interpolations only"),
        (["nowhere/grid.png"], "nowhere: no such folder"),
        (["--manifold", "out/"], "--manifold makes one picture"),
        (["--save-latents", "z.txt"], "z.txt: must end in .npz"),
        (["--reconstruct", "nothing*.png"], "nothing*.png: No such file"),
        (["-n", 0], "greater than or equal to 1"),
        (["--seed", -1], "greater than or equal to 0"),
        (["--temperature", "nan"], "'nan' is not a factor of zero or more"),
        (["--interpolate", "a.png"], "--interpolate"),
        (["--device", "tpu"], "unknown device 'tpu'"),
    ],
)
def test_what_makes_no_sense(generate, arguments, message) -> None:
    result = generate(*arguments)
    assert message in error(result, 1 if "No such file" in message else 2)
    assert not list(Path().iterdir())


def test_a_model_that_is_not_there(generate) -> None:
    refused = error(generate(m="spotz"), 3)
    assert "there is no model 'spotz' for generate | hint: did you mean spots?" in refused


def test_help_and_refusals_load_nothing_heavy(python) -> None:
    def loaded(arguments: list[str], modules: tuple[str, ...], code: int) -> bytes:
        program = (
            "import sys; from aecli.cli.app import run;"
            f"assert run({arguments!r}) == {code};"
            f"sys.exit(', '.join(m for m in {modules!r} if m in sys.modules) or 0)"
        )
        done = python("-c", program)
        return done.stderr if done.returncode else b""

    assert loaded(["generate", "--help"], HEAVY, 0) == b""
    assert loaded(["generate", "-m", "many", "--manifold"], ("torch",), 2) == b""


def test_the_written_record_is_json_lines(generate) -> None:
    result = generate("-n", 2, "--json", "out/")
    assert all(json.loads(line) for line in result.lines)


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
