"""The help pages: each ends with examples that work, and names the default model."""

from __future__ import annotations

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


@pytest.mark.parametrize("name", COMMANDS)
def test_it_ends_with_examples(aecli, name: str) -> None:
    page = aecli(*name.split()[1:], "--help").out.decode()
    examples = page.partition("\nExamples:\n")[2].splitlines()
    assert 2 <= len(examples) <= 6
    assert all(line.startswith(f"  {name} ") or line == f"  {name}" for line in examples)


@pytest.mark.parametrize("name", COMMANDS)
def test_its_examples_parse(name: str) -> None:
    for line in COMMANDS[name].examples:
        words = shlex.split(line)[len(name.split()) :]
        assert COMMANDS[name].make_context(name, words) is not None


@pytest.mark.parametrize("task", store.PREFERENCE)
def test_it_names_the_default_model(aecli, task: str) -> None:
    page = " ".join(aecli(task, "--help").out.decode().split())
    assert f"-m {store.default(task)}, the default," in page
