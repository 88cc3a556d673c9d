"""Files that hold many pictures, a row each: how they are told by their names, and read."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aecli.datasets import archive, arrays, idx, midi
from aecli.errors import InputError, UsageError, did_you_mean
from aecli.files.inputs import SEPARATOR

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from aecli.datasets.item import Item


@dataclass(frozen=True)
class Container:
    """One kind of file.

    Attributes:
        holds: whether a file is of this kind, by its name.
        read: its pictures by their places in it; InputError where it is damaged.
        found: whether folders give such files, too; otherwise they count where they are named.
        begins: whether a file's name means its first picture where only one is wanted.
    """

    holds: Callable[[Path], bool]
    read: Callable[[Path], dict[str, Item]]
    found: bool = False
    begins: bool = False


def _suffix(suffix: str) -> Callable[[Path], bool]:
    return lambda path: path.suffix.lower() == suffix


CONTAINERS = (
    Container(idx.holds_images, idx.read, found=True),
    Container(_suffix(".zip"), archive.read),
    Container(_suffix(".npy"), arrays.read_npy),
    Container(_suffix(".npz"), arrays.read_npz),
    Container(midi.is_tune, midi.read, found=True, begins=True),
)


def container(path: Path) -> Container | None:
    """The kind of a file that holds many pictures; None of others."""
    return next((kind for kind in CONTAINERS if kind.holds(path)), None)


def in_folders(path: Path) -> bool:
    """Whether a file of a folder counts, although it is no image file."""
    kind = container(path)
    return kind is not None and kind.found


def pictures(path: Path) -> Mapping[str, Item]:
    """The pictures of a file that holds many, by their places; read once while it stays as it is.

    Raises:
        InputError: it cannot be read, is damaged, or holds none.
    """
    try:
        status, beside = path.stat(), path.parent.stat()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    return _read(path, status.st_size, (status.st_mtime_ns, beside.st_mtime_ns))


def picture(path: Path, place: str) -> Item:
    """One of them.

    Raises:
        InputError: as `pictures`; or there is none at that place.
        UsageError: the file is none that holds many.
    """
    if container(path) is None:
        raise UsageError(
            f"{path} is no file of many pictures", "leave out what follows it after ::"
        )
    found = pictures(path)
    if place in found:
        return found[place]
    hint = f"there are 0 to {len(found) - 1}" if "0" in found else did_you_mean(place, found)
    raise InputError(f"{path}{SEPARATOR}{place}: there is no such picture", hint)


@functools.lru_cache(maxsize=2)
def _read(path: Path, _size: int, _changed: tuple[int, int]) -> Mapping[str, Item]:
    kind = container(path)
    assert kind is not None
    found = kind.read(path)
    if not found:
        raise InputError(f"{path}: there are no images in it")
    return found
