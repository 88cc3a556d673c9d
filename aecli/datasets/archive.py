"""Archives of image files: `.zip`. Nothing is unpacked to the disk."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from aecli.datasets.item import EncodedItem
from aecli.datasets.limits import LARGEST_MEMBER, MOST
from aecli.errors import InputError
from aecli.files.inputs import SEPARATOR
from aecli.images.formats import SUFFIXES

if TYPE_CHECKING:
    from pathlib import Path

    from aecli.datasets.item import Item

_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError)
"""What zipfile raises on damaged and on encrypted archives."""


@dataclass(frozen=True)
class Member(EncodedItem):
    """An image file in an archive.

    Attributes:
        archive: stays open as long as its members are about.
        info: which one.
    """

    archive: zipfile.ZipFile = field(compare=False, repr=False)
    info: zipfile.ZipInfo = field(compare=False, repr=False)

    def read(self) -> bytes:
        """As `Item` says."""
        if self.info.file_size > LARGEST_MEMBER:
            raise InputError(f"{self.path}: more than {LARGEST_MEMBER >> 20} MiB unpacked")
        try:
            return self.archive.read(self.info)
        except (*_DAMAGED, OSError) as error:
            raise InputError(f"{self.path}: damaged or truncated ({error})") from None


def read(path: Path) -> dict[str, Item]:
    """The image files of an archive by their names there, labelled with their top folder's name.

    Raises:
        InputError: it cannot be read, or is damaged.
    """
    try:
        archive = zipfile.ZipFile(path)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except _DAMAGED as error:
        raise InputError(f"{path}: damaged or truncated ({error})") from None
    file, items = path.resolve(), dict[str, "Item"]()
    for info in archive.infolist():
        name = info.filename
        if not info.is_dir() and _is_picture(name):
            folder, slash, _ = name.partition("/")
            label = folder if slash else ""
            items[name] = Member(f"{path}{SEPARATOR}{name}", label, (file, name), archive, info)
    if len(items) > MOST:
        raise InputError(f"{path}: holds more than {MOST:,} pictures")
    return items


def _is_picture(name: str) -> bool:
    """By its suffix; hidden files and the shadows that macOS adds are none."""
    path = PurePosixPath(name)
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return not hidden and path.suffix.lower() in SUFFIXES
