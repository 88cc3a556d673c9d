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
    _let_threads_sleep()
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


def _let_threads_sleep() -> None:
    """Let NumPy's threads (OpenBLAS) sleep where they wait, before they are there.

    They would spin for some hundredths of a second after every product of matrices, in the way of a
    network's threads and of those that read files: a product every 20 ms took 0.55 s of processor
    time with two threads that spin, 0.33 s with two that sleep, and no longer. How many there are
    is left to OpenBLAS, which goes by the size of the matrices and by the cores.
    """
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")  # 2 ** 4 cycles, the least


def _open_closed_streams() -> None:
    """Let standard streams that the caller closed be there: empty, or failing as those do."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            lost = os.O_WRONLY if name == "stderr" else os.O_RDONLY  # of data, not of messages
            setattr(sys, name, os.fdopen(os.open(os.devnull, lost), mode))


if __name__ == "__main__":
    main()
