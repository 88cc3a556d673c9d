"""The help pages: each ends with examples that work, and names the default model."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest

from aecli.checkpoints import store
from aecli.cli.app import build


def commands(command: Any, name: str = "aecli") -> Iterator[tuple[str, Any]]:
    """Every command of the program that does something, by its full name."""
    below = getattr(command, "commands", None)
    if below is None:
        yield name, command
    for word, sub in (below or {}).items():
        yield from commands(sub, f"{name} {word}")


COMMANDS = dict(commands(build()))


GIVEN = re.compile(r"(\w+)=(\S+) ")
"""A variable in front of a command line."""


@pytest.mark.parametrize("name", COMMANDS)
def test_it_ends_with_examples(aecli, name: str) -> None:
    page = aecli(*name.split()[1:], "--help").out.decode()
    examples = [GIVEN.sub("", line) for line in page.partition("\nExamples:\n")[2].splitlines()]
    assert 2 <= len(examples) <= 7
    assert all(line.startswith(f"  {name} ") or line == f"  {name}" for line in examples)


@pytest.mark.parametrize("name", COMMANDS)
def test_its_examples_parse(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for line in COMMANDS[name].examples:
        given = GIVEN.match(line)
        words = shlex.split(GIVEN.sub("", line))[len(name.split()) :]
        with monkeypatch.context() as patch:
            if given is not None:
                patch.setenv(*given.groups())
            context = COMMANDS[name].make_context(name, words)
        if given is not None:
            sources = {context.get_parameter_source(param).name for param in context.params}
            assert "ENVIRONMENT" in sources, "it is no option's variable"


@pytest.mark.parametrize("name", [n for n in COMMANDS if "models" not in n and "config" not in n])
def test_one_of_its_examples_is_a_default_of_ones_own(name: str) -> None:
    prefix = name.upper().replace(" ", "_")
    assert any(line.startswith(f"{prefix}_") for line in COMMANDS[name].examples)


FEATURES = {
    "aecli": ("--install-completion", "man aecli-denoise", "AECLI_DENOISE_QUALITY"),
    "aecli denoise": (".HEIC", ".NEF", "jxl", "--watch", "--compare"),
    "aecli upscale": (".HEIC", ".NEF", "--watch", "--compare"),
    "aecli embed": ("--plot map.html", "--duplicates --plot", "--projection"),
    "aecli train denoise": ("tensorboard",),
    "aecli train upscale": ("--log tensorboard",),
    "aecli models add": ("hf:",),
    "aecli models push": ("hf:",),
}


@pytest.mark.parametrize("name", FEATURES)
def test_its_examples_show_what_it_can(aecli, name: str) -> None:
    page = aecli(*name.split()[1:], "--help").out.decode().partition("\nExamples:\n")[2]
    assert [word for word in FEATURES[name] if word not in page] == []


@pytest.mark.parametrize("task", store.PREFERENCE)
def test_it_names_the_default_model(aecli, task: str) -> None:
    page = " ".join(aecli(task, "--help").out.decode().split())
    assert f"-m {store.default(task)}, the default," in page
