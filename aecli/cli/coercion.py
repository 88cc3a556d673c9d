"""Options' values without Pydantic, which Typer loads to read any: a third of a small command.

Text, numbers, lists of them and what has a parser of its own are read here. Anything else, and any
value that is not good, is left to Typer, so that its messages stay.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from typer._coercion import RuntimeParam, TypeDescriptor, build_runtime_param

_WHOLE = re.compile(r"[+-]?[0-9]+")


def lighten(params: Sequence[Any]) -> None:
    """Let parameters read their values here."""
    for param in params:
        descriptor = param.type_descriptor
        if param._runtime_param is None:
            light = _Light(descriptor.parameter_info, descriptor.annotation, descriptor)
            param._runtime_param = light


@dataclass(frozen=True)
class _Light(RuntimeParam):
    """See the module's docstring."""

    descriptor: TypeDescriptor

    def _coerce_value(self, value: Any, param: Any, ctx: Any) -> Any:
        try:
            return self._read(value, self.annotation)
        except _NotReadError:
            return build_runtime_param(self.descriptor)._coerce_value(value, param=param, ctx=ctx)

    def _read(self, value: Any, kind: Any) -> Any:
        info = self.parameter_info
        if get_origin(kind) is list and isinstance(value, Sequence) and not isinstance(value, str):
            return [self._read(each, get_args(kind)[0]) for each in value]
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
        least, most = self.parameter_info.min, self.parameter_info.max
        if (least is not None and number < least) or (most is not None and number > most):
            raise _NotReadError
        return number


class _NotReadError(Exception):
    """A value is for Typer itself."""
