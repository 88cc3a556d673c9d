"""Lines that libraries write to stderr by themselves, without the name of a file: swallowed."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_STDERR = 2


@contextmanager
def hushed() -> Iterator[None]:
    """For the block, let stderr be this program's alone; not where AECLI_DEBUG=1 asks for all.

    What libraries written in C report of a file, they return as an error, too.
    """
    if os.environ.get("AECLI_DEBUG") == "1" or not _is_ours():
        yield
        return
    sys.stderr.flush()
    kept, before = os.dup(_STDERR), sys.stderr
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, _STDERR)
    os.close(nowhere)
    sys.stderr = os.fdopen(
        os.dup(kept), "w", buffering=1, encoding=before.encoding, errors=before.errors
    )
    try:
        yield
    finally:
        sys.stderr.close()
        sys.stderr = before
        os.dup2(kept, _STDERR)
        os.close(kept)


def _is_ours() -> bool:
    """Whether stderr is what the process was started with, and not a test's."""
    try:
        return sys.stderr.fileno() == _STDERR
    except (OSError, ValueError, AttributeError):
        return False
