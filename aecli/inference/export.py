"""Vectors in the file formats of other programs; every one says path, model, hash and dimension."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from aecli.errors import UsageError, did_you_mean
from aecli.files.atomic import atomic
from aecli.inference import vectors as npz

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from aecli.inference.vectors import Vectors

_COLUMNS = ("path", "model", "sha256", "dimension", "novelty")


def _csv(vectors: Vectors, file: BinaryIO) -> None:
    """`path,model,sha256,dimension,novelty,v0,v1,...`; the novelty is empty where unknown."""
    text = io.TextIOWrapper(file, "utf-8", errors="surrogateescape", newline="")
    writer = csv.writer(text)
    writer.writerow([*_COLUMNS, *(f"v{k}" for k in range(vectors.dimension))])
    for path, novelty, values in _rows(vectors):
        about = (path, vectors.model, vectors.sha256, vectors.dimension)
        writer.writerow([*about, "" if novelty is None else novelty, *values])
    text.flush()
    text.detach()


def _jsonl(vectors: Vectors, file: BinaryIO) -> None:
    """One object a line: the same names, and `vector`; the novelty is null where unknown."""
    for path, novelty, values in _rows(vectors):
        about = (path, vectors.model, vectors.sha256, vectors.dimension, novelty)
        record = dict(zip(_COLUMNS, about, strict=True)) | {"vector": values}
        file.write(json.dumps(record, allow_nan=False).encode() + b"\n")


def _parquet(vectors: Vectors, file: BinaryIO) -> None:
    """Columns `path`, `novelty`, `vector` (D floats); model, hash and dimension in the metadata."""
    import pyarrow
    import pyarrow.parquet

    flat = pyarrow.array(np.ascontiguousarray(vectors.values).ravel())
    columns = {
        "path": pyarrow.array([os.fsencode(p).decode("utf-8", "replace") for p in vectors.paths]),
        "novelty": pyarrow.array(np.asarray(vectors.novelty), from_pandas=True),  # NaN: null
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


_WRITERS: Mapping[str, Callable[[Vectors, BinaryIO], None]] = {
    "npz": npz.save,
    "npy": _npy,
    "csv": _csv,
    "jsonl": _jsonl,
    "parquet": _parquet,
}

FORMATS = tuple(_WRITERS)
"""The names of the formats, which are also the suffixes of their files."""


def format_of(name: str) -> str:
    """The format that a word (`csv`) or the suffix of a file's name (`z.csv`) stands for.

    Raises:
        UsageError: it is none of `FORMATS`, or its library is not installed.
    """
    word = name.rpartition(".")[2].lower()
    if word not in _WRITERS:
        hint = did_you_mean(word, FORMATS)
        raise UsageError(f"{name}: vectors are not written in such a format", hint)
    if word == "parquet":
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError:
            raise UsageError(
                "Parquet files need pyarrow", "install it with: pip install 'aecli[parquet]'"
            ) from None
    return word


def paths_beside(path: Path) -> Path:
    """Where the paths of an `.npy` go: `z.npy` -> `z.paths.txt`."""
    return path.with_suffix(".paths.txt")


def save(vectors: Vectors, path: Path, format: str, *, overwrite: bool) -> None:  # noqa: A002
    """Write a file, whole or not at all; with an `.npy` a second one for the paths.

    Raises:
        InputError: it exists and `overwrite` is False, or cannot be written.
    """
    if format == "npy":
        with atomic(paths_beside(path), overwrite=overwrite) as file:
            _paths(vectors, file)
    with atomic(path, overwrite=overwrite) as file:
        write(vectors, file, format)


def write(vectors: Vectors, file: BinaryIO, format: str) -> None:  # noqa: A002
    """Write one of `FORMATS` to an open file; of `npy` the vectors alone."""
    _WRITERS[format](vectors, file)


def _about(vectors: Vectors) -> dict[str, str]:
    dimension = str(vectors.dimension)
    return {"model": vectors.model, "sha256": vectors.sha256, "dimension": dimension}


def _rows(vectors: Vectors) -> Iterator[tuple[str, float | None, list[Any]]]:
    """Path, novelty and vector of each row; numbers with no more digits than float32 has."""
    for path, novelty, values in zip(vectors.paths, vectors.novelty, vectors.values, strict=True):
        unlike = float(str(novelty)) if math.isfinite(novelty) else None
        yield str(path), unlike, [float(str(value)) for value in values]
