"""Whether what is asked of `aecli embed` can be done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aecli.cli import console
from aecli.cli.embed.request import STDOUT
from aecli.errors import UsageError, did_you_mean
from aecli.files import places
from aecli.files.inputs import STDIN
from aecli.images.formats import FORMATS, format_of
from aecli.inference import projection, vector_formats

if TYPE_CHECKING:
    from aecli.cli.embed.request import EmbedRequest


def check(request: EmbedRequest) -> None:
    """Refuse what cannot be done, before any work.

    Raises:
        UsageError: options contradict each other, or what they would write may not be written.
    """
    _refuse_nothing(request)
    _refuse_contradictions(request)
    _check_output(request)
    _check_plot(request)
    _check_places(request)


def _refuse_nothing(request: EmbedRequest) -> None:
    wishes = request.output, request.nearest, request.duplicates, request.plot, request.report
    if not any(wishes):
        raise UsageError(
            "there is nothing to do with the vectors",
            "-o FILE.npz keeps them; or --nearest, --duplicates, --plot, --report",
        )
    if request.merge and not request.inputs:
        raise UsageError("--merge joins nothing", "name the .npz files of the parts")
    if not (request.named or request.merge) and request.index is None:
        raise UsageError("no inputs", "name image files or folders, or --index FILE.npz")


def _refuse_contradictions(request: EmbedRequest) -> None:
    to_stdout = [
        name
        for name, given in (
            ("-o -", request.output == STDOUT),
            ("--nearest", request.nearest is not None),
            ("--duplicates", request.duplicates),
            ("--report", request.report),
        )
        if given
    ]
    if len(to_stdout) > 1:
        raise UsageError(f"{to_stdout[0]} and {to_stdout[1]} both write to standard output")
    if request.output == STDOUT and request.json:
        raise UsageError("--json and the vectors cannot both go to standard output")
    if request.json and request.null:
        raise UsageError("--json and --null exclude each other")
    if request.update and request.index is not None:
        raise UsageError("--update and --index exclude each other", "-o names what is updated")
    if request.merge and (request.update or request.index is not None or request.files_from):
        raise UsageError("--merge takes .npz files as its inputs, and nothing beside them")
    if request.merge and request.shard is not None:
        raise UsageError("--merge and --shard exclude each other")
    if request.nearest == STDIN and STDIN in (*request.inputs, request.files_from):
        raise UsageError("standard input cannot be both the query and an input")
    meaningless = {
        "-k means nothing without --nearest": request.k is not None and request.nearest is None,
        "--threshold means nothing without --duplicates": (
            request.threshold is not None and not request.duplicates
        ),
        "--thumbnails means nothing without --plot": request.thumbnails and request.plot is None,
        "--projection means nothing without --plot": (
            request.projection is not None and request.plot is None
        ),
        "--thumbnails and --projection mean nothing to the page of --duplicates": (
            request.duplicates
            and request.page
            and (request.thumbnails or request.projection is not None)
        ),
        "--thumbnails and --projection mean nothing to the contact sheet of --nearest": (
            request.nearest is not None and (request.thumbnails or request.projection is not None)
        ),
        "-f means nothing without -o": request.format is not None and request.output is None,
    }
    for message, so in meaningless.items():
        if so:
            raise UsageError(message)


def _check_output(request: EmbedRequest) -> None:
    if request.output is None:
        if request.update:
            raise UsageError("--update needs -o FILE.npz", "that is the file it adds to")
        return
    if request.output == STDOUT and request.format is None:
        raise UsageError("-o - needs a format", f"-f {', '.join(vector_formats.FORMATS)}")
    written = request.writes
    assert written is not None
    if request.update and (written.read is None or request.output == STDOUT):
        raise UsageError("--update adds to .npz files only")
    if request.output != STDOUT:
        return
    if written.beside is not None:
        raise UsageError(
            f"{written.name} on standard output would lose its paths", "-f npz keeps them together"
        )
    if written.signature is not None and console.stdout_is_terminal():
        raise UsageError(f"{written.name} is not for the terminal", "name a file, or redirect")


def _check_plot(request: EmbedRequest) -> None:
    if request.plot is None:
        return
    if request.projection is not None:
        if request.projection not in projection.METHODS:
            hint = did_you_mean(request.projection, projection.METHODS)
            raise UsageError(f"--projection: {request.projection!r} is no projection", hint)
        projection.check(request.projection)
    path = Path(request.plot)
    if not request.page and not FORMATS[format_of(path)].written:
        raise UsageError(f"--plot {path}: is not written in that format", "choose png or html")
    if request.page and request.nearest is not None:
        raise UsageError("the contact sheet of --nearest is a picture", "choose png")


def _check_places(request: EmbedRequest) -> None:
    vectors, drawn = [], []
    if request.output not in (None, STDOUT):
        path = Path(request.output)
        vectors.append(("the vectors", path))
        if request.writes is not None and request.writes.beside is not None:
            vectors.append(("their paths", vector_formats.paths_beside(path)))
    if request.plot is not None:
        drawn.append(("the map", Path(request.plot)))
    names = [*request.inputs, request.nearest, request.files_from]
    inputs = [Path(name) for name in names if name not in (None, STDIN)]
    places.check([*vectors, *drawn], inputs=inputs, overwrite=True)
    places.check(drawn if request.update else [*vectors, *drawn], overwrite=request.overwrite)
