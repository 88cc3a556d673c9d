"""`python -m aecli`, and the `aecli` command."""

from __future__ import annotations

import io
import os
import signal
import sys
import warnings
from typing import NoReturn

from aecli.cli.app import run


def main() -> None:
    """Run the program on the process's arguments and leave with its exit code."""
    _open_closed_streams()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")  # file names pass as they are
    if os.environ.get("AECLI_DEBUG") != "1":
        warnings.filterwarnings("ignore", module="PIL")  # of broken metadata, file unnamed
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:  # nohup ignores it
            signal.signal(number, _terminate)
    sys.exit(run(sys.argv[1:]))


def _open_closed_streams() -> None:
    """Let standard streams that the caller closed be empty instead of absent."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115 - open for good


def _terminate(number: int, _frame: object) -> NoReturn:
    """Unwind on a signal, so that no half-written file stays behind."""
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
