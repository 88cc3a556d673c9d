"""Arrays of numpy's: `.npy`, and `.npz` with labels beside the pictures. Pickles are refused."""

from __future__ import annotations

import zipfile
import zlib
from contextlib import contextmanager
from math import prod
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.lib import format as npy

from aecli.datasets.item import in_array
from aecli.datasets.limits import LARGEST, MOST
from aecli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from aecli.datasets.item import Item

CHANNELS = (1, 3, 4)

_UNREADABLE = (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""What numpy and zipfile raise on files that are none of theirs, damaged or encrypted."""

_EXPECTED = "pictures are N x H x W [x C], C being 1, 3 or 4: uint8, or floats in [0, 1]"


def read_npy(path: Path) -> dict[str, Item]:
    """The pictures of an array, with the labels of `NAME_labels.npy` beside `NAME.npy`, if any.

    Raises:
        InputError: it cannot be read, is damaged, holds Python objects, or no pictures.
    """
    beside = path.with_name(f"{path.stem}_labels.npy")
    labels = [_mapped(beside)] if beside.is_file() else []
    return _items(path, [_mapped(path)], labels)


def read_npz(path: Path) -> dict[str, Item]:
    """The pictures of an archive of arrays, with the labels among them, if any.

    Of several arrays of pictures, such as `x_train` and `x_test`, those for training are meant, and
    so of labels.

    Raises:
        InputError: as `read_npy`; or it is not clear which array is meant.
    """
    arrays = _members(path)
    pictures = [name for name, array in arrays.items() if _are_pictures(array)]
    if len(pictures) > 1:
        pictures = [name for name in pictures if "train" in name]
    found = [arrays[name] for name in pictures]
    labels = [name for name, array in arrays.items() if found and _are_labels(array, len(found[0]))]
    if len(labels) > 1:
        labels = [name for name in labels if "train" in name]
    return _items(path, found, [arrays[name] for name in labels])


def _items(
    path: Path, pictures: Sequence[NDArray[Any]], labels: Sequence[NDArray[Any]]
) -> dict[str, Item]:
    """One array of pictures, and one of labels or none, as items."""
    if len(pictures) != 1 or not _are_pictures(pictures[0]):
        shapes = ", ".join(f"{a.dtype} {a.shape}" for a in pictures)
        what = f"holds no array of pictures ({shapes})" if shapes else "holds no array of pictures"
        raise InputError(f"{path}: {what}, or several", _EXPECTED)
    [pixels] = pictures
    if len(pixels) > MOST:
        raise InputError(f"{path}: holds more than {MOST:,} pictures")
    if labels and not _are_labels(labels[0], len(pixels)):
        raise InputError(f"{path}: its labels are not {len(pixels)} whole numbers or words")
    return in_array(path, pixels, labels[0].reshape(-1) if len(labels) == 1 else None)


def _are_pictures(array: NDArray[Any]) -> bool:
    fits = array.ndim == 3 or (array.ndim == 4 and array.shape[3] in CHANNELS)
    return fits and array.size > 0 and (array.dtype == np.uint8 or array.dtype.kind == "f")


def _are_labels(array: NDArray[Any], count: int) -> bool:
    return array.shape in ((count,), (count, 1)) and array.dtype.kind in "iuU"


def _mapped(path: Path) -> NDArray[Any]:
    """The array of an `.npy`, mapped into memory."""
    with _readable(path), path.open("rb") as file:
        shape, fortran, dtype = _header(file)
        order: Literal["F", "C"] = "F" if fortran else "C"
        if file.tell() + dtype.itemsize * prod(shape) != path.stat().st_size:
            raise ValueError("its header is of another size")
        return np.memmap(path, dtype, "r", file.tell(), shape, order)


def _members(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of an `.npz` that are pictures or labels by their headers, unpacked."""
    arrays: dict[str, NDArray[Any]] = {}
    with _readable(path), zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not info.filename.endswith(".npy"):
                continue
            with archive.open(info) as member:
                shape, _, dtype = _header(member)
                if dtype.itemsize * prod(shape) > min(info.file_size, LARGEST):
                    raise ValueError("its header is of another size, or larger than is read")
            with archive.open(info) as member:
                array = npy.read_array(member, allow_pickle=False)
                arrays[info.filename.removesuffix(".npy")] = array
    return arrays


def _header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and type of an array, of which Python objects are none."""
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read(file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are never unpickled")
    return shape, fortran, dtype


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """What goes wrong with a file in the block is told of in one line."""
    try:
        yield
    except _UNREADABLE as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise InputError(f"{path}: {error.strerror}") from None
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: is no array of numpy's, or damaged ({reason})") from None
