from __future__ import annotations

import json
from pathlib import Path

import pytest

from .pictures import error

HEAVY = ("torch", "numpy", "PIL", "rich", "pydantic", "safetensors", "imagecodecs", "tifffile")


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
