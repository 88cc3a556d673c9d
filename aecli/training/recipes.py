"""Recipes as text: TOML in, frozen dataclasses out; an unknown key names the known ones."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import accumulate, pairwise
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
SECTIONS = ("model", "objective", *KINDS, "stage")


def from_table(table: Mapping[str, Any]) -> Recipe:
    """A recipe from a whole TOML document.

    Raises:
        UsageError: as `section`.
    """
    parts = {name: _subtable(table, name) for name in table if name not in ("task", "stage")}
    filled: dict[str, Any] = {
        k: section(KINDS[k], v, k) if k in KINDS else v for k, v in parts.items()
    }
    return Recipe(table["task"], **filled, stage=_stage_list(table.get("stage", ())))


def stages(recipe: Recipe) -> list[Recipe]:
    """The recipe of each stage, as if it were a run of its own: one at least.

    Raises:
        UsageError: a stage has unknown keys, or changes the architecture.
    """
    whole = recipe.as_table() | {"stage": []}
    if not recipe.stage:
        return [recipe]
    each = []
    for number, changes in enumerate(recipe.stage, 1):
        table = dict(whole)
        for key, value in changes.items():
            if key in ("model.architecture", "model.preset"):
                raise UsageError(f"stage.{number}.{key}: all stages have one architecture")
            _set(table, key, value)
        each.append(from_table(table))
    return each


def of_steps(recipe: Recipe, steps: int) -> Recipe:
    """The recipe for a number of steps in all; stages keep their shares, one step each at least."""
    if not recipe.stage:
        return replace(recipe, run=replace(recipe.run, steps=steps))
    before = [stage.run.steps for stage in stages(recipe)]
    ends = [round(steps * end / sum(before)) for end in accumulate(before)]
    lengths = [max(1, end - start) for start, end in pairwise([0, *ends])]
    lengths[-1] = max(1, steps - sum(lengths[:-1]))
    changed = [s | {"run.steps": n} for s, n in zip(map(dict, recipe.stage), lengths, strict=True)]
    return replace(recipe, stage=changed)


_RENAMED = {"objective.doubt": "objective.sigma_jitter", "model.fold": "model.unshuffle"}


def as_written_before(table: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe's table as older checkpoints hold it, in today's words."""
    new = {name: dict(part) if isinstance(part, dict) else part for name, part in table.items()}
    new.get("run", {}).pop("share", None)
    second = new.pop("second", None)
    if second:
        new["stage"] = [{}, {_RENAMED.get(key, key): value for key, value in second.items()}]
    for old, name in _RENAMED.items():
        part, _, key = old.partition(".")
        if key in new.get(part, {}):
            new[part][name.partition(".")[2]] = new[part].pop(key)
    return new


def _stage_list(stages: Any) -> tuple[dict[str, Any], ...]:
    """`[[stage]]` sections as TOML reads them, `optim.lr = 1` being nested -> flat tables."""
    if not (isinstance(stages, list | tuple) and all(isinstance(s, dict) for s in stages)):
        raise UsageError("stages are a list of sections: [[stage]]")
    return tuple(_flat(stage) for stage in stages)


