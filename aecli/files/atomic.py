"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import io
import os
import secrets
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

from aecli.errors import InputError, Reason
from aecli.files.paths import Kind, kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


_unfinished: set[Path] = set()


def sweep() -> None:
    """Remove the files that are not whole yet, before a process ends without unwinding."""
    for part in list(_unfinished):
        with suppress(OSError):
            part.unlink(missing_ok=True)


@contextmanager
def atomic(target: Path, *, overwrite: bool) -> Iterator[BinaryIO]:
    """A file, open for reading and writing, that becomes `target` when the block ends well.

    It lies in the target's folder (made where missing), hidden or without a name, and is renamed;
    whatever ends the block early, Ctrl-C included, removes it and leaves `target` as it was.
    Permissions follow the umask. Where `target` is a symbolic link, the file it points to is
    replaced. A device or pipe is written to as it is.

    Raises:
        InputError: `target` exists and `overwrite` is False, even if it came to be during the
            block; or the system refuses to write.
    """
    try:
        if kind(target) is Kind.OTHER:
            with target.open("wb") as file:
                yield file
            return
        place = target.resolve()
        with unfinished(place.parent) as part:
            with _opened(part) as file:
                yield file
                _name(file, part)
            finish(part, place, overwrite=overwrite)
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {error.strerror or error}") from error


@contextmanager
def unfinished(folder: Path) -> Iterator[Path]:
    """The path of a file in the making, hidden in a folder, which is made where missing.

    Whatever ends the block, what is still there then is removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".aecli-{secrets.token_hex(8)}.part"
    _unfinished.add(part)
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)
        _unfinished.discard(part)


def finish(part: Path, target: Path, *, overwrite: bool) -> None:
    """Give a file that is whole its name; without `overwrite` only if that is free right now.

    Raises:
        InputError: it is not.
    """
    if not overwrite:
        try:
            _claim(part, target)
        except FileExistsError:
            raise InputError(f"{target}: exists already", reason=Reason.EXISTS) from None
    part.replace(target)


def _opened(part: Path) -> BinaryIO:
    """A new file in the folder of `part`: without a name where the system has such files.

    Those are gone with the process, whatever ends it. Libraries see the name of `part`.
    """
    try:
        number = os.open(part.parent, os.O_TMPFILE | os.O_RDWR, 0o666)
    except (AttributeError, OSError):
        return part.open("x+b")
    raw = io.FileIO(number, "r+")
    raw.name = str(part)
    return io.BufferedRandom(raw)


def _name(file: BinaryIO, part: Path) -> None:
    """Give a file that is written its name, if it has none yet."""
    if part.exists():
        return
    file.flush()
    number = file.fileno()
    try:  # a directory's number lets the system follow the link that stands for the file
        os.link(f"/proc/self/fd/{number}", part, src_dir_fd=number, follow_symlinks=True)
    except OSError:
        file.seek(0)
        with part.open("xb") as copy:
            shutil.copyfileobj(file, copy)


def _claim(part: Path, target: Path) -> None:
    """Take a name that must be free: with a hard link, or an empty file where there are none."""
    try:
        os.link(part, target)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        target.open("xb").close()
