"""Commands whose options come from two places: those of a whole family, and their own.

Typer reads a function's parameters; here they are put together from two signatures.
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def options_of(source: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters of a function, or the fields of a dataclass, that are options."""
    hints = get_type_hints(source, include_extras=True)
    return [
        p.replace(annotation=hints[p.name])
        for p in inspect.signature(source).parameters.values()
        if p.name in hints and p.kind is not p.VAR_KEYWORD
    ]


def joined(
    command: Callable[..., Any],
    task: Callable[..., Any],
    shared: Sequence[inspect.Parameter],
    *,
    before: str,
) -> Callable[..., Any]:
    """`command` with the name and help of `task`, and with the options of both.

    Args:
        command: takes all options by name.
        task: its first parameter is what `command` makes of the shared options, the others are
            options of its own.
        shared: the shared options.
        before: the shared option that the task's own stand before in the help.
    """
    place = next(i for i, p in enumerate(shared) if p.name == before)
    parameters = [*shared[:place], *options_of(task)[1:], *shared[place:]]
    result = functools.wraps(task)(functools.partial(command))
    result.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    result.__annotations__ = {p.name: p.annotation for p in parameters}
    return result
