"""What stands at a path."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path
from stat import S_ISDIR, S_ISREG


class Kind(Enum):
    """What stands at a path."""

    FOLDER = "folder"
    FILE = "file"
    OTHER = "device, pipe or socket"


def kind(path: Path) -> Kind | None:
    """What stands at `path`, links followed; None for nothing, or nothing one may look at."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return None
    return Kind.FOLDER if S_ISDIR(mode) else Kind.FILE if S_ISREG(mode) else Kind.OTHER


def absolute(path: Path) -> Path:
    """`path` from the root, without `..`, symbolic links left as they are."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links


def identity(path: Path) -> object:
    """Equal for two paths exactly if they are one file."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return absolute(path)
    return status.st_dev, status.st_ino


def links(path: Path) -> tuple[bool, bool]:
    """Whether a path is itself a symbolic link, and whether one stands on the way to it."""
    return path.is_symlink(), absolute(path) != path.resolve()
