"""What holds between the rooms of the package, beyond what import-linter sees."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aecli
from aecli.cli.app import build

PACKAGE = Path(aecli.__file__).parent


def literals(tree: ast.AST) -> Iterator[ast.Constant]:
    """The texts of a module, without its docstrings."""
    bodies = [getattr(node, "body", None) for node in ast.walk(tree)]
    statements = [s for body in bodies if isinstance(body, list) for s in body]
    docs = {id(s.value) for s in statements if isinstance(s, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node


def short_options(command: Any) -> set[str]:
    """The letters that a command and its subcommands know, with their dash."""
    below = getattr(command, "commands", {}).values()
    mine = {o for param in command.params for o in param.opts if re.fullmatch("-[a-zA-Z0-9]", o)}
    return mine.union(*map(short_options, below))


def test_lower_rooms_name_no_option_of_the_command_line() -> None:
    letters = "".join(option[1:] for option in short_options(build()))
    option = re.compile(rf"(?<![\w-])(--[a-z]|-[{letters}]\b(?!-))")
    named = [
        f"{path.relative_to(PACKAGE)}:{text.lineno}: {text.value!r}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if PACKAGE / "cli" not in path.parents
        for text in literals(ast.parse(path.read_text("utf-8")))
        if option.search(str(text.value))
    ]
    assert not named, "facts belong there, and what cures them in aecli/cli/cures.py"


def test_objectives_name_what_they_ask_of_a_model() -> None:
    """As protocols, so that mypy sees a network that lacks it."""
    loose = [
        f"{path.name}: {function.name}({argument.arg})"
        for path in (PACKAGE / "training" / "objectives").glob("*.py")
        for function in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(function, ast.FunctionDef)
        for argument in [*function.args.args, *function.args.kwonlyargs]
        if argument.arg.strip("_") in ("model", "module")
        and (argument.annotation is None or ast.unparse(argument.annotation) == "Any")
    ]
    assert not loose


def test_every_promise_names_tests_that_there_are() -> None:
    here = Path(__file__).parent
    table = (here / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"`([a-z_/]+(?:\.py|/))`", table)
    assert len(named) > 20
    assert [name for name in named if not (here / name).exists()] == []
