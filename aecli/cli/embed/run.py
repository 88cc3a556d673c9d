"""From a request to vectors, and to what is made of them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from aecli.cli import console, hush, stopping
from aecli.cli.embed import duplicates
from aecli.cli.embed.report import EmbedReport
from aecli.cli.embed.request import STDOUT
from aecli.datasets import collecting
from aecli.errors import AecliError, InputError, UsageError
from aecli.figures import contact, page, scatter
from aecli.files.inputs import named
from aecli.files.shards import Shard
from aecli.images import formats, writing
from aecli.images.image import Image
from aecli.inference import comparison, projection, search, thumbnails, vector_formats
from aecli.inference.collection import Collection
from aecli.inference.embed import Entry, small, usual
from aecli.inference.tsne import STEPS
from aecli.inference.vectors import Vectors, joined

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aecli.cli.embed.request import EmbedRequest
    from aecli.datasets.item import Item
    from aecli.figures.sheet import Picture
    from aecli.inference.projection import Floats

_NEAREST = 5


@hush.hushed()
def run(request: EmbedRequest) -> int:
    """Do what `aecli embed` was asked for; returns the program's exit code."""
    if request.nearest is not None and (missing := named(request.nearest).missing()) is not None:
        raise missing
    report = EmbedReport(request)
    collection = _collected(request, report)
    vectors = collection.vectors
    if request.output is not None:
        _keep(request, collection)
        report.kept(len(vectors))
    elif request.named:
        report.used()
    if request.nearest is not None:
        _nearest(request, collection, report)
    elif request.plot is not None and (
        not request.duplicates if request.page else not request.report
    ):
        _map(request, collection, report)
        report.drawn(len(vectors))
    if request.duplicates:
        duplicates.tell(request, collection, report)
    if request.report:
        _compare(request, collection, report)
    return report.code


def _collected(request: EmbedRequest, report: EmbedReport) -> Collection:
    """The vectors that are asked for: of an index, of the inputs, or of both."""
    if request.merge:
        base: Vectors | None = joined([Path(name) for name in request.inputs])
    else:
        base = None if request.base is None else vector_formats.read(request.base)
    model = request.model
    if model is None and base is None and request.files_from is None:
        model = usual(request.inputs)
    collection = Collection(
        base,
        str(request.base),
        model=model,
        engine=request.engine,
        device=request.device,
        opened=report.opened,
    )
    if base is None or request.model is not None or request.named:
        _ = collection.found  # what can be refused is, before any work
    if request.named:
        _add(request, collection, report)
    if not (len(collection.vectors) or request.shard):
        raise InputError("no picture could be embedded")
    return collection


def _add(request: EmbedRequest, collection: Collection, report: EmbedReport) -> None:
    """Embed the inputs, and tell what becomes of each."""
    found = collecting.gather(
        request.inputs, files_from=request.files_from, null=request.null, once=True
    )
    report.leave_out(found.left_out)
    there: list[Item] = []
    for source in collection.as_known(found.sources):
        try:
            if (missing := source.missing()) is not None:
                raise missing
            there += collecting.items(source)
        except AecliError as error:
            report.add(Entry(collecting.as_file(source), error=error))
    items = (request.shard or Shard()).of(there)
    if not items and (request.shard is None or request.base is not None):
        return  # an empty part of nothing is still a file
    left = len(items)

    def tell() -> None:
        report.interrupted(left, kept=_keep_some(request, collection))

    with stopping.telling(tell):
        entries = collection.add(items, workers=request.workers)
        with console.Bars(len(items), shown=not request.quiet) as bars:
            for entry in entries:
                left -= 1
                report.add(entry)
                bars.advance()
    report.embedded()


def _keep(request: EmbedRequest, collection: Collection) -> None:
    """Write the vectors."""
    assert request.output is not None
    assert request.writes is not None
    if request.output == STDOUT:
        console.deliver(partial(request.writes.write, collection.vectors), None)
        return
    overwrite = request.overwrite or request.update
    path = Path(request.output)
    vector_formats.save(collection.vectors, path, request.writes, overwrite=overwrite)


def _keep_some(request: EmbedRequest, collection: Collection) -> bool:
    """Write the vectors that an interrupted run has made, if it can go on from them.

    They take no other file's place: that one is whole.
    """
    form, output = request.writes, request.output
    if output is None or output == STDOUT or form is None or form.read is None:
        return False
    if not len(collection.vectors) or (Path(output).exists() and not request.update):
        return False
    try:
        _keep(request, collection)
    except AecliError as error:
        console.error(error.message, error.hint)
        return False
    return True


