"""What the program says: data on stdout; messages, warnings and progress bars on stderr."""

from __future__ import annotations

import functools
import io
import json
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, Self, TextIO, TypeVar

from aecli.errors import AecliError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from rich.console import Console
    from rich.progress import Progress

T = TypeVar("T")


@functools.cache
def stderr() -> Console:
    """The console all messages and bars share, so that they never garble each other.

    Rich honours NO_COLOR and FORCE_COLOR.
    """
    from rich.console import Console

    return Console(stderr=True, highlight=False, markup=False, emoji=False)


def say(message: str, label: str | None = None, style: str | None = None) -> None:
    """One line on stderr, `aecli: [label: ]message`, never wrapped."""
    if not colourful():
        labelled = message if label is None else f"{label}: {message}"
        sys.stderr.write(f"aecli: {printable(labelled)}\n")
        return
    from rich.text import Text

    line = Text("aecli: ")
    if label is not None:
        line.append(f"{label}: ", style)
    line.append(printable(message))
    stderr().print(line, soft_wrap=True)


def colourful() -> bool:
    """Whether stderr shows colours and bars; where not, Rich need not be loaded."""
    return sys.stderr.isatty() or bool(os.environ.get("FORCE_COLOR"))


def error(message: str, hint: str | None = None) -> None:
    """What failed, and what cures it."""
    say(message, "error", "bold red")
    if hint is not None:
        advise(hint)


def advise(hint: str) -> None:
    """What the user may do next."""
    say(hint, "hint", "bold")


def warning(message: str) -> None:
    """What the user should know although the work goes on."""
    say(message, "warning", "bold yellow")


def unexpected(error: Exception) -> tuple[str, str]:
    """Message and hint for an exception that nobody foresaw."""
    message = f"{type(error).__name__}: {error}".strip().partition("\n")[0]
    return message, "this is a bug in aecli; AECLI_DEBUG=1 shows the traceback, please report it"


def trace(error: Exception) -> None:
    """The traceback of an exception on stderr, if AECLI_DEBUG=1 asks for it."""
    if os.environ.get("AECLI_DEBUG") == "1":
        import traceback

        traceback.print_exception(error)


def line(text: str) -> None:
    """One line of data on stdout."""
    with _stdout() as out:
        out.write(f"{text}\n")


def raw(text: str) -> None:
    """Names of files on stdout, byte for byte, whatever their encoding."""
    deliver(lambda file: file.write(os.fsencode(text)), None)


def record(values: Mapping[str, Any]) -> None:
    """One JSON object, one line, on stdout, at once."""
    line(json.dumps(values, allow_nan=False))
    flush()


def flush() -> None:
    """Send what stdout still holds on its way.

    Raises:
        AecliError: it is not taken.
    """
    with _stdout() as out:
        out.flush()


@contextmanager
def _stdout() -> Iterator[TextIO]:
    """Standard output; where it takes no more, its data are lost, and that is said once."""
    try:
        yield sys.stdout
    except BrokenPipeError:
        raise
    except OSError as error:
        discard_stdout()
        raise AecliError(f"standard output: {error.strerror}") from error


def deliver(write: Callable[[BinaryIO], T], target: Path | None, *, overwrite: bool = False) -> T:
    """What `write` writes goes to a file, whole or not at all, or where that is None to stdout.

    Returns:
        What `write` returns.

    Raises:
        InputError: the file exists and `overwrite` is False, or cannot be written.
    """
    from aecli.files.atomic import atomic

    if target is not None:
        with atomic(target, overwrite=overwrite) as file:
            return write(file)
    buffer = io.BytesIO()  # encoders seek, pipes do not
    result = write(buffer)
    with _stdout() as out:
        out.flush()
        out.buffer.write(buffer.getbuffer())
        out.buffer.flush()
    return result


def table(headers: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """A table on stdout: aligned columns and nothing else, easy to read and to cut."""
    cells = [tuple(headers), *(tuple(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        line("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip())


def printable(text: str) -> str:
    """The text with control characters escaped: file names hold any, a message is one line."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def stdout_is_terminal() -> bool:
    """Whether stdout is a terminal, which must never get the bytes of an image."""
    return sys.stdout.isatty()


def discard_stdout() -> None:
    """Let what is still to be written to a standard output that takes no more go nowhere."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())


class Bars:
    """Progress on a terminal's stderr, nothing elsewhere: images done, and pixels of a large one.

    Messages of this module appear above the bars.
    """

    LARGE = 2_000_000
    """Pixels from which an image has a bar of its own."""

    def __init__(self, images: int, *, shown: bool, what: str = "images") -> None:
        self._images = images
        self._what = what
        self._shown = shown and colourful() and stderr().is_terminal
        self._progress: Progress | None = None

    def __enter__(self) -> Self:
        """Show the bars."""
        if self._shown:
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.completed:.0f}/{task.total:.0f} {task.fields[unit]}"),
                TimeRemainingColumn(),
            )
            self._progress = Progress(*columns, console=stderr(), transient=True)
            self._all = self._progress.add_task(self._what, total=self._images, unit="")
            self._one = self._progress.add_task("", total=1, unit="MP", visible=False)
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bars away."""
        if self._progress is not None:
            self._progress.stop()

    def advance(self) -> None:
        """One more image is done."""
        if self._progress is not None:
            self._progress.advance(self._all)

    def inside(self, name: str) -> Callable[[int, int], None]:
        """What a model calls with the pixels done and those in all of the image `name`."""

        def update(done: int, total: int) -> None:
            if self._progress is not None:
                self._progress.update(
                    self._one,
                    description=printable(name),
                    completed=done / 1e6,
                    total=total / 1e6,
                    visible=self.LARGE <= total != done,
                )

        return update
