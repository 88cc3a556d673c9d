"""Ctrl-C, SIGTERM and SIGHUP end the program within two seconds, whatever its threads are at.

A signal unwinds the main thread as an exception. Where that does not get anywhere, because it is
deep in a library, or waits for a thread that is, a thread of this module ends the process.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from aecli.cli import console
from aecli.errors import AecliError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 1.6
"""Seconds that the program has to end by itself."""

KEEPING = 10.0
"""Seconds that it takes at most to keep and tell what is done, before the process is ended."""

_telling = threading.Lock()
_told = threading.Event()
_tellers: list[Callable[[], None]] = []
"""What says how far the work came; the last one counts."""


class _Ended(SystemExit):
    """A signal ends the program; other exits are its own."""


def watch() -> None:
    """Let signals that end a program end this one, in the main thread of a process of its own."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:  # nohup ignores it
            signal.signal(number, _terminate)
    near, far = socket.socketpair()
    far.setblocking(False)
    signal.set_wakeup_fd(far.detach(), warn_on_full_buffer=False)
    threading.Thread(target=_wait, args=(near,), name="aecli-signals", daemon=True).start()


@contextmanager
def telling(tell: Callable[[], None]) -> Iterator[None]:
    """Call `tell` once if the block is interrupted: it keeps what is done, and says what is left.

    It is called in the main thread, or in another where that does not come back. Of blocks in each
    other the innermost tells.
    """
    if not _tellers:
        _told.clear()
    _tellers.append(tell)
    try:
        yield
    except (KeyboardInterrupt, _Ended):
        _say()
        raise
    finally:
        _tellers.pop()


def leave(code: int) -> NoReturn:
    """End the process, even if a thread still waits for a file that does not come."""
    code = _flushed(code)
    if any(t.name.startswith("aecli-") and not t.daemon for t in threading.enumerate()):
        _end(code)
    sys.exit(code)


def _terminate(number: int, _frame: object) -> NoReturn:
    """Unwind on a signal, so that no half-written file stays behind."""
    raise _Ended(128 + number)


def _wait(signals: socket.socket) -> None:
    """End the process a while after a signal that should have done so."""
    while number := signals.recv(1):
        if signal.getsignal(number[0]) in (signal.default_int_handler, _terminate):
            threading.Event().wait(PATIENCE)
            _say()
            _end(_flushed(128 + number[0]))


def _say() -> None:
    """Tell once; who comes second waits until it is told."""
    if _telling.acquire(timeout=KEEPING):
        try:
            if _tellers and not _told.is_set():
                _told.set()
                _tellers[-1]()
        finally:
            _telling.release()


def _flushed(code: int) -> int:
    """The exit code once standard output has taken all that was written to it."""
    try:
        console.flush()
    except BrokenPipeError:
        console.discard_stdout()
        return code or 1
    except AecliError as error:
        console.error(error.message)
        return code or 1
    return code


def _end(code: int) -> NoReturn:
    from aecli.files.atomic import sweep

    sweep()
    os._exit(code)
