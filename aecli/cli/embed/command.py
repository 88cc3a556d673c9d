"""`aecli embed`: pictures to vectors, to search and to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aecli.cli.embed.request import EmbedRequest  # noqa: TC001 - its fields are options
from aecli.cli.help import Command
from aecli.cli.request import command

if TYPE_CHECKING:
    import typer


def register(app: typer.Typer) -> None:
    """Add `aecli embed` to the program."""
    app.command(cls=Command)(command(embed))


def embed(request: EmbedRequest) -> int:
    """Turn pictures into vectors: keep them, search in them, look at them.

    -m photo, the default, is for photographs, -m melodies, that of MIDI files, for tunes.

    Examples:
        aecli embed album/ -o album.npz
        aecli embed --index album.npz --nearest photo.jpg -k 3
        aecli embed album/ --duplicates --plot groups.html
        aecli embed album/ --plot map.html
        aecli embed --index album.npz --plot map.png --thumbnails --projection pca
        AECLI_EMBED_MODEL=mnist aecli embed digits/ -o digits.npz
    """
    from aecli.cli.embed.check import check
    from aecli.cli.embed.run import run

    check(request)
    return run(request)
