"""Recipes as text: TOML in, frozen dataclasses out; an unknown key names the known ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aecli.errors import UsageError, did_you_mean
from aecli.tables import section
from aecli.training.config import About, DataConfig, OptimConfig, Recipe, RunConfig

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

RECIPES = Path(__file__).parents[1] / "recipes"

KINDS: Mapping[str, type[Any]] = {
    "data": DataConfig,
    "optim": OptimConfig,
    "run": RunConfig,
    "about": About,
}
SECTIONS = ("model", "objective", *KINDS, "second")


def from_table(table: Mapping[str, Any]) -> Recipe:
    """A recipe from a whole TOML document.

    Raises:
        UsageError: as `section`.
    """
    parts = {name: _subtable(table, name) for name in table if name != "task"}
    if "second" in parts:
        parts["second"] = _flat(parts["second"])
    filled: dict[str, Any] = {
        k: section(KINDS[k], v, k) if k in KINDS else v for k, v in parts.items()
    }
    return Recipe(table["task"], **filled)


def stages(recipe: Recipe) -> list[Recipe]:
    """The recipe of each stage: this one, and what `second` makes of it.

    Raises:
        UsageError: `second` has unknown keys, or changes the model.
    """
    if not recipe.second:
        return [recipe]
    table = recipe.as_table() | {"second": {}}
    for key, value in recipe.second.items():
        if key.startswith("model."):
            raise UsageError(f"second.{key}: both stages have one model")
        _set(table, key, value)
    return [recipe, from_table(table)]


def changes(first: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    """What a recipe's `second` must say for `stages` to make `later` of `first`, both as tables."""
    return {
        f"{part}.{key}": value
        for part in KINDS.keys() | {"objective"}
        for key, value in later[part].items()
        if first[part].get(key) != value
    }


def _subtable(table: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The section `name` of a TOML document, empty where it is left out."""
    if name not in SECTIONS:
        raise UsageError(f"unknown section [{name}]", did_you_mean(name, SECTIONS))
    values = table.get(name, {})
    if not isinstance(values, dict):
        raise UsageError(f"{name} must be a section, not {values!r}")
    return values


def _flat(table: Mapping[str, Any]) -> dict[str, Any]:
    """`{"optim": {"lr": 1}}`, as TOML reads `optim.lr = 1`, to `{"optim.lr": 1}`."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            flat |= {f"{key}.{inner}": v for inner, v in value.items()}
        else:
            flat[key] = value
    return flat


def load(task: str, name_or_path: str | None, settings: Iterable[str] = ()) -> Recipe:
    """The recipe for a task: a file, one of aecli's own by name, or the defaults; then overrides.

    Args:
        task: `denoise`, ...
        name_or_path: a TOML file, or NAME for `recipes/{task}-{NAME}.toml`, or None: the task's own
            defaults, `recipes/{task}.toml`, where there are any.
        settings: overrides such as `optim.lr=3e-4`; values are TOML, anything else is a string.

    Raises:
        UsageError: there is no such recipe, it is not TOML, or it has unknown keys.
    """
    import tomllib  # here, as the help pages need none of it

    table: dict[str, Any] = {"task": task}
    default = RECIPES / f"{task}.toml"
    if name_or_path is None and default.is_file():
        name_or_path = str(default)
    if name_or_path is not None:
        path = Path(name_or_path)
        if path.suffix != ".toml":
            path = RECIPES / f"{task}-{name_or_path}.toml"
            if not path.is_file():
                known = [p.stem.removeprefix(f"{task}-") for p in RECIPES.glob(f"{task}-*.toml")]
                raise UsageError(
                    f"no recipe called {name_or_path!r}", did_you_mean(name_or_path, known)
                )
        try:
            table |= tomllib.loads(path.read_text("utf-8"))
        except OSError as error:
            raise UsageError(f"cannot read recipe {path}: {error.strerror}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UsageError(f"{path} is not TOML: {error}") from None
        if table["task"] != task:
            raise UsageError(f"{path} is a recipe for {table['task']}, not for {task}")
    return apply(table, settings)


def apply(table: Mapping[str, Any], settings: Iterable[str]) -> Recipe:
    """A recipe from a whole TOML document, left as it is, with overrides (`optim.lr=3e-4`).

    Raises:
        UsageError: as `load`.
    """
    table = dict(table)
    for setting in settings:
        _override(table, setting)
    return from_table(table)


def _override(table: dict[str, Any], setting: str) -> None:
    import tomllib

    key, equals, text = setting.partition("=")
    part, dot, name = key.strip().partition(".")
    if not (equals and dot and name):
        raise UsageError(
            f"--set takes SECTION.KEY=VALUE, not {setting!r}", "e.g. --set optim.lr=3e-4"
        )
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    _set(table, f"{part}.{name}", value)


def _set(table: dict[str, Any], key: str, value: Any) -> None:
    part, _, name = key.partition(".")
    # A fresh dict, not setdefault: the section may be shared with the recipe it came from.
    table[part] = {**_subtable(table, part), name: value}


def dumps(recipe: Recipe) -> str:
    """The recipe as TOML; `load` reads it back to an equal recipe."""
    table = recipe.as_table()
    lines = [f"task = {_toml(table.pop('task'))}"]
    for name, values in table.items():
        lines += ["", f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in values.items())]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    """A string, number, boolean or list: TOML writes them as JSON does, but for one character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
