"""A word of another program is answered with what does it here."""

from __future__ import annotations

import pytest

from aecli.checkpoints import store
from aecli.cli import options
from aecli.cli.models.listing import PURPOSE
from aecli.cli.train.request import _architectures, _recipes

FILE = store.bundled_folder() / "denoise-photo.safetensors"


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (("upscale", "x.png", "-m", "claen"), "there is no model 'claen'", "did you mean clean?"),
        (("models", "show", "clean"), "clean is a model", "aecli models show upscale clean"),
        (("models", "list", "clean"), "clean is a model", "aecli models show upscale clean"),
        (("models", "show", FILE), f"{FILE} is a model", f"aecli models show denoise {FILE}"),
        (("models", "path", "denois"), "no command 'denois' has models", "did you mean denoise?"),
        (("denoise", "x.png", "--scale", "2"), "No such option: --scale", "aecli upscale enlarges"),
        (("denoise", "x.png", "--in-place"), "No such option: --in-place", "never overwritten"),
        (("denoise", "x.png", "--suffix", "a"), "No such option: --suffix", "--template"),
        (("embed", "x", "--threads", "4"), "No such option: --threads", "-j N"),
        (("denoise", "x.png", "--stength", "1"), "option: --stength", "did you mean --strength?"),
        (("denoise", "x.png", "--beta", "1"), "option: --beta", "see 'aecli denoise --help'"),
        (("list",), "No such command 'list'", "aecli models list"),
        (("models", "remove"), "No such command 'remove'", "aecli models rm TASK NAME"),
        (("denosie", "x.png"), "No such command 'denosie'", "did you mean denoise?"),
    ],
)
def test_what_is_not_known_is_answered(aecli, words, message: str, hint: str) -> None:
    result = aecli(*words)
    assert result.code in (2, 3)
    first, second = result.err.splitlines()
    assert message in first
    assert second.startswith("aecli: hint: ")
    assert hint in second


def test_help_of_a_command(aecli) -> None:
    assert aecli("help", "denoise").out == aecli("denoise", "--help").out
    assert aecli("help").out == aecli("--help").out
    assert aecli("help", "models", "rm").out == aecli("models", "rm", "--help").out


def test_train_lists_architectures_and_recipes(aecli) -> None:
    page = aecli("train", "--help").out.decode()
    for word in ("dense-vae", "flow", "generate mnist-2d", "upscale clean-x4"):
        assert word in page


def test_the_list_says_what_each_model_is_for(aecli) -> None:
    known = {(r["task"], r["name"]): r["for"] for r in aecli("models", "list", "--json").records}
    assert all((task, store.family(name)) in PURPOSE for task, name in known)
    lines = aecli("models", "list").lines
    assert all(len(line) <= 80 and not line.endswith("...") for line in lines)
    [row] = [line.split() for line in lines if " mnist-2d " in line]
    assert " ".join(row[-5:]) == "on a plane: maps, walks"
    [row] = [line for line in lines if line.startswith("embed     photo")]
    assert row.split()[2] == "*"


class Context:
    def __init__(self, name: str) -> None:
        self.info_name, self.params = name, {}


def test_values_complete_in_the_shell() -> None:
    assert options.model_names(Context("upscale"), "c") == ["clean"]
    assert options.one_of(options.PRECISIONS)("f") == ["fp32", "fp16"]
    assert _architectures(Context("generate"), "d") == ["dense-vae", "dense-ae"]
    assert "mnist-2d" in _recipes(Context("generate"), "mnist")
    assert _recipes(Context("denoise"), "") == ["gaussian", "photo"]
