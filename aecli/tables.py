"""From plain tables, as TOML and JSON have them, to the dataclasses that give them meaning."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING, Any, TypeVar

from aecli.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

Section = TypeVar("Section")


def section(cls: type[Section], table: Mapping[str, Any], name: str) -> Section:
    """A dataclass of numbers, strings and tuples of them from the table called `name`.

    Raises:
        UsageError: an unknown key, or a value of the wrong type.
    """
    hints = typing.get_type_hints(cls)
    for key, value in table.items():
        if key not in hints:
            raise UsageError(f"unknown key {name}.{key}", did_you_mean(key, hints))
        if not _fits(value, hints[key]):
            raise UsageError(f"{name}.{key} must be {_called(hints[key])}, not {value!r}")
    return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in table.items()})


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
    inner = typing.get_args(hint)
    return f"a list of {inner[0].__name__}" if inner else str(hint.__name__)
