"""Commands and groups whose help is plain text, grouped by panel, and instant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    import typer


class _Exemplified:
    """A command or group whose page ends with its examples.

    They are what follows a line `Examples:` in the docstring, and stay as they stand there.
    """

    help: str | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        text, _, examples = (self.help or "").partition("\nExamples:\n")
        self.help = text.rstrip()
        self.examples = [line.strip() for line in examples.splitlines() if line.strip()]

    def format_epilog(self, _ctx: typer.Context, formatter: Any) -> None:
        """Write the examples."""
        if self.examples:
            with formatter.section("Examples"):
                for line in self.examples:
                    formatter.write(f"{'':{formatter.current_indent}}{line}\n")


class Command(_Exemplified, TyperCommand):  # type: ignore[misc]  # Typer's own types are private
    """A command whose help lists its options under the panel (`rich_help_panel`) each belongs to.

    Typer groups by panel only in its Rich pages, and those take longer to import than all the rest
    of `aecli --help`.
    """

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]  # as below
        """Read the arguments, without Pydantic where that can be."""
        from aecli.cli.coercion import lighten

        lighten(self.get_params(ctx))
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]  # Typer's own types for these are private
        """`[OPTIONS] TASK [NAME]`, with dots after what may repeat."""
        pieces = ["[OPTIONS]"]
        for param in self.get_params(ctx):
            if param.param_type_name == "argument":
                dots = "..." if param.nargs == -1 else ""
                piece = f"{param.metavar or param.name}{dots}"
                pieces.append(piece if param.required else f"[{piece}]")
        return pieces

    def format_options(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]  # as above
        """Write one section a panel, in the order of the function's parameters."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is None:
                continue
            panel = getattr(param, "rich_help_panel", None) or "Options"
            if param.param_type_name == "argument":
                panel, record = "Arguments", (param.metavar or param.name, record[1])
            panels.setdefault(panel, []).append(record)
        for panel, records in panels.items():
            with formatter.section(panel):
                formatter.write_dl(records)


class Group(_Exemplified, TyperGroup):  # type: ignore[misc]  # as above
    """A group of commands that reaches them without detours.

    Typer's own flags (help, completion) default to None; to make that False it loads pydantic,
    which doubles the time of every help page below the group.
    """

    def get_params(self, ctx: typer.Context) -> list[Any]:  # type: ignore[override]  # as above
        """The options, flags that are not given being False."""
        params = super().get_params(ctx)
        for param in params:
            if getattr(param, "is_flag", False) and param.default is None:
                param.default = False
        return params