def _nearest(request: EmbedRequest, collection: Collection, report: EmbedReport) -> None:
    """Find the pictures most like the query, other than itself."""
    assert request.nearest is not None
    k, vectors = request.k or _NEAREST, collection.vectors
    query = collection.query(request.nearest)
    report.unusual(query.item.name, query.novelty)
    report.embedded()
    if len(query.vector) != vectors.dimension:
        raise UsageError(f"{request.index}: its vectors are not as long as the model's")
    rows, scores = search.nearest(vectors.values, query.vector, k + 1)
    likest = [(str(vectors.paths[row]), float(s)) for row, s in zip(rows, scores, strict=True)]
    found = [(path, score) for path, score in likest if not _same(path, query.item.path)][:k]
    report.neighbours(query.item.path, found)
    if request.plot is not None:
        paths = [path for path, _ in found]
        sheet = [small(query.item, contact.SIDE, 3, query.data)]
        if paths:
            sheet += list(thumbnails.read(paths, contact.SIDE, workers=request.workers)[0])
        captions = [f"query: {Path(query.item.path).name}"]
        captions += [f"{score:.4f} {Path(path).name}" for path, score in found]
        _write_picture(request, contact.sheet(np.stack(sheet), captions))
        report.drawn(len(sheet))


def _map(request: EmbedRequest, collection: Collection, report: EmbedReport) -> None:
    """Lay the vectors out in the plane and write the map."""
    assert request.plot is not None
    vectors = collection.vectors
    paths = [str(path) for path in vectors.paths]
    layout = _laid_out(request, vectors.values)
    if (
        request.projection is None
        and layout.title.startswith("PCA")
        and len(vectors) > projection.MOST
    ):
        report.say(
            f"{len(vectors):,} pictures are laid out by PCA; --projection tsne takes its time"
        )
    names = _groups(vectors.paths, vectors.labels)
    title = f"{len(paths)} pictures by {vectors.model}: {layout.title}"
    if request.page:
        pictures, _ = thumbnails.read(
            paths, page.thumbnail_side(len(paths)), workers=request.workers
        )
        text = page.page(layout.points, pictures, paths, names, title)
        target = Path(request.plot)
        console.deliver(lambda file: file.write(text.encode()), target, overwrite=request.overwrite)
    elif request.thumbnails:
        side = scatter.thumbnail_side(len(paths))
        pictures, _ = thumbnails.read(paths, side, workers=request.workers)
        _write_picture(request, scatter.thumbnails(layout.points, pictures, names, title))
    else:
        _write_picture(request, scatter.dots(layout.points, names, title, layout.axes))


def _laid_out(request: EmbedRequest, values: Floats) -> projection.Layout:
    """Vectors (N, D) as points in the plane."""
    method = request.projection or projection.usual(len(values))
    shown = method == "tsne" and not request.quiet
    with console.Bars(STEPS, shown=shown, what="steps of t-SNE") as bars:
        return projection.project(values, method, bars.advance)


def _compare(request: EmbedRequest, collection: Collection, report: EmbedReport) -> None:
    """Score the vectors beside PCA, on those pictures that can still be read."""
    vectors, embedder = collection.vectors, collection.embedder
    rows = comparison.chosen(len(vectors))
    pictures, there = thumbnails.read(
        vectors.paths[rows], embedder.size, embedder.channels, workers=request.workers
    )
    rows, pictures = rows[there], pictures[there]
    if not len(rows):
        raise InputError("--report: none of the pictures can be read any more")
    values = np.array(vectors.values[rows])
    names = _groups(vectors.paths[rows], vectors.labels[rows])
    figures = comparison.compare(values, pictures, embedder.reconstruct(values), names)
    report.compared(figures, len(vectors), len(set(names)))
    if request.plot is not None and not request.page:
        flat = np.divide(pictures.reshape(len(pictures), -1), 255, dtype=np.float32)
        components = comparison.scores(flat, figures.components)
        sides = {
            f"{vectors.model}: {figures.of_model}": values,
            f"PCA-{figures.components} of pixels: {figures.of_pca}": components,
        }
        layouts = {title: _laid_out(request, each) for title, each in sides.items()}
        maps = [scatter.dots(x.points, names, title, x.axes) for title, x in layouts.items()]
        _write_picture(request, scatter.side_by_side(*maps))
        report.drawn(len(rows))


def _groups(paths: Iterable[str], labels: Iterable[str]) -> list[str]:
    """What each picture is shown as one of: its class, or the sub-folder of its file."""
    folders = scatter.folders([str(path) for path in paths])
    return [str(label) or folder for label, folder in zip(labels, folders, strict=True)]


def _write_picture(request: EmbedRequest, picture: Picture) -> None:
    assert request.plot is not None
    path = Path(request.plot)
    image = Image(np.ascontiguousarray(picture))
    encode = partial(writing.write, image, format=formats.format_of(path))
    console.deliver(encode, path, overwrite=request.overwrite)


def _same(path: str, other: str) -> bool:
    """Whether two paths are one file; looked up only where they share a name."""
    a, b = Path(path), Path(other)
    return a.name == b.name and a.resolve() == b.resolve()
