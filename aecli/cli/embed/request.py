"""What can be asked of `aecli embed`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aecli.cli import options

if TYPE_CHECKING:
    from aecli.inference.vector_formats import VectorFormat

SEARCH = options.Panel("Search")
LOOK = options.Panel("Look")

STDOUT = "-"
PAGE = (".html", ".htm")


def _threshold(text: str) -> float:
    """Parse `--threshold`."""
    try:
        cosine = float(text)
    except ValueError:
        cosine = -1.0
    if not 0 < cosine <= 1:
        raise typer.BadParameter(f"{text!r} is not a cosine above 0 and up to 1")
    return cosine


@dataclass(frozen=True)
class EmbedRequest:
    """The options of `aecli embed`."""

    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT",
            help="Images, folders (searched to the bottom), IDX, .npy, .npz and .zip files of"
            " images, FILE::INDEX for one of these, or - for standard input.",
            show_default=False,
        ),
    ] = field(default_factory=list)
    output: Annotated[
        str | None,
        options.FILES.option(
            "-o",
            "--output",
            metavar="OUT",
            help="Where the vectors go: .npz, .npy (with .paths.txt), .csv, .jsonl or .parquet; -"
            " for standard output, with -f.",
        ),
    ] = None
    format: Annotated[
        str | None,
        options.FILES.option(
            "-f",
            "--format",
            metavar="NAME",
            help="npz, npy, csv, jsonl or parquet, whatever OUT is called.",
        ),
    ] = None
    update: Annotated[
        bool,
        options.FILES.option(
            "--update",
            help="Add to the .npz at OUT: only new and changed files are embedded, no row is"
            " dropped.",
        ),
    ] = False
    index: Annotated[
        str | None,
        options.FILES.option(
            metavar="FILE.npz", help="Vectors made before, instead of or beside inputs."
        ),
    ] = None
    files_from: options.FilesFrom = None
    null: Annotated[
        bool,
        options.FILES.option(
            "-0",
            "--null",
            help="NUL-separated: --files-from, the paths of --nearest, and of --duplicates all"
            " copies but the best of each group.",
        ),
    ] = False
    overwrite: options.Overwrite = False
    shard: options.Shard = None
    merge: Annotated[
        bool,
        options.FILES.option(
            "--merge", help="INPUTs are .npz files that parts of the work have made: join them."
        ),
    ] = False
    nearest: Annotated[
        str | None,
        SEARCH.option(
            metavar="QUERY",
            help="The pictures most like this one, with their cosines; --plot draws them.",
        ),
    ] = None
    k: Annotated[
        int | None, SEARCH.option("-k", min=1, metavar="N", help="How many; 5 without it.")
    ] = None
    duplicates: Annotated[
        bool,
        SEARCH.option(
            "--duplicates",
            help="Groups of near-duplicates, the best copy (most pixels, then a camera's own file,"
            " then the largest) first; --plot PAGE.html shows them. Nothing is ever deleted.",
        ),
    ] = False
    threshold: Annotated[
        float | None,
        SEARCH.option(
            parser=_threshold,
            metavar="T",
            help="Cosine from which two pictures are near-duplicates; the model's own without it.",
        ),
    ] = None
    plot: Annotated[
        str | None,
        LOOK.option(
            metavar="MAP",
            help="A map of the vectors as a picture, or as a page to explore (.html).",
        ),
    ] = None
    thumbnails: Annotated[
        bool, LOOK.option("--thumbnails", help="A map of pictures instead of points.")
    ] = False
    projection: Annotated[
        str | None,
        LOOK.option(
            metavar="tsne|pca|umap",
            help="How vectors become places on the map: by their neighbours (tsne; umap needs the"
            " extra maps), or where they vary most (pca). tsne without it, pca of more than 50,000."
            " Two-dimensional ones are places already.",
        ),
    ] = None
    report: Annotated[
        bool,
        LOOK.option(
            "--report",
            help="Score the vectors beside as many principal components: reconstruction, and k-NN"
            " accuracy by class; --plot draws both maps.",
        ),
    ] = False
    model: options.Model = None
    engine: options.Engine = "auto"
    device: options.Device = "auto"
    workers: options.Workers = options.WORKERS
    json: options.Json = False
    quiet: options.Quiet = False
    verbose: options.Verbose = False

    @property
    def named(self) -> bool:
        """Whether there are pictures to embed, beside or instead of an index."""
        return not self.merge and (bool(self.inputs) or self.files_from is not None)

    @property
    def base(self) -> Path | None:
        """The file of vectors to start from."""
        if self.update and self.output is not None:
            return path if (path := Path(self.output)).exists() else None
        return None if self.index is None else Path(self.index)

    @property
    def writes(self) -> VectorFormat | None:
        """The format of the vectors that are to be kept."""
        from aecli.inference.vector_formats import format_of

        return None if self.output is None else format_of(self.format or self.output)

    @property
    def page(self) -> bool:
        """Whether the map is a web page."""
        return self.plot is not None and Path(self.plot).suffix.lower() in PAGE
