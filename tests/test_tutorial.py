"""The tutorial's commands run as they stand there, on less data and with fewer steps."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from aecli.cli.app import run

from .conftest import DATA
from .training.digits import write_mnist

ROOT = Path(__file__).parents[1]
PAGE = ROOT / ".github" / "TUTORIAL.md"
TEXT = PAGE.read_text("utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
COMMANDS = [line for block in BLOCKS for line in block.splitlines()]
FEW = ("--steps", "2", "--set", "data.batch=8")


def test_every_command_runs_and_leaves_its_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_thread: None, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    write_mnist(tmp_path / "mnist")
    shutil.copytree(DATA, tmp_path / "tests" / "data")
    for line in COMMANDS:
        program, *words = shlex.split(line)
        assert program == "aecli"
        if "--time" in words:
            at = words.index("--time")
            words[at : at + 2] = FEW
        if words[:2] in (["train", "denoise"], ["train", "upscale"]):
            words += ["--set", "model.preset=tiny"]
        capsys.readouterr()
        assert run(words) == 0, f"{line}\n{capsys.readouterr().err}"
        pictures = [word for word in words if word.endswith(".png") and "/" not in word]
        assert all(Path(name).stat().st_size > 0 for name in pictures)


def test_it_counts_its_commands() -> None:
    assert TEXT.startswith("# Autoencoders in eighteen commands")
    assert len(COMMANDS) == 18


def test_every_picture_is_there_and_small() -> None:
    shown = [PAGE.parent / name for name in re.findall(r"\]\((images/[^)]+)\)", TEXT)]
    assert len(shown) >= 10
    assert sum(path.stat().st_size for path in shown) < 700_000
