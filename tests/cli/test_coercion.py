"""Values are read without Pydantic, as Typer would read them; what it works with is pinned here."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
import typer

from aecli.cli.coercion import _READ_BY, lighten

seen: dict[str, Any] = {}


def _act(
    names: list[str],
    pair: Annotated[tuple[str, int] | None, typer.Option()] = None,
    share: Annotated[float, typer.Option(min=0, max=1)] = 0.5,
    count: Annotated[int | None, typer.Option(min=1)] = None,
    kind: Annotated[Any, typer.Option(parser=str.upper)] = "a",
) -> None:
    seen.update(locals())


def command(*, light: bool) -> Any:
    app = typer.Typer(rich_markup_mode=None)
    app.command()(_act)
    made: Any = typer.main.get_command(app)
    if light:
        lighten(made.params)
    return made


def test_typer_still_works_as_it_is_relied_on() -> None:
    """Where this fails, values are read by Pydantic again: right, and a tenth of a second later."""
    for param in command(light=False).params:
        if param.name in ("names", "pair", "share", "count", "kind"):
            assert callable(getattr(param, _READ_BY)), "Typer reads values in another way"
            assert hasattr(param.type_descriptor, "annotation")
            assert hasattr(param.type_descriptor, "parameter_info")
            assert callable(getattr(param, _READ_BY)().coerce)


GOOD = [
    ["a", "b"],
    ["a", "--pair", "x", "3", "--share", "0.25", "--count", "7", "--kind", "b"],
]


@pytest.mark.parametrize("arguments", GOOD)
def test_values_are_those_that_typer_reads(arguments: list[str]) -> None:
    results = []
    for light in (False, True):
        seen.clear()
        command(light=light).main(args=arguments, standalone_mode=False)
        results.append(dict(seen))
    assert results[0] == results[1]


@pytest.mark.parametrize(
    "arguments", [["a", "--share", "2"], ["a", "--count", "0"], ["a", "--pair", "x", "y"], []]
)
def test_refusals_are_typers_own(arguments: list[str]) -> None:
    said = []
    for light in (False, True):
        with pytest.raises(typer.TyperException) as caught:
            command(light=light).main(args=arguments, standalone_mode=False)
        said.append(caught.value.format_message())
    assert said[0] == said[1]


def test_a_typer_of_another_kind_is_left_alone() -> None:
    class Param:
        name = "x"

    param = Param()
    lighten([param])
    assert vars(param) == {}
