"""From options to a request, the one way: each field of a dataclass is an option.

The field's annotation is the option's type, name and help, its default what holds without it.
"""

from __future__ import annotations

import functools
import inspect
from dataclasses import MISSING, Field, fields
from typing import TYPE_CHECKING, Any, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Callable


def command(act: Callable[[Any], int | None]) -> Callable[..., int | None]:
    """A command as Typer takes it, with the options of the request that `act` takes.

    Args:
        act: its name is the command's, its docstring the help, its one parameter's annotation the
            dataclass. Where that extends another one whose `OWN_BEFORE` names a field, its own
            options stand before that one.
    """
    [request] = [kind for name, kind in get_type_hints(act).items() if name != "return"]
    parameters = _parameters(request)
    lists = {f.name for f in fields(request) if f.default_factory is not MISSING}

    @functools.wraps(act)
    def run(**values: Any) -> int | None:
        given = {k: v for k, v in values.items() if v is not None or k not in lists}
        return act(request(**given))

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    return run


def _parameters(request: type[Any]) -> list[inspect.Parameter]:
    """The fields of a dataclass as parameters of a function, those of subclasses in their place."""
    hints = get_type_hints(request, include_extras=True)
    parameters = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if _needed(field) else _default(field),
            annotation=hints[field.name],
        )
        for field in fields(request)
    ]
    base = next((kind for kind in request.__mro__ if "OWN_BEFORE" in vars(kind)), request)
    if base is request:
        return parameters
    place, inherited = vars(base)["OWN_BEFORE"], {field.name for field in fields(base)}
    own = [p for p in parameters if p.name not in inherited]
    shared = [p for p in parameters if p.name in inherited]
    at = next(i for i, p in enumerate(shared) if p.name == place)
    return [*shared[:at], *own, *shared[at:]]


def _needed(field: Field[Any]) -> bool:
    return field.default is field.default_factory is MISSING


def _default(field: Field[Any]) -> Any:
    """What holds without an option; of lists None, for which Typer has no other word."""
    return None if field.default is MISSING else field.default
