"""The file formats of vectors, one row each; every one says path, model, hash and dimension."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from aecli import extras
from aecli.errors import InputError, UsageError, did_you_mean
from aecli.files.atomic import atomic
from aecli.inference.npz import SIGNATURE
from aecli.inference.vectors import load as _load
from aecli.inference.vectors import save as _save

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from aecli.extras import Extra
    from aecli.inference.vectors import Vectors

_HEAD = 16
"""Bytes that tell a format."""

_COLUMNS = ("path", "model", "sha256", "dimension", "novelty", "label")


def _csv(vectors: Vectors, file: BinaryIO) -> None:
    """`path,model,sha256,dimension,novelty,label,v0,v1,...`; empty where unknown."""
    text = io.TextIOWrapper(file, "utf-8", errors="surrogateescape", newline="")
    writer = csv.writer(text)
    writer.writerow([*_COLUMNS, *(f"v{k}" for k in range(vectors.dimension))])
    for path, novelty, label, values in _rows(vectors):
        about = (path, vectors.model, vectors.sha256, vectors.dimension)
        writer.writerow([*about, "" if novelty is None else novelty, label, *values])
    text.flush()
    text.detach()


def _jsonl(vectors: Vectors, file: BinaryIO) -> None:
    """One object a line: the same names, and `vector`; the novelty is null where unknown."""
    for path, novelty, label, values in _rows(vectors):
        about = (path, vectors.model, vectors.sha256, vectors.dimension, novelty, label)
        record = dict(zip(_COLUMNS, about, strict=True)) | {"vector": values}
        file.write(json.dumps(record, allow_nan=False).encode() + b"\n")


def _parquet(vectors: Vectors, file: BinaryIO) -> None:
    """Columns `path`, `novelty`, `label`, `vector` (D floats); the rest is in the metadata."""
    import pyarrow
    import pyarrow.parquet

    flat = pyarrow.array(np.ascontiguousarray(vectors.values).ravel())
    columns = {
        "path": pyarrow.array([os.fsencode(p).decode("utf-8", "replace") for p in vectors.paths]),
        "novelty": pyarrow.array(np.asarray(vectors.novelty), from_pandas=True),  # NaN: null
        "label": pyarrow.array([str(label) for label in vectors.labels]),
        "vector": pyarrow.FixedSizeListArray.from_arrays(flat, vectors.dimension),
    }
    table = pyarrow.table(columns).replace_schema_metadata(_about(vectors))
    pyarrow.parquet.write_table(table, file)


def _npy(vectors: Vectors, file: BinaryIO) -> None:
    np.save(file, np.ascontiguousarray(vectors.values))


def _paths(vectors: Vectors, file: BinaryIO) -> None:
    """The `.paths.txt` beside an `.npy`.

    A first line `# model=... sha256=... dimension=...`, then a path a row; backslashes and line
    ends in names are escaped as in C, so that a row is always one line.
    """
    about = " ".join(f"{key}={value}" for key, value in _about(vectors).items())
    escapes = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r"})
    lines = [f"# {about}", *(str(path).translate(escapes) for path in vectors.paths)]
    file.write("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))


@dataclass(frozen=True)
class VectorFormat:
    """One file format of vectors.

    Attributes:
        name: what it is called.
        suffixes: lower case with the dot.
        write: writes vectors to an open file.
        read: reads a file of them; None: other programs do.
        signature: a regular expression of bytes that its files begin with; None: they are text.
        beside: writes what the file has no room for to a second one, whose name ends in
            `PATHS`; None: it has room for all.
        extra: what it needs besides; None: nothing.
    """

    name: str
    suffixes: tuple[str, ...]
    write: Callable[[Vectors, BinaryIO], None]
    read: Callable[[Path], Vectors] | None = None
    signature: bytes | None = None
    beside: Callable[[Vectors, BinaryIO], None] | None = None
    extra: Extra | None = None

    def check(self) -> None:
        """See that it can be written here.

        Raises:
            UsageError: its library is not installed.
        """
        if self.extra is not None:
            self.extra.load(self.name)


FORMATS = {
    row.name: row
    for row in (
        VectorFormat("npz", (".npz",), _save, _load, signature=SIGNATURE),
        VectorFormat("npy", (".npy",), _npy, signature=rb"\x93NUMPY", beside=_paths),
        VectorFormat("csv", (".csv",), _csv),
        VectorFormat("jsonl", (".jsonl", ".ndjson"), _jsonl),
        VectorFormat(
            "parquet",
            (".parquet",),
            _parquet,
            signature=rb"PAR1",
            extra=extras.PARQUET,
        ),
    )
}
"""By name."""

PATHS = ".paths.txt"
"""What the name of a second file ends in."""


def format_of(name: str) -> VectorFormat:
    """The format that a word (`csv`) or the suffix of a file's name (`z.csv`) stands for.

    Raises:
        UsageError: it is none of `FORMATS`, or its library is not installed.
    """
    suffix = "." + name.rpartition(".")[2].lower()
    for row in FORMATS.values():
        if suffix in row.suffixes:
            row.check()
            return row
    hint = did_you_mean(suffix.removeprefix("."), FORMATS)
    raise UsageError(f"{name}: vectors are not written in such a format", hint)


def read(path: Path) -> Vectors:
    """Vectors from a file, whose format is told from how it begins.

    Raises:
        InputError: it cannot be read, is none of vectors, or of a format that is not read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    for row in FORMATS.values():
        if row.signature and re.match(row.signature, head):
            if row.read is not None:
                return row.read(path)
            raise InputError(f"{path}: {row.name} files are written, not read")
    raise InputError(f"{path}: is no file of vectors", "aecli embed writes such files")


def paths_beside(path: Path) -> Path:
    """Where the paths of a file without room for them go: `z.npy` -> `z.paths.txt`."""
    return path.with_suffix(PATHS)


def save(vectors: Vectors, path: Path, form: VectorFormat, *, overwrite: bool) -> None:
    """Write a file, whole or not at all, and the second one where the format needs it.

    Raises:
        InputError: it exists and `overwrite` is False, or cannot be written.
    """
    if form.beside is not None:
        with atomic(paths_beside(path), overwrite=overwrite) as file:
            form.beside(vectors, file)
    with atomic(path, overwrite=overwrite) as file:
        form.write(vectors, file)


def _about(vectors: Vectors) -> dict[str, str]:
    dimension = str(vectors.dimension)
    return {"model": vectors.model, "sha256": vectors.sha256, "dimension": dimension}


def _rows(vectors: Vectors) -> Iterator[tuple[str, float | None, str, list[Any]]]:
    """Path, novelty, label and vector of each row; numbers with no more digits than float32 has."""
    columns = vectors.paths, vectors.novelty, vectors.labels, vectors.values
    for path, novelty, label, values in zip(*columns, strict=True):
        unlike = float(str(novelty)) if math.isfinite(novelty) else None
        yield str(path), unlike, str(label), [float(str(value)) for value in values]
