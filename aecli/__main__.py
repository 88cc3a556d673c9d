"""`python -m aecli`, and the `aecli` command."""

from __future__ import annotations

import io
import signal
import sys
from typing import NoReturn

from aecli.cli.app import run


def main() -> None:
    """Run the program on the process's arguments and leave with its exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")  # file names pass as they are
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(run(sys.argv[1:]))


def _terminate(number: int, _frame: object) -> NoReturn:
    """Unwind on SIGTERM, so that no half-written file stays behind."""
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
