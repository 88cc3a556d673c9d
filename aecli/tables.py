"""From plain tables, as TOML and JSON have them, to the dataclasses that give them meaning."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from aecli.errors import UsageError, did_you_mean

Section = TypeVar("Section")


def section(cls: type[Section], table: Mapping[str, Any], name: str) -> Section:
    """A dataclass from the table called `name`.

    Its fields are numbers, strings, tuples of them, other such dataclasses, or one of these or
    None; what the table lacks keeps its default.

    Raises:
        UsageError: an unknown or a missing key, or a value of the wrong type.
    """
    hints = typing.get_type_hints(cls)
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in hints:
            raise UsageError(f"unknown key {name}.{key}", did_you_mean(key, hints))
        hint = _meant(hints[key], value)
        if dataclasses.is_dataclass(hint) and isinstance(value, Mapping):
            values[key] = section(typing.cast("type[Any]", hint), value, f"{name}.{key}")
        elif _fits(value, hint):
            values[key] = tuple(value) if isinstance(value, list) else value
        else:
            raise UsageError(f"{name}.{key} must be {_called(hint)}, not {value!r}")
    for field in dataclasses.fields(typing.cast("Any", cls)):
        needed = field.default is field.default_factory is dataclasses.MISSING
        if needed and field.name not in values:
            raise UsageError(f"{name} lacks {field.name}")
    return cls(**values)


def _meant(hint: Any, value: object) -> Any:
    """What a value is held against, of a type or None."""
    if typing.get_origin(hint) is not types.UnionType:
        return hint
    return type(None) if value is None else typing.get_args(hint)[0]


def _fits(value: object, hint: Any) -> bool:
    if typing.get_origin(hint) is tuple:
        inner = [a for a in typing.get_args(hint) if a is not Ellipsis]
        fixed = Ellipsis not in typing.get_args(hint)
        return (
            isinstance(value, list | tuple)
            and (not fixed or len(value) == len(inner))
            and all(_fits(v, inner[0]) for v in value)
        )
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, hint) and not (hint is int and isinstance(value, bool))


def _called(hint: Any) -> str:
    if dataclasses.is_dataclass(hint):
        return "a table"
    inner = typing.get_args(hint)
    return f"a list of {inner[0].__name__}" if inner else str(hint.__name__)
