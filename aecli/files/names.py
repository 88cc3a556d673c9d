"""When a file system takes two names for one: it may not tell cases apart, or forms of Unicode."""

from __future__ import annotations

import functools
import os
import secrets
import unicodedata
from pathlib import Path

from aecli.files.paths import Kind, absolute, kind


def key(path: Path) -> str:
    """Equal for all paths that some file system may take for one."""
    return unicodedata.normalize("NFC", str(absolute(path)).casefold())


def merged(one: Path, other: Path) -> bool:
    """Whether two paths, of which not all need to exist, are one on the file system they lie on."""
    a, b = absolute(one), absolute(other)
    if a == b or key(a) != key(b):
        return a == b
    shared = Path(os.path.commonpath([a, b]))
    while kind(shared) is not Kind.FOLDER:
        shared = shared.parent
    case, form = _habits(shared)

    def spelled(path: Path) -> str:
        text = unicodedata.normalize("NFC", str(path)) if form else str(path)
        return text.casefold() if case else text

    return spelled(a) == spelled(b)


@functools.cache
def _habits(folder: Path) -> tuple[bool, bool]:
    """Whether names that differ in case, or in the form of Unicode, are one in a folder.

    Tried out with a file that is there for a moment; both are taken for true where that fails.
    """
    tried = folder / f".aecli-{secrets.token_hex(8)}-\u00e9.part"
    try:
        tried.open("xb").close()
    except OSError:
        return True, True
    try:
        upper = tried.with_name(tried.name.upper())
        apart = tried.with_name(unicodedata.normalize("NFD", tried.name))
        return upper.exists(), apart.exists()
    finally:
        tried.unlink(missing_ok=True)
