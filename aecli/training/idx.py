"""IDX, the file format of MNIST (LeCun et al. 1998): images and labels, plain or gzipped."""

from __future__ import annotations

import gzip
import re
import zlib
from typing import TYPE_CHECKING

import numpy as np

from aecli.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_IMAGES = re.compile(r"(?P<split>.*?)[-.]?images[-.]idx3-ubyte(\.gz)?")
_UNSIGNED_BYTE = 8


def holds_images(path: Path) -> bool:
    """Whether a file's name is that of IDX images (`train-images-idx3-ubyte.gz`)."""
    return _IMAGES.fullmatch(path.name) is not None


def is_for_training(path: Path) -> bool:
    """Whether they are training images, by the file's name: test images are never trained on."""
    name = _IMAGES.fullmatch(path.name)
    return name is not None and "train" in name["split"]


def read_images(path: Path) -> NDArray[np.uint8]:
    """Images (N, H, W).

    Raises:
        InputError: the file cannot be read, is damaged, truncated, or holds something else.
    """
    return _read(path, 3)


def read_labels(images: Path) -> NDArray[np.uint8]:
    """The labels (N,) of a file of images, from the file beside it.

    Raises:
        InputError: as `read_images`, or there is none.
    """
    plain = images.name.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1")
    for name in (plain, f"{plain}.gz"):
        if (path := images.with_name(name)).is_file():
            return _read(path, 1)
    raise InputError(f"{images}: there is no {plain} beside it to take the classes from")


def _read(path: Path, dimensions: int) -> NDArray[np.uint8]:
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if path.suffix == ".gz" else data
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path}: damaged or truncated ({error})") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    start = 4 + 4 * dimensions
    if data[:4] != bytes([0, 0, _UNSIGNED_BYTE, dimensions]) or len(data) < start:
        raise InputError(f"{path}: is no IDX file of bytes in {dimensions} dimensions")
    shape = tuple(int(n) for n in np.frombuffer(data, ">u4", dimensions, 4))
    expected = start + int(np.prod(shape, dtype=object))
    if len(data) != expected or 0 in shape:
        raise InputError(f"{path}: damaged or truncated ({len(data)} bytes instead of {expected})")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)
