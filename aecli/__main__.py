"""`python -m aecli`, and the `aecli` command."""

from __future__ import annotations

import io
import os
import sys
import warnings

from aecli.cli import stopping
from aecli.cli.app import run


def main() -> None:
    """Run the program on the process's arguments and leave with its exit code."""
    _open_closed_streams()
    if isinstance(sys.stdout, io.TextIOWrapper):
        if sys.stdout.isatty():  # shows what it can of any name
            sys.stdout.reconfigure(errors="backslashreplace")
        else:  # names pass as they are
            sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
    if os.environ.get("AECLI_DEBUG") != "1":
        warnings.filterwarnings("ignore", module="PIL")  # of broken metadata, file unnamed
    stopping.watch()
    try:
        code = run(sys.argv[1:])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    stopping.leave(code)


def _open_closed_streams() -> None:
    """Let standard streams that the caller closed be there: empty, or failing as those do."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            lost = os.O_WRONLY if name == "stderr" else os.O_RDONLY  # of data, not of messages
            setattr(sys, name, os.fdopen(os.open(os.devnull, lost), mode))


if __name__ == "__main__":
    main()
