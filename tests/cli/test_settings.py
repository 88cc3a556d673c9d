"""Defaults from files and the environment: which comes first, and what is wrong with them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image as Pillow

from aecli.cli import settings
from aecli.cli.app import build

LINE = "\n[denoise]\ntemplate = '{}_{{stem}}.{{ext}}'\n"


@pytest.fixture(autouse=True)
def _there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_nearer_word_comes_first(
    aecli, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Pillow.new("L", (8, 8)).save("photo.png")

    def named(*more: str, command: str = "denoise") -> str:
        planned = aecli(command, "photo.png", "-o", "out/", "--dry-run", *more)
        return planned.out.decode().partition("out/")[2].strip()

    template = "{}_{{stem}}.{{ext}}"
    assert named() == "photo.png"
    (home / "config.toml").write_text(LINE.format("home"))
    assert named() == "home_photo.png"
    (tmp_path / "aecli.toml").write_text(LINE.format("here"))
    assert named() == "here_photo.png"
    monkeypatch.setenv("AECLI_DENOISE_TEMPLATE", template.format("variable"))
    assert named() == "variable_photo.png"
    assert named("--template", template.format("option")) == "option_photo.png"
    assert named(command="upscale") == "photo.png"


def test_a_variable_may_hold_several_values_and_these_spaces(
    aecli, tiny_denoiser: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Pillow.new("L", (8, 8)).save("photo.png")
    spaced = Path("my model.safetensors")
    spaced.write_bytes(tiny_denoiser.read_bytes())
    monkeypatch.setenv("AECLI_DENOISE_MODEL", str(spaced))
    assert aecli("denoise", "photo.png").code == 0
    monkeypatch.setenv("AECLI_DENOISE_MODEL", os.pathsep.join(("tiny", str(spaced))))
    [record] = aecli("denoise", "photo.png", "--compare", "--overwrite", "--json").records
    assert len(record["models"]) == 2


def test_show_says_what_is_set_and_where(
    aecli, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "nothing is set" in aecli("config", "show").err
    (home / "config.toml").write_text("[denoise]\nquality = 92\nskip_existing = true\n")
    (tmp_path / "aecli.toml").write_text('[train.denoise]\ntime = 90\nset = ["optim.lr=1e-3"]\n')
    monkeypatch.setenv("AECLI_EMBED_K", "3")
    found = {
        (r["command"], r["option"]): (r["value"], r["from"])
        for r in aecli("config", "show", "--json").records
    }
    assert found == {
        ("denoise", "quality"): ("92", str(home / "config.toml")),
        ("denoise", "skip-existing"): (True, str(home / "config.toml")),
        ("train denoise", "time"): ("90", "aecli.toml"),
        ("train denoise", "set"): (["optim.lr=1e-3"], "aecli.toml"),
        ("embed", "k"): ("3", "AECLI_EMBED_K"),
    }
    every = aecli("config", "show", "train", "denoise").lines
    assert any(line.split() == ["train", "denoise", "resume", "false", "default"] for line in every)
    assert "did you mean train denoise" in aecli("config", "show", "train", "denoyse").err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[denoys]\nquality = 9\n", "there is no command 'denoys'"),
        ("[denoise]\nqualty = 9\n", "did you mean quality?"),
        ("denoise = 9\n", "denoise is a command"),
        ("[denoise]\nstrip = 'yes'\n", "strip must be true or false"),
        ("[denoise]\nquality = true\n", "quality must be text or a number"),
        ("[denoise]\nquality = [1, 2]\n", "quality takes one value"),
        ("[denoise]\nquality = 101\n", "'--quality'"),
        ("[denoise\n", "aecli.toml"),
    ],
)
def test_what_is_wrong_is_said_with_the_file(aecli, tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "aecli.toml").write_text(text)
    refused = aecli("denoise", "none.png")
    assert refused.code == 2
    assert says in refused.err
    assert "aecli.toml" in refused.err
    assert aecli("denoise", "--help").code == 0


def test_a_wrong_variable_is_named(aecli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AECLI_DENOISE_QUALITY", "high")
    refused = aecli("denoise", "none.png")
    assert (refused.code, "AECLI_DENOISE_QUALITY" in refused.err) == (2, True)


def test_every_option_has_a_variable_of_its_own() -> None:
    names = [
        option.envvar
        for _, command in settings.commands(build())
        for option in settings.options(command).values()
    ]
    assert len(set(names)) == len(names) > 100
    assert not {"AECLI_HOME", "AECLI_DEVICE", "AECLI_ENGINE", "AECLI_DEBUG"} & set(names)
