"""The user's own defaults: every option from a file, or from the environment.

An option given on the command line comes first, then the variable of its command and name
(`AECLI_DENOISE_QUALITY`), then `aecli.toml` in the working folder, then `config.toml` in
AECLI_HOME. Both files have a table a command: `[denoise]`, `[train.denoise]`.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aecli.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    Words = tuple[str, ...]
    Settings = dict[Words, dict[str, "Setting"]]

LOCAL = Path("aecli.toml")


@dataclass(frozen=True)
class Setting:
    """What an option is, and who says so: a variable, a file, or nobody."""

    value: Any
    origin: str | None = None


def files() -> list[Path]:
    """Where defaults are read from, the later ones above the earlier."""
    from aecli.checkpoints.store import known_home

    place = known_home()
    return [LOCAL] if place is None else [place / "config.toml", LOCAL]


def commands(command: Any, words: Words = ()) -> Iterator[tuple[Words, Any]]:
    """All commands below one, and the words that call them."""
    below: Mapping[str, Any] | None = getattr(command, "commands", None)
    if below is None:
        yield words, command
    else:
        for word, each in below.items():
            yield from commands(each, (*words, word))


def options(command: Any) -> dict[str, Any]:
    """A command's options by their name: the long one where they have any, without dashes."""
    found = [param for param in command.params if param.param_type_name == "option"]
    return {max(p.opts, key=lambda o: o.startswith("--")).lstrip("-"): p for p in found}


def name_variables(program: Any) -> None:
    """Let every option read the variable of its name, and keep that out of the help pages.

    Values of an option that repeats are separated as folders are in PATH: names may hold spaces.
    """
    for words, command in commands(program):
        for name, option in options(command).items():
            option.envvar = "_".join(("aecli", *words, name)).replace("-", "_").upper()
            option.show_envvar = False
            option.split_envvar_value = _split


def _split(value: str) -> list[str]:
    return value.split(os.pathsep)


def load(program: Any, *, others: Container[str] = ()) -> Settings:
    """What the files set, by command, and by the name of the option's parameter.

    Args:
        program: its commands may have tables.
        others: names of commands that it lacks; what theirs hold is not looked at.

    Raises:
        UsageError: a file cannot be read, or sets what there is not.
    """
    found: Settings = {}
    for file in files():
        table = _read(file)
        mine = {k: v for k, v in table.items() if k in program.commands or k not in others}
        _take(file, program, mine, (), found)
    return found


def as_defaults(settings: Settings) -> dict[str, Any]:
    """What the files set, as a program of Typer's takes its `default_map`."""
    defaults: dict[str, Any] = {}
    for words, values in settings.items():
        table = defaults
        for word in words:
            table = table.setdefault(word, {})
        table |= {name: setting.value for name, setting in values.items()}
    return defaults


def present(words: Words, command: Any, settings: Settings) -> dict[str, Setting]:
    """What holds for a command's options where the command line does not name them."""
    of_files = settings.get(words, {})
    held: dict[str, Setting] = {}
    for name, option in options(command).items():
        if value := os.environ.get(option.envvar):
            held[name] = Setting(value, option.envvar)
        else:
            held[name] = of_files.get(option.name, Setting(option.default))
    return held


def origin(error: Exception, settings: Settings) -> str | None:
    """Where a value that a command refuses comes from, unless from the command line."""
    option, context = getattr(error, "param", None), getattr(error, "ctx", None)
    if option is None or context is None:
        return None
    source = context.get_parameter_source(option.name)
    if source is None or source.name not in ("ENVIRONMENT", "DEFAULT_MAP"):
        return None
    held = present(tuple(context.command_path.split()[1:]), context.command, settings)
    known = options(context.command).items()
    return next((held[name].origin for name, each in known if each is option), None)


def _read(file: Path) -> dict[str, Any]:
    """The file's tables, none where there is no file."""
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        if not os.access(file, os.F_OK):  # nor may its folder be looked into
            return {}
        raise UsageError(f"{file}: {error.strerror}") from None
    except ValueError as error:  # not TOML, or not UTF-8
        raise UsageError(f"{file}: {error}") from None


def _take(
    file: Path,
    command: Any,
    table: Mapping[str, Any],
    words: Words,
    found: Settings,
) -> None:
    """Check a table of a file, and add what it sets."""
    below: Mapping[str, Any] | None = getattr(command, "commands", None)
    known = options(command) if below is None else below
    for key, value in table.items():
        called = " ".join((*words, key))
        name = key if below is not None else key.replace("_", "-")
        if name not in known:
            what = "command" if below is not None else "option"
            raise UsageError(f"{file}: there is no {what} {called!r}", did_you_mean(name, known))
        if below is None:
            setting = Setting(_plain(value, known[name], f"{file}: {called}"), str(file))
            found.setdefault(words, {})[known[name].name] = setting
        elif isinstance(value, dict):
            _take(file, below[key], value, (*words, key), found)
        else:
            raise UsageError(f"{file}: {called} is a command: write its options below [{called}]")


def _plain(value: object, option: Any, called: str) -> object:
    """A value of TOML as the command line would have it: text, lists of it, or a flag."""
    if option.is_flag:
        if not isinstance(value, bool):
            raise UsageError(f"{called} must be true or false, not {value!r}")
        return value
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(v, str | int | float) and not isinstance(v, bool) for v in values):
        raise UsageError(f"{called} must be text or a number, not {value!r}")
    if option.multiple:
        return [str(v) for v in values]
    if isinstance(value, list):
        raise UsageError(f"{called} takes one value, not {value!r}")
    return str(value)
