"""The `aecli` program: its subcommands, its global options, and the one place where errors end.

A subcommand is a module or package beside this one that offers `register(app: Typer) -> None`; it
is found by itself, so that adding one touches one file. Modules here import nothing heavier than
Typer at their top (no torch, numpy, Pillow or Rich: a test holds it) and the rest inside the
function that does the work, so that every help page is instant.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aecli import __version__
from aecli.cli import console, cures, settings
from aecli.cli.help import Group
from aecli.errors import AecliError

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 and the signal's number, as shells have it."""


def build() -> Any:
    """The whole command line, as the object that Typer runs."""
    app = typer.Typer(
        name="aecli",
        cls=Group,
        help="Autoencoders for image files: clean pictures, and train the models that do it.",
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback(invoke_without_command=True)(_global_options)
    package = importlib.import_module(__package__ or "aecli.cli")
    for found in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{found.name}")
        if register := getattr(module, "register", None):
            register(app)
    program: Any = typer.main.get_command(app)
    program.commands = dict(sorted(program.commands.items()))
    settings.name_variables(program)
    return program


def run(arguments: Sequence[str]) -> int:
    """Run the program and return its exit code; no exception but `SystemExit` leaves here."""
    try:
        program = build()
        # A file that is no good is no reason to keep back the help.
        plain = not {"-h", "--help", "--version"}.isdisjoint(arguments)
        defaults = {} if plain else settings.as_defaults(program)
        code = program.main(
            args=list(arguments),
            prog_name="aecli",
            standalone_mode=False,
            default_map=defaults,
        )
        console.flush()
    except AecliError as error:
        return _fail(error, error.message, cures.hint(error), error.exit_code)
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        hint = f"see '{context.command_path} --help'" if context else None
        origin = settings.origin(error)
        message = error.format_message() + (f" ({origin})" if origin else "")
        return _fail(error, message, hint, error.exit_code)
    except BrokenPipeError:
        console.discard_stdout()
        return 1
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _fail(error, f"{place}{error.strerror or error}", None, 1)
    except Exception as error:
        return _fail(error, *console.unexpected(error), 1)
    return code if isinstance(code, int) else 0


def _fail(error: Exception, message: str, hint: str | None, code: int) -> int:
    """Say what ended the program."""
    console.trace(error)
    console.error(message, hint)
    return code


def _show_version(wanted: bool) -> None:
    if wanted:
        console.line(f"aecli {__version__}")
        raise typer.Exit


def _global_options(
    context: typer.Context,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", callback=_show_version, is_eager=True
        ),
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(2)
