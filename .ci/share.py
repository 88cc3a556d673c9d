"""What the wheel brings for `share/`: man pages, and completion in bash, zsh and fish.

Hatchling runs this while it builds a wheel; of all that aecli needs only Typer is there then. A man
page is a help page, written by another formatter.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

EXIT = (
    ("0", "All done; inputs that were left out count as done."),
    ("1", "At least one input failed, the others are done."),
    ("2", "Wrong usage; nothing was done."),
    ("3", "A model is missing or damaged."),
    ("130", "Interrupted; what was done is kept."),
)
ENVIRONMENT = (
    ("AECLI_HOME", "Where models and training runs are kept."),
    ("AECLI_DEVICE", "What --device auto means."),
    ("AECLI_ENGINE", "What --engine auto prefers."),
    ("AECLI_COMMAND_OPTION", "The default of an option, for example AECLI_DENOISE_QUALITY=92."),
    ("AECLI_DEBUG", "1 shows tracebacks."),
    ("NO_COLOR", "No colours."),
)
FILES = (
    ("AECLI_HOME/config.toml", "Defaults of options, in a table a command."),
    ("aecli.toml", "The same for the working folder."),
)
COMPLETIONS = {
    "bash": "bash-completion/completions/aecli",
    "zsh": "zsh/site-functions/_aecli",
    "fish": "fish/vendor_completions.d/aecli.fish",
}
AUTOLOADED = """
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _aecli_completion "$@"; fi
"""
"""What zsh needs besides: it runs the file itself when words are completed for the first time."""


class Share(BuildHookInterface[Any]):
    """Adds the files to a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Write them, and name them to Hatchling."""
        sys.path.insert(0, self.root)
        self._folder = Path(tempfile.mkdtemp())
        for place, text in files().items():
            path = self._folder / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        build_data["shared_data"][str(self._folder)] = "share"

    def finalize(self, *_: Any) -> None:
        """Remove what is in the wheel by now."""
        shutil.rmtree(self._folder)


def files() -> dict[str, str]:
    """The texts, by their places in `share/`."""
    from aecli.cli.app import build

    program = build()
    found = {f"man/man1/{_name(call)}.1": _page(call) for call in _calls(program, "aecli")}
    return found | {place: _completion(program, shell) for shell, place in COMPLETIONS.items()}


def _calls(command: Any, word: str, parent: Any = None) -> Iterator[Any]:
    """Contexts (Typer's) in which a command and all below it are called."""
    call = command.make_context(word, [], parent=parent, resilient_parsing=True)
    yield call
    for name, each in getattr(command, "commands", {}).items():
        yield from _calls(each, name, call)


def _name(call: Any) -> str:
    """The name of a man page: `aecli-models-list`."""
    return "-".join([*([_name(call.parent)] if call.parent else []), call.info_name])


def _completion(program: Any, shell: str) -> str:
    """The script by which a shell asks the program how words may end."""
    os.environ["_AECLI_COMPLETE"] = f"source_{shell}"
    script = io.StringIO()
    with redirect_stdout(script), suppress(SystemExit):
        program.main(args=[], prog_name="aecli")
    del os.environ["_AECLI_COMPLETE"]
    return script.getvalue().strip() + "\n" + (AUTOLOADED if shell == "zsh" else "")


def _page(call: Any) -> str:
    """The man page of a command."""
    about = call.command.get_short_help_str(200).rstrip(".")
    page = Page(_name(call), about[:1].lower() + about[1:])
    call.command.format_help(call, page)
    with page.section("Exit status"):
        page.write_dl(EXIT)
    if call.parent is None:
        with page.section("Environment"):
            page.write_dl(ENVIRONMENT)
        with page.section("Files"):
            page.write_dl(FILES)
    above = [_name(call.parent)] if call.parent else []
    below = [f"{_name(call)}-{word}" for word in getattr(call.command, "commands", {})]
    with page.section("See also"):
        page.add(", ".join(rf"\fB{escaped(name)}\fR(1)" for name in above + below))
    return page.getvalue()


class Page:
    """A man page (roff, with the macros of man(7)), written as Typer's help formatter is.

    Args:
        name: of the page.
        about: what the command does, in a few words.
    """

    width = 1000  # man breaks the lines
    current_indent = 0

    def __init__(self, name: str, about: str) -> None:
        from aecli.version import __version__

        self._lines = [f'.TH "{name.upper()}" 1 "" "aecli {__version__}"', ".nh", ".ad l"]
        with self.section("Name"):
            self.add(rf"{escaped(name)} \- {escaped(about)}")

    def add(self, *lines: str) -> None:
        """Add lines of roff."""
        self._lines += lines

    def getvalue(self) -> str:
        """The page."""
        return "\n".join([*self._lines, ""])

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        """Add a heading, in capitals unless it names an option."""
        self.add(f'.SH "{name if "--" in name else name.upper()}"')
        yield

    @contextmanager
    def indentation(self) -> Iterator[None]:
        """Nothing: man indents."""
        yield

    def write_usage(self, prog: str, args: str = "") -> None:
        """Add how a command is called."""
        with self.section("Synopsis"):
            self.add(rf"\fB{escaped(prog)}\fR {escaped(args)}")
        self.add('.SH "DESCRIPTION"')

    def write_paragraph(self) -> None:
        """Nothing: sections stand apart."""

    def write_text(self, text: str) -> None:
        """Add paragraphs."""
        for number, paragraph in enumerate(text.split("\n\n")):
            self.add(*[".PP"][: number > 0], escaped(" ".join(paragraph.split())))

    def write_dl(self, rows: Iterable[tuple[str, str]]) -> None:
        """Add terms, and what they mean."""
        for term, text in rows:
            self.add(".TP", rf"\fB{escaped(term)}\fR", escaped(" ".join(text.split())))

    def write(self, string: str) -> None:
        """Add a line as it stands."""
        self.add(".nf", escaped(string.strip()), ".fi")


def escaped(text: str) -> str:
    """Plain text as roff: every character itself, also where it is to be copied from the page."""
    own = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti"}
    line = "".join(own.get(c) or (c if c.isascii() else rf"\[u{ord(c):04X}]") for c in text)
    return rf"\&{line}" if line.startswith(".") else line
