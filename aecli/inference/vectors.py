"""Vectors of pictures as a value, and the `.npz` file that keeps it.

The file is a plain one of numpy's, stored without compression, so that arrays of gigabytes are
mapped into memory and not read: `vectors` (N x D float32), `paths` and `labels` (N, unicode),
`novelty` (N, float32, percent), `digests` (N x 32 uint8: sha256 of each file's content), and the
scalars `model`, `sha256` (of the model's file) and `dimension`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from aecli.errors import InputError, UsageError
from aecli.inference import npz

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from aecli.inference.embed import Entry

Floats = NDArray[np.float32]

STDIN = "-"
"""The path of a picture that came from standard input."""

_DIGEST = 32


@dataclass(frozen=True, eq=False)
class Vectors:
    """Vectors of many pictures, a row each; arrays may be mapped from a file.

    Attributes:
        values: float32, (N, D).
        paths: (N,), unicode: the files, as they were named, FILE::PLACE for a part of one.
        labels: (N,), unicode: the class of each; empty where there is none.
        novelty: float32, (N,): percentiles; NaN where the model does not know.
        digests: uint8, (N, 32): sha256 of the files' contents.
        model: the model's name.
        sha256: checksum of the file of its weights, in hexadecimal.
    """

    values: Floats
    paths: NDArray[np.str_]
    labels: NDArray[np.str_]
    novelty: Floats
    digests: NDArray[np.uint8]
    model: str
    sha256: str

    def __len__(self) -> int:
        return len(self.values)

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self.values.shape[1])

    @classmethod
    def none(cls, dimension: int, model: str, sha256: str) -> Vectors:
        """No rows yet."""
        return cls(
            np.empty((0, dimension), np.float32),
            np.empty(0, np.str_),
            np.empty(0, np.str_),
            np.empty(0, np.float32),
            np.empty((0, _DIGEST), np.uint8),
            model,
            sha256,
        )

    def with_entries(self, entries: Sequence[Entry]) -> Vectors:
        """These rows, and those of new or changed files.

        A row whose path is among the entries is replaced in its place; others follow in the order
        of the entries. An entry without a vector takes that of a row with its digest. Entries that
        failed change nothing.
        """
        rows = {str(path): row for row, path in enumerate(self.paths)} if entries else {}
        by_digest = {digest.tobytes(): row for row, digest in enumerate(self.digests)}
        values, paths = [*self.values], [*map(str, self.paths)]
        labels = [*map(str, self.labels)]
        novelty, digests = [*self.novelty], [*self.digests]
        for entry in entries:
            if entry.error is not None:
                continue
            assert entry.digest is not None
            vector, unlike = entry.vector, np.float32(entry.novelty)
            if vector is None:
                known = by_digest[entry.digest]
                vector, unlike = self.values[known], self.novelty[known]
            path = entry.item.path
            digest = np.frombuffer(entry.digest, np.uint8)
            if (row := rows.get(path)) is not None:
                values[row], labels[row] = vector, entry.item.label
                novelty[row], digests[row] = unlike, digest
            else:
                rows[path] = len(paths)
                values.append(vector)
                paths.append(path)
                labels.append(entry.item.label)
                novelty.append(unlike)
                digests.append(digest)
        if not paths:
            return self
        return Vectors(
            np.stack(values),
            np.array(paths),
            np.array(labels),
            np.array(novelty, np.float32),
            np.stack(digests),
            self.model,
            self.sha256,
        )

    def digest_set(self) -> frozenset[bytes]:
        """The digests of all rows."""
        return frozenset(digest.tobytes() for digest in self.digests)

    def refuse_other(self, model: str, sha256: str, source: str) -> None:
        """Whether they are of the model that is to be used with them.

        Raises:
            UsageError: of another one: distances between their vectors would mean nothing.
        """
        if self.sha256 != sha256:
            raise UsageError(
                f"{source} was made by {self.model} (sha256 {self.sha256[:12]}...), not by {model}"
                f" (sha256 {sha256[:12]}...)",
                f"vectors of different models do not mix: {self.model} goes on with it",
            )


def save(vectors: Vectors, file: BinaryIO) -> None:
    """Write the `.npz`."""
    arrays: dict[str, Any] = {
        "vectors": np.ascontiguousarray(vectors.values, np.float32),
        "paths": vectors.paths,
        "labels": vectors.labels,
        "novelty": vectors.novelty,
        "digests": vectors.digests,
        "model": np.array(vectors.model),
        "sha256": np.array(vectors.sha256),
        "dimension": np.array(vectors.dimension),
    }
    np.savez(file, **arrays)


def load(path: Path) -> Vectors:
    """Read what `save` has written; the arrays are mapped from the file, read-only.

    Raises:
        InputError: no such file, or it holds something else.
    """
    with npz.holding("vectors", path, "aecli embed writes such files") as arrays:
        model, sha256 = str(arrays["model"]), str(arrays["sha256"])
        found = [arrays[name] for name in ("vectors", "paths", "novelty", "digests")]
        labels = arrays.get("labels", np.zeros(len(found[1]), "U1"))  # older files have none
    values, paths, novelty, digests = found
    count = len(values) if values.ndim == 2 else -1
    shapes = {"paths": (count,), "novelty": (count,), "digests": (count, _DIGEST)}
    shapes |= {"labels": (count,)}
    for (name, shape), array in zip(shapes.items(), (*found[1:], labels), strict=True):
        if array.shape != shape:
            raise InputError(f"{path}: its {name} do not fit its vectors")
    if (
        values.dtype != np.float32
        or {paths.dtype.kind, labels.dtype.kind} != {"U"}
        or digests.dtype != np.uint8
    ):
        raise InputError(f"{path}: its arrays are not of the types that aecli embed writes")
    return Vectors(values, paths, labels, novelty, digests, model, sha256)


def joined(paths: Sequence[Path]) -> Vectors:
    """The rows of several files, in order; of rows with one path the last counts, in the first's
    place.

    Raises:
        InputError: one cannot be read.
        UsageError: they were made by different models.
    """
    parts = [load(path) for path in paths]
    first = parts[0]
    for path, part in zip(paths[1:], parts[1:], strict=True):
        part.refuse_other(first.model, first.sha256, str(path))
    fields = ("values", "paths", "labels", "novelty", "digests")
    values, names, labels, novelty, digests = (
        np.concatenate([getattr(part, field) for part in parts]) for field in fields
    )
    rows = {str(name): row for row, name in enumerate(names)}  # in the order of their first
    kept = np.fromiter(rows.values(), np.intp, len(rows))
    found = values[kept], names[kept], labels[kept], novelty[kept], digests[kept]
    return Vectors(*found, first.model, first.sha256)
