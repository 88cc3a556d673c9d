"""IDX, the file format of MNIST (LeCun et al. 1998): images and labels, plain or gzipped."""

from __future__ import annotations

import gzip
import re
import zlib
from typing import TYPE_CHECKING

import numpy as np

from aecli.datasets.item import in_array
from aecli.datasets.limits import LARGEST
from aecli.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from aecli.datasets.item import Item

_NAME = re.compile(
    r"(?P<split>.*?)[-._]?(?P<what>images|labels)[-.]idx(?P<dimensions>[13])-ubyte(\.gz)?"
)
_UNSIGNED_BYTE = 8


def holds_images(path: Path) -> bool:
    """Whether a file's name is that of IDX images (`train-images-idx3-ubyte.gz`)."""
    name = _NAME.fullmatch(path.name)
    return name is not None and name["what"] == "images"


def holds_labels(path: Path) -> bool:
    """Whether a file's name is that of IDX labels (`train-labels-idx1-ubyte.gz`)."""
    name = _NAME.fullmatch(path.name)
    return name is not None and name["what"] == "labels"


def is_for_testing(path: Path) -> bool:
    """Whether they are test images, by the file's name: `t10k` or `test`."""
    name = _NAME.fullmatch(path.name)
    return name is not None and re.search("t10k|test", name["split"]) is not None


def read(path: Path) -> dict[str, Item]:
    """The pictures of an IDX file by their numbers, with the labels of the file beside it, if any.

    Raises:
        InputError: it cannot be read, is damaged, truncated, or holds something else; or the labels
            are, or are not as many.
    """
    images, labels = _array(path, 3), None
    plain = path.name.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1")
    for name in (plain, f"{plain}.gz"):
        if labels is None and (beside := path.with_name(name)).is_file():
            labels = _array(beside, 1)
            if len(labels) != len(images):
                raise InputError(f"{path}: {len(images)} images, but {len(labels)} labels beside")
    return in_array(path, images, labels)


def _array(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """The bytes of a file; no more are unpacked than its header speaks of."""
    start = 4 + 4 * dimensions
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            head = file.read(start)
            if head[:4] != bytes([0, 0, _UNSIGNED_BYTE, dimensions]) or len(head) < start:
                raise InputError(f"{path}: is no IDX file of bytes in {dimensions} dimensions")
            shape = tuple(int(n) for n in np.frombuffer(head, ">u4", dimensions, 4))
            expected = int(np.prod(shape, dtype=object))
            if expected > LARGEST:
                raise InputError(f"{path}: is larger than {LARGEST >> 30} GiB unpacked")
            data = file.read(expected + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path}: damaged or truncated ({error})") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    if len(data) != expected or not expected:
        found = "more" if len(data) > expected else str(len(data))
        raise InputError(f"{path}: damaged or truncated ({found} bytes instead of {expected})")
    return np.frombuffer(data, np.uint8).reshape(shape)
