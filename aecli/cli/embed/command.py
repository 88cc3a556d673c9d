"""`aecli embed`: pictures to vectors, to search and to look at."""

from __future__ import annotations

from typing import Annotated

import typer

from aecli.cli import options
from aecli.cli.help import Command

SEARCH = "Search"
LOOK = "Look"


def register(app: typer.Typer) -> None:
    """Add `aecli embed` to the program."""
    app.command(cls=Command)(embed)


def _threshold(text: str) -> float:
    """Parse `--threshold`."""
    try:
        cosine = float(text)
    except ValueError:
        cosine = -1.0
    if not 0 < cosine <= 1:
        raise typer.BadParameter(f"{text!r} is not a cosine above 0 and up to 1")
    return cosine


Inputs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="INPUT",
        help="Image files, folders (searched to the bottom), or - for standard input.",
        show_default=False,
    ),
]
Output = Annotated[
    str | None,
    typer.Option(
        "-o",
        "--output",
        metavar="OUT",
        help="Where the vectors go: .npz, .npy (with .paths.txt), .csv, .jsonl or .parquet; - for"
        " standard output, with -f.",
        rich_help_panel=options.FILES,
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        "-f",
        "--format",
        metavar="NAME",
        help="npz, npy, csv, jsonl or parquet, whatever OUT is called.",
        rich_help_panel=options.FILES,
    ),
]
Update = Annotated[
    bool,
    typer.Option(
        "--update",
        help="Add to the .npz at OUT: only new and changed files are embedded, no row is dropped.",
        rich_help_panel=options.FILES,
    ),
]
Index = Annotated[
    str | None,
    typer.Option(
        metavar="FILE.npz",
        help="Vectors made before, instead of or beside inputs.",
        rich_help_panel=options.FILES,
    ),
]
Null = Annotated[
    bool,
    typer.Option(
        "-0",
        "--null",
        help="NUL-separated: --files-from, the paths of --nearest, and of --duplicates all copies"
        " but the best of each group.",
        rich_help_panel=options.FILES,
    ),
]
Nearest = Annotated[
    str | None,
    typer.Option(
        metavar="QUERY",
        help="The pictures most like this one, with their cosines; --plot draws them.",
        rich_help_panel=SEARCH,
    ),
]
Count = Annotated[
    int | None,
    typer.Option("-k", min=1, metavar="N", help="How many; 5 without it.", rich_help_panel=SEARCH),
]
Duplicates = Annotated[
    bool,
    typer.Option(
        "--duplicates",
        help="Groups of near-duplicates, the best copy (most pixels, then a camera's own file, then"
        " the largest) first; --plot PAGE.html shows them. Nothing is ever deleted.",
        rich_help_panel=SEARCH,
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        parser=_threshold,
        metavar="T",
        help="Cosine from which two pictures are near-duplicates; the model's own without it.",
        rich_help_panel=SEARCH,
    ),
]
Plot = Annotated[
    str | None,
    typer.Option(
        metavar="MAP",
        help="A map of the vectors as a picture, or as a page to explore (.html).",
        rich_help_panel=LOOK,
    ),
]
Thumbnails = Annotated[
    bool,
    typer.Option("--thumbnails", help="A map of pictures instead of points.", rich_help_panel=LOOK),
]
Projection = Annotated[
    str | None,
    typer.Option(
        metavar="pca|tsne|umap",
        help="How vectors become places on the map; pca without it. Two-dimensional ones are places"
        " already.",
        rich_help_panel=LOOK,
    ),
]
Report = Annotated[
    bool,
    typer.Option(
        "--report",
        help="Score the vectors beside as many principal components: reconstruction, and k-NN"
        " accuracy by sub-folder.",
        rich_help_panel=LOOK,
    ),
]


def embed(
    inputs: Inputs = None,
    output: Output = None,
    format: Format = None,  # noqa: A002 - the option's name
    update: Update = False,
    index: Index = None,
    files_from: options.FilesFrom = None,
    null: Null = False,
    overwrite: options.Overwrite = False,
    nearest: Nearest = None,
    k: Count = None,
    duplicates: Duplicates = False,
    threshold: Threshold = None,
    plot: Plot = None,
    thumbnails: Thumbnails = False,
    projection: Projection = None,
    report: Report = False,
    model: options.Model = None,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    workers: options.Workers = 2,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Turn pictures into vectors: keep them, search in them, look at them."""
    from aecli.cli.embed.request import Request
    from aecli.cli.embed.run import run

    return run(
        Request(
            inputs=tuple(inputs or ()),
            output=output,
            format=format,
            update=update,
            index=index,
            files_from=files_from,
            null=null,
            overwrite=overwrite,
            nearest=nearest,
            k=k,
            duplicates=duplicates,
            threshold=threshold,
            plot=plot,
            thumbnails=thumbnails,
            projection=projection,
            report=report,
            model=model,
            device=device,
            precision=precision,
            workers=workers,
            json=json,
            quiet=quiet,
            verbose=verbose,
        )
    )
