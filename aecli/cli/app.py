"""The `aecli` program: its subcommands, its global options, and the one place where errors end.

A subcommand is a module or package beside this one, of its name, that offers
`register(app: Typer) -> None`; it is found by itself, so that adding one touches one file. A
package for several commands has a module of each one's name. Modules here import nothing heavier
than Typer at their top (no torch, numpy, Pillow or Rich: a test holds it) and the rest inside the
function that does the work, so that every help page is instant.
"""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aecli import __version__
from aecli.cli import completion, console, cures, settings, stopping, suggestions
from aecli.cli.help import Group
from aecli.errors import AecliError

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 and the signal's number, as shells have it."""


_HELP = """Autoencoders for image files: clean pictures, and train the models that do it.

Examples:
    aecli denoise photo.jpg
    aecli denoise --help
    man aecli-denoise
    AECLI_DENOISE_QUALITY=92 aecli denoise photo.jpg
    aecli --install-completion
"""


def build(command: str | None = None) -> Any:
    """The command line, as the object that Typer runs.

    Args:
        command: the one that is needed, so that where there is one of that name no others are
            loaded; None: all.
    """
    folder = Path(__file__).parent
    rooms = [found.name for found in pkgutil.iter_modules([str(folder)])]
    own = [r for r in rooms if r == command or (folder / r / f"{command}.py").is_file()]
    program = _program(own)
    return program if command in program.commands else _program(rooms)


def _program(rooms: Sequence[str]) -> Any:
    """The commands of some modules and packages beside this one."""
    app = typer.Typer(
        name="aecli",
        cls=Group,
        help=_HELP,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback(invoke_without_command=True)(_global_options)
    for room in rooms:
        module = importlib.import_module(f"{__package__}.{room}")
        if register := getattr(module, "register", None):
            register(app)
    program: Any = typer.main.get_command(app)
    program.commands = dict(sorted(program.commands.items()))
    settings.name_variables(program)
    completion.guard(program)
    return program


def _modules() -> set[str]:
    """The names of all modules and packages here and below: those of commands are among them."""
    folder = Path(__file__).parent
    return {path.stem for pattern in ("*", "*/*.py") for path in folder.glob(pattern)}


def run(arguments: Sequence[str]) -> int:
    """Run the program and return its exit code; no exception but `SystemExit` leaves here."""
    chosen: settings.Settings = {}
    try:
        words = suggestions.arguments(arguments)
        program = build(next(iter(words), None))
        if {"-h", "--help", "--version"}.isdisjoint(words):  # which answer whatever a file says
            chosen = settings.load(program, others=_modules())
        with stopping.telling(lambda: console.say("interrupted")):
            code = program.main(
                args=words,
                prog_name="aecli",
                standalone_mode=False,
                default_map=settings.as_defaults(chosen),
            )
        console.flush()
    except AecliError as error:
        return _fail(error, error.message, cures.hint(error), error.exit_code)
    except typer.TyperException as error:
        message, hint = suggestions.hint(error)
        origin = settings.origin(error, chosen)
        return _fail(error, message + (f" ({origin})" if origin else ""), hint, error.exit_code)
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
