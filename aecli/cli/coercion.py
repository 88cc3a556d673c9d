"""Options' values without Pydantic, which Typer loads to read any: a third of a small command.

Text, numbers, lists and tuples of them and what has a parser of its own are read here. Anything
else, and any value that is not good, is left to Typer, so that its messages stay; so is everything
where a Typer of another version works in another way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_origin

_WHOLE = re.compile(r"[+-]?[0-9]+")
_READ_BY = "get_runtime_param"
"""The method of Typer's parameters that gives what reads their values, by its `coerce`."""


def lighten(params: Sequence[Any]) -> None:
    """Let parameters read their values here."""
    for param in params:
        descriptor = getattr(param, "type_descriptor", None)
        if descriptor is not None and hasattr(param, _READ_BY) and _READ_BY not in vars(param):
            light = _Light(descriptor.annotation, descriptor.parameter_info, param)
            setattr(param, _READ_BY, light.itself)


@dataclass(frozen=True)
class _Light:
    """See the module's docstring.

    Attributes:
        annotation: the type of the values.
        info: what `typer.Option` or `typer.Argument` said.
        param: Typer's parameter.
    """

    annotation: Any
    info: Any
    param: Any

    def itself(self) -> _Light:
        return self

    def coerce(self, value: Any, *, param: Any, ctx: Any) -> Any:
        """A value from what the command line, the environment or a default gives."""
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        try:
            return self._read(value, self.annotation)
        except _NotReadError:
            typers: Callable[[], Any] = getattr(type(self.param), _READ_BY).__get__(self.param)
            return typers().coerce(value, param=param, ctx=ctx)

    def _read(self, value: Any, kind: Any) -> Any:
        info, kinds = self.info, get_args(kind)
        if get_origin(kind) is list and isinstance(value, Sequence) and not isinstance(value, str):
            return [self._read(each, kinds[0]) for each in value]
        if get_origin(kind) is tuple and isinstance(value, tuple) and len(value) == len(kinds):
            return tuple(map(self._read, value, kinds))
        if info.parser is not None and get_origin(kind) is None:
            return info.parser(value)
        if kind is str and isinstance(value, str):
            return value
        if kind is int and _WHOLE.fullmatch(str(value)):
            return self._within(int(value))
        if kind is float:
            try:
                return self._within(float(value))
            except (TypeError, ValueError):
                raise _NotReadError from None
        raise _NotReadError

    def _within(self, number: float) -> float:
        least, most = self.info.min, self.info.max
        if (least is not None and number < least) or (most is not None and number > most):
            raise _NotReadError
        return number


class _NotReadError(Exception):
    """A value is for Typer itself."""
