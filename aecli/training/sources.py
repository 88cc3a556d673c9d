"""What DATA names where pictures may be many to a file: images, folders, `.zip` and IDX files."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from aecli.errors import InputError, UsageError
from aecli.files import inputs
from aecli.images import formats, reading
from aecli.images.image import Image
from aecli.training import idx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

LARGEST_MEMBER = 1 << 28
"""Bytes of the largest file that is unpacked from an archive."""

_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
"""What zipfile raises on damaged and on encrypted archives."""


@dataclass(frozen=True)
class Entry:
    """One picture.

    Attributes:
        name: its path, or that of its file and its place there.
        label: the class it belongs to: the sub-folder of DATA, or the archive's top folder, that it
            lies in, or its IDX label; empty where there is none.
        read: decodes it; InputError where it is damaged.
    """

    name: str
    label: str
    read: Callable[[], Image] = field(compare=False, repr=False)


def collect(names: Sequence[str], *, labelled: bool = False) -> list[Entry]:
    """All pictures that `names` stand for, each once, those of a folder in natural order.

    Folders are searched to the bottom; one with IDX files for training gives their images, never
    those for testing.

    Args:
        names: images, folders, `.zip` and IDX files.
        labelled: whether IDX labels are wanted, too.

    Raises:
        UsageError: no such file, or no picture in it.
        InputError: an archive or IDX file is damaged.
    """
    found: dict[str, Entry] = {}
    for name in names:
        path = Path(name).expanduser()
        if name == "-" or not path.exists():
            raise UsageError(f"there is no file or folder {name!r}")
        found |= {entry.name: entry for entry in _entries(path, labelled=labelled)}
    return list(found.values())


def idx_files(path: Path) -> list[Path]:
    """The IDX files for training that a path names or a folder holds."""
    if path.is_dir():
        return sorted(p for p in path.iterdir() if idx.is_for_training(p))
    return [path] if idx.holds_images(path) else []


def _entries(path: Path, *, labelled: bool) -> Iterator[Entry]:
    if found := idx_files(path):
        for file in found:
            yield from _from_idx(file, labelled=labelled)
    elif path.is_file() and path.suffix.lower() == ".zip":
        yield from _from_zip(path)
    else:
        for source in inputs.collect([str(path)], recursive=True):
            assert source.path is not None  # standard input was refused
            label = source.relative.parts[0] if len(source.relative.parts) > 1 else ""
            yield Entry(str(source.path), label, partial(reading.decode, source.path))


def _from_idx(path: Path, *, labelled: bool) -> Iterator[Entry]:
    if not idx.is_for_training(path):
        raise UsageError(f"{path} holds test images, which are never trained on")
    images = idx.read_images(path)
    labels = idx.read_labels(path) if labelled else None
    if labels is not None and len(labels) != len(images):
        raise InputError(f"{path}: {len(images)} images, but {len(labels)} labels beside it")
    for number, pixels in enumerate(images):
        label = "" if labels is None else str(labels[number])
        yield Entry(f"{path}#{number}", label, partial(_picture, pixels))


def _picture(pixels: NDArray[np.uint8]) -> Image:
    return Image(pixels)


def _from_zip(path: Path) -> Iterator[Entry]:
    try:
        archive = zipfile.ZipFile(path)  # stays open as long as its entries are about
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except _DAMAGED as error:
        raise InputError(f"{path}: damaged or truncated ({error})") from None
    members = [m for m in archive.infolist() if not m.is_dir() and _is_picture(m.filename)]
    if not members:
        raise UsageError(f"no images in {path}")
    for member in members:
        folder, slash, _ = member.filename.partition("/")
        name = f"{path}:{member.filename}"
        yield Entry(name, folder if slash else "", partial(_unpack, archive, member, name))


def _is_picture(name: str) -> bool:
    """By its suffix; hidden files and the shadows that macOS adds are none."""
    parts = Path(name).parts
    hidden = any(part.startswith((".", "__MACOSX")) for part in parts)
    return not hidden and Path(name).suffix.lower() in formats.SUFFIXES


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> Image:
    if member.file_size > LARGEST_MEMBER:
        raise InputError(f"{name}: more than {LARGEST_MEMBER >> 20} MiB unpacked")
    try:
        data = archive.read(member)
    except (*_DAMAGED, OSError) as error:
        raise InputError(f"{name}: damaged or truncated ({error})") from None
    return reading.decode(data, name=name)
