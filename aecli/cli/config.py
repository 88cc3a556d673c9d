"""`aecli config`: the user's own defaults, and where each comes from."""

from __future__ import annotations

from typing import Annotated

import typer

from aecli.cli import console, options, settings
from aecli.cli.help import Command, Group
from aecli.errors import UsageError, did_you_mean


def register(app: typer.Typer) -> None:
    """Add `aecli config` to the program."""
    config = typer.Typer(help="Show the defaults of options that you have set.", cls=Group)
    config.command("show", cls=Command)(show)
    app.add_typer(config, name="config")


def show(
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="COMMAND", help="Show all options of this one, such as train embed."
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Show what options are where the command line does not say it, and who says so.

    A variable of the environment (AECLI_DENOISE_QUALITY=92) comes before aecli.toml in the working
    folder, and that before config.toml in AECLI_HOME. Files have a table a command: [denoise] and
    below it quality = 92, [train.denoise] and below it loss = "l1".

    Examples:
        aecli config show
        aecli config show denoise
        aecli config show train upscale --json
    """
    from aecli.cli.app import build

    program = build()
    chosen = settings.load(program)
    asked, known = tuple(command or ()), dict(settings.commands(program))
    if asked and asked not in known:
        called = " ".join(asked)
        names = [" ".join(words) for words in known]
        raise UsageError(f"there is no command {called!r}", did_you_mean(called, names))
    rows = [
        {
            "command": " ".join(words),
            "option": name,
            "value": held.value,
            "from": held.origin or "default",
        }
        for words, each in known.items()
        for name, held in settings.present(words, each, chosen).items()
        if words == asked or (not asked and held.origin)
    ]
    if json:
        for row in rows:
            console.record(row)
    elif rows:
        cells = (map(_text, row.values()) for row in rows)
        console.table((key.upper() for key in rows[0]), cells)
    else:
        places = ", ".join(map(str, settings.files()))
        console.say(f"nothing is set, neither in the environment nor in {places}")


def _text(value: object) -> str:
    """A value as one may write it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
