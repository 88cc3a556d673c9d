"""numpy's `.npz` files, read so that arrays of gigabytes are mapped into memory."""

from __future__ import annotations

import struct
import zipfile
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from aecli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

SIGNATURE = rb"PK\x03\x04"
"""A regular expression of the bytes that such files begin with."""

_OTHERS = (
    *(ValueError, EOFError, LookupError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, struct.error),
)
"""What numpy and zipfile raise on files that are no `.npz`, a damaged one, or lack an array."""

_LOCAL_HEADER = struct.Struct("<4s22xHH")
"""Of a member in a zip file: signature, lengths of its name and of the extra field after it."""

_LARGE = 1 << 16
"""Bytes above which an array is mapped."""


@contextmanager
def holding(what: str, path: Path, hint: str) -> Iterator[dict[str, NDArray[Any]]]:
    """The arrays of a file that should hold something; one that the block misses is its fault.

    Large arrays that are stored as they are, are mapped, read-only.

    Args:
        what: what it should hold, for messages.
        path: the file.
        hint: where such files come from.

    Raises:
        InputError: it cannot be read, is damaged, or holds something else.
    """
    try:
        yield _arrays(path)
    except (OSError, *_OTHERS) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise InputError(f"{path}: {error.strerror}") from None
        raise InputError(f"{path}: is no file of {what}", hint) from None


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        arrays = {}
        for info in archive.infolist():
            if not info.filename.endswith(".npy"):
                continue
            if info.compress_type == zipfile.ZIP_STORED and info.file_size > _LARGE:
                array = _mapped(path, file, info)
            else:
                with archive.open(info) as member:
                    array = npy.read_array(member, allow_pickle=False)
            arrays[info.filename.removesuffix(".npy")] = array
    return arrays


def _mapped(path: Path, file: BinaryIO, info: zipfile.ZipInfo) -> NDArray[Any]:
    """One stored member, mapped into memory."""
    file.seek(info.header_offset)
    signature, name, extra = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    if signature != b"PK\3\4":
        raise zipfile.BadZipFile(path)
    start = info.header_offset + _LOCAL_HEADER.size + name + extra
    file.seek(start)
    version = npy.read_magic(file)
    header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = header(file)
    used = file.tell() - start
    if dtype.hasobject or fortran or used + dtype.itemsize * int(np.prod(shape)) != info.file_size:
        raise ValueError(path)
    return np.memmap(path, dtype, "r", file.tell(), shape)