def _subtable(table: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The section `name` of a TOML document, empty where it is left out."""
    if name not in SECTIONS or name == "stage":
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
            defaults, `recipes/{task}.toml`.
        settings: overrides such as `optim.lr=3e-4`; values are TOML, anything else is a string.

    Raises:
        UsageError: there is no such recipe, it is not TOML, or it has unknown keys.
    """
    import tomllib  # here, as the help pages need none of it

    path = _path(task, name_or_path)
    try:
        table = {"task": task} | tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read recipe {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}") from None
    if table["task"] != task:
        raise UsageError(f"{path} is a recipe for {table['task']}, not for {task}")
    return apply(table, settings)


def _path(task: str, name_or_path: str | None) -> Path:
    if name_or_path is None:
        return RECIPES / f"{task}.toml"
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = RECIPES / f"{task}-{name_or_path}.toml"
        if not path.is_file():
            known = [p.stem.removeprefix(f"{task}-") for p in RECIPES.glob(f"{task}-*.toml")]
            raise UsageError(
                f"no recipe called {name_or_path!r}", did_you_mean(name_or_path, known)
            )
    return path


def abouts() -> list[tuple[str, str]]:
    """aecli's own recipes, as `TASK NAME`, and the line that each begins with."""
    found = []
    for path in sorted(RECIPES.glob("*-*.toml")):
        task, _, name = path.stem.partition("-")
        with path.open(encoding="utf-8") as file:
            line = file.readline().lstrip("# ").strip()
        found.append((f"{task} {name}", line.partition("`: ")[2] or line))
    return found


def apply(table: Mapping[str, Any], settings: Iterable[str]) -> Recipe:
    """A recipe from a whole TOML document, left as it is, with overrides (`optim.lr=3e-4`).

    Raises:
        UsageError: as `load`.
    """
    table = dict(table)
    parsed = [_parsed(setting) for setting in settings]
    if any(part == "about" for part, _, _ in parsed):
        _set(table, "about.images", 0)  # whoever says it means these images
    for part, name, value in parsed:
        if (part, name) == ("model", "architecture"):
            _change_architecture(table, value)
    for part, name, value in parsed:
        if part == "stage":
            _set_in_stage(table, name, value)
        else:
            _set(table, f"{part}.{name}", value)
    return from_table(table)


def _parsed(setting: str) -> tuple[str, str, Any]:
    """`optim.lr=3e-4` -> section, key, value."""
    import tomllib

    key, equals, text = setting.partition("=")
    part, dot, name = key.strip().partition(".")
    if not (equals and dot and name):
        raise UsageError(f"a setting is SECTION.KEY=VALUE, not {setting!r}", "e.g. optim.lr=3e-4")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    return part, name, value


def _change_architecture(table: dict[str, Any], name: object) -> None:
    """Leave out what a recipe says of another architecture, and of an objective that is not its.

    Unknown names are left to whoever looks the architecture up.
    """
    from aecli.models.registry import Registry

    task = table["task"]
    objectives = {spec.name: spec.tasks[task] for spec in Registry.discover().for_task(task)}
    before = _subtable(table, "model").get("architecture") or default_architecture(task)
    if name == before or name not in objectives:
        return
    table["model"] = {}
    if objectives[str(name)] != objectives.get(before):
        table["objective"], table["stage"] = {}, []


def default_architecture(task: str) -> str:
    """The architecture that a task's own recipe names."""
    name: str = load(task, None).model["architecture"]
    return name


def _set_in_stage(table: dict[str, Any], name: str, value: Any) -> None:
    """`2.optim.lr`: a key of the second stage."""
    number, _, key = name.partition(".")
    each = list(_stage_list(table.get("stage", ())))
    if not (number.isdecimal() and 1 <= int(number) <= len(each) and key):
        known = f"it has {len(each)}" if each else "it has no stages"
        raise UsageError(f"the recipe has no stage.{name}", f"{known}; e.g. stage.1.optim.lr=3e-4")
    each[int(number) - 1] = each[int(number) - 1] | {key: value}
    table["stage"] = each


def _set(table: dict[str, Any], key: str, value: Any) -> None:
    part, _, name = key.partition(".")
    # A fresh dict, not setdefault: the section may be shared with the recipe it came from.
    table[part] = {**_subtable(table, part), name: value}


def dumps(recipe: Recipe) -> str:
    """The recipe as TOML; `load` reads it back to an equal recipe."""
    table = recipe.as_table()
    lines = [f"task = {_toml(table.pop('task'))}"]
    parts = [(f"[[{name}]]", v) for name in ("stage",) for v in table.pop(name)]
    parts = [(f"[{name}]", values) for name, values in table.items()] + parts
    for heading, values in parts:
        lines += ["", heading, *(f"{key} = {_toml(value)}" for key, value in values.items())]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    """A string, number, boolean or list: TOML writes them as JSON does, but for one character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
