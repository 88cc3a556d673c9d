"""The vectors to work with: those made before, those of more pictures, and their model."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from aecli.checkpoints import store
from aecli.datasets.collecting import find as find_item
from aecli.errors import InputError, ModelError
from aecli.files.paths import identity
from aecli.inference import search
from aecli.inference.embed import Embedder, Entry, find
from aecli.inference.vectors import Vectors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from aecli.checkpoints.store import Found
    from aecli.datasets.item import Item
    from aecli.files.inputs import Source
    from aecli.inference.vectors import Floats


@dataclass(frozen=True, eq=False)
class Query:
    """A picture to find the like of.

    Attributes:
        item: the picture.
        data: its content.
        vector: float32, (D,).
        novelty: its percentile; NaN where unknown.
    """

    item: Item
    data: bytes
    vector: Floats
    novelty: float


class Collection:
    """Vectors and their model, which is found and loaded only where something needs it.

    Args:
        vectors: rows made before; None: none.
        origin: what messages call these.
        model: name or path of the model; None: the one that made the rows, or the default.
        engine, device: see `aecli.inference.engine.choose`.
        opened: is told of the model once it is loaded.
    """

    def __init__(
        self,
        vectors: Vectors | None,
        origin: str = "",
        *,
        model: str | None = None,
        engine: str = "auto",
        device: str = "auto",
        opened: Callable[[Embedder], None] = lambda _: None,
    ) -> None:
        self._rows = vectors
        self._new: list[Entry] = []
        self._origin = origin
        self._model = model
        self._engine, self._device = engine, device
        self._opened = opened

    @functools.cached_property
    def found(self) -> Found:
        """The model's file.

        Raises:
            ModelError: there is no such model.
            UsageError: the rows are those of another one.
        """
        rows = self._rows
        found = find(self._model or (None if rows is None else rows.model))
        if rows is not None:
            rows.refuse_other(found.name, store.sha256(found.path), self._origin)
        return found

    @functools.cached_property
    def embedder(self) -> Embedder:
        """The model, loaded.

        Raises:
            UsageError, ModelError: as `found`, or see `Embedder.open`.
        """
        embedder = Embedder(self.found, engine=self._engine, device=self._device)
        self._opened(embedder)
        return embedder

    @property
    def vectors(self) -> Vectors:
        """The rows, those of files that are being added included as far as they are done.

        Raises:
            InputError: there are none, not even an empty part of some.
        """
        if self._rows is None:
            raise InputError("no picture could be embedded")
        if self._new:
            self._rows, self._new = self._rows.with_entries(self._new), []
        return self._rows

    @property
    def threshold(self) -> float:
        """The cosine from which the model takes two pictures for near-duplicates."""
        try:
            return search.threshold_of(self.found.meta)
        except ModelError:  # vectors outlive their model
            return search.THRESHOLD

    def as_known(self, sources: Sequence[Source]) -> list[Source]:
        """Sources, those that are files of rows under the names that these have for them."""
        paths = [] if self._rows is None else [str(path) for path in self._rows.paths]
        known = set(paths)
        if all(source.path is None or str(source.path) in known for source in sources):
            return list(sources)
        rows = {identity(Path(path)): Path(path) for path in paths}
        return [
            source
            if source.path is None or str(source.path) in known
            else replace(source, path=rows.get(identity(source.path), source.path))
            for source in sources
        ]

    def add(self, items: Sequence[Item], *, workers: int = 2) -> Iterator[Entry]:
        """Embed pictures, those that rows have already, by their content, excepted.

        What becomes of each is yielded, in their order.

        Args:
            items: the inputs.
            workers: threads that read and decode.
        """
        embedder = self.embedder
        if self._rows is None:
            self._rows = Vectors.none(embedder.dimension, embedder.name, embedder.sha256)
        known = self.vectors.digest_set().__contains__
        for entry in embedder.run(items, known=known, workers=workers):
            self._new.append(entry)
            yield entry

    def query(self, name: str) -> Query:
        """A picture's vector: made now, unless there is one of the same file's content.

        Raises:
            InputError: it cannot be read.
        """
        item = find_item(name)
        data = item.read()
        rows, digest = self.vectors, np.frombuffer(hashlib.sha256(data).digest(), np.uint8)
        same = np.flatnonzero((rows.digests == digest).all(axis=1))
        if len(same):
            return Query(item, data, np.array(rows.values[same[0]]), float("nan"))
        picture = self.embedder.small(item, data)
        values, novelty = self.embedder.embed(picture[None], batch=1)
        return Query(item, data, values[0], float(novelty[0]))
