"""The vectors to work with: those of an index, of the inputs, or both; and their model."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from aecli.checkpoints import store
from aecli.cli import console, stopping
from aecli.errors import InputError, ModelError
from aecli.files.inputs import gather, named
from aecli.files.paths import identity
from aecli.files.shards import Shard
from aecli.inference import search
from aecli.inference import vectors as npz
from aecli.inference.embed import Embedder, Entry, find
from aecli.inference.vectors import Vectors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aecli.checkpoints.store import Found
    from aecli.cli.embed.report import Report
    from aecli.cli.embed.request import EmbedRequest
    from aecli.files.inputs import Source
    from aecli.inference.vectors import Floats


@dataclass(frozen=True, eq=False)
class Query:
    """A picture to find the like of.

    Attributes:
        path: its file; `-` for standard input.
        data: the file's content.
        vector: float32, (D,).
    """

    path: str
    data: bytes
    vector: Floats


class Collection:
    """Vectors and their model, which is found and loaded only where something needs it.

    Args:
        request: what the user asks.
        report: is told of the work.

    Attributes:
        vectors: the rows; None before `gather`, unless there is an index.

    Raises:
        InputError: the index cannot be read.
        ModelError: there is no such model.
        UsageError: the index is that of another model.
    """

    def __init__(self, request: EmbedRequest, report: Report) -> None:
        self._request = request
        self._report = report
        if request.merge:
            self._base: Vectors | None = npz.joined([Path(name) for name in request.inputs])
        else:
            self._base = None if request.base is None else npz.load(request.base)
        if self._base is None or request.model is not None or request.named:
            _ = self.found  # what can be refused is, before any work

    @functools.cached_property
    def found(self) -> Found:
        """The model's file: the one that made the index, if there is one."""
        base = self._base
        found = find(self._request.model or (None if base is None else base.model))
        if base is not None:
            base.refuse_other(found.name, store.sha256(found.path), str(self._request.base))
        return found

    @functools.cached_property
    def embedder(self) -> Embedder:
        """The model, loaded."""
        request = self._request
        embedder = Embedder(self.found, device=request.device, precision=request.precision)
        self._report.opened(embedder)
        return embedder

    @functools.cached_property
    def vectors(self) -> Vectors:
        """All rows: those of the index, and those that the inputs add or change.

        Raises:
            InputError: there are none.
        """
        base, request = self._base, self._request
        if request.named:
            found = gather(
                request.inputs,
                recursive=True,
                files_from=request.files_from,
                null=request.null,
                once=True,
            )
            self._report.leave_out(found.left_out)
            entries = [Entry(s, error=e) for s in found.sources if (e := s.missing()) is not None]
            for entry in entries:
                self._report.add(entry)
            absent = {entry.source for entry in entries}
            sources = _as_known([s for s in found.sources if s not in absent], base)
            sources = (request.shard or Shard()).of(sources)
            if sources or (base is None and request.shard is not None):
                base, more = self._embedded(sources, base)
                entries += more
            if base is not None:
                base = base.with_entries(entries)
        if base is None or not (len(base) or request.shard):
            raise InputError("no picture could be embedded")
        return base

    def _embedded(
        self, sources: Sequence[Source], base: Vectors | None
    ) -> tuple[Vectors, list[Entry]]:
        """The rows there are before, and what becomes of the inputs."""
        entries: list[Entry] = []
        with stopping.telling(lambda: self._report.interrupted(len(sources) - len(entries))):
            embedder, request = self.embedder, self._request
            if base is None:
                base = Vectors.none(embedder.dimension, embedder.name, embedder.sha256)
            known, workers = base.digest_set().__contains__, request.workers
            with console.Bars(len(sources), shown=not request.quiet) as bars:
                for entry in embedder.run(sources, known=known, workers=workers):
                    entries.append(entry)
                    self._report.add(entry)
                    bars.advance()
        self._report.embedded()
        return base, entries

    @property
    def threshold(self) -> float:
        """The cosine from which two pictures are near-duplicates."""
        if self._request.threshold is not None:
            return self._request.threshold
        try:
            return search.threshold_of(self.found.meta)
        except ModelError:  # vectors outlive their model
            return search.THRESHOLD

    def query(self, name: str) -> Query:
        """A picture's vector: made now, unless there is one of the same file's content.

        Raises:
            InputError: it cannot be read.
        """
        data = named(name).read()
        vectors, digest = self.vectors, np.frombuffer(hashlib.sha256(data).digest(), np.uint8)
        same = np.flatnonzero((vectors.digests == digest).all(axis=1))
        if len(same):
            return Query(name, data, np.array(vectors.values[same[0]]))
        called = named(name).name
        picture = self.embedder.small(data, called)
        values, novelty = self.embedder.embed(picture[None], batch=1)
        self._report.unusual(called, float(novelty[0]))
        self._report.embedded()
        return Query(name, data, values[0])


def _as_known(sources: Sequence[Source], base: Vectors | None) -> list[Source]:
    """The sources, those that are files of the index under the name that it has for them."""
    paths = [] if base is None else [str(path) for path in base.paths]
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
